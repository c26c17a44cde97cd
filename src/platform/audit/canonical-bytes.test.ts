import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import { byteSink, putBase64, putCount, putQuoted, putUuid, roomQuoted } from './byte-sink.ts';
import { putCanonical } from './canonical-bytes.ts';

const json: fc.Arbitrary<Json> = fc.letrec<{ readonly value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.string({ maxLength: 4 }), fc.string({ unit: 'binary', maxLength: 3 })),
      tie('value'),
      {
        maxKeys: 6,
      },
    ),
  ),
})).value as fc.Arbitrary<Json>;

/** As `jsonb` writes: members by the length of their names, a space after colons and commas. */
function storedText(value: Json): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => storedText(item as Json)).join(', ')}]`;
  }
  if (typeof value !== 'object' || value === null) {
    return JSON.stringify(value);
  }
  const members = Object.entries(value).sort(
    ([one], [other]) => one.length - other.length || (one < other ? -1 : 1),
  );
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}: ${storedText(member as Json)}`).join(', ')}}`;
}

function canonicalOf(text: string): string {
  const bytes = Buffer.from(`before${text}after`, 'utf8');
  const sink = byteSink(roomQuoted(bytes.length));
  putCanonical(sink, bytes, 6, bytes.length - 5);
  return sink.bytes.toString('utf8', 0, sink.at);
}

test('gives the bytes of canonicalJson for whatever jsonb and JSON.stringify write', () => {
  fc.assert(
    fc.property(json, (value) => {
      const expected = canonicalJson(value);
      expect(canonicalOf(storedText(value))).toBe(expected);
      expect(canonicalOf(JSON.stringify(value))).toBe(expected);
    }),
    { numRuns: 500 },
  );
});

test.each([
  [
    '{"b": 1, "a": {"d": [3, {"f": null, "e": true}], "c": ""}}',
    '{"a":{"c":"","d":[3,{"e":true,"f":null}]},"b":1}',
  ],
  ['{"aa": 1, "b": 2, "a": 3}', '{"a":3,"aa":1,"b":2}'],
  ['{"é": 1, "z": 2, "a\\"": 3}', '{"a\\"":3,"z":2,"é":1}'],
  ['{"a": 1.0, "b": -0, "c": 1e3}', '{"a":1,"b":0,"c":1000}'],
  ['["\\u0041", "\\/", "\\u001f", "\\u0008"]', '["A","/","\\u001f","\\b"]'],
  ['9007199254740991', '9007199254740991'],
  ['{}', '{}'],
  ['[]', '[]'],
])('spells %s as %s', (text, expected) => {
  expect(canonicalOf(text)).toBe(expected);
  expect(canonicalJson(JSON.parse(text) as Json)).toBe(expected);
});

test('goes as deep as the runtime does', () => {
  const deep = `${'[{"b": 1, "a": '.repeat(200)}0${'}]'.repeat(200)}`;
  expect(canonicalOf(deep)).toBe(canonicalJson(JSON.parse(deep) as Json));
});

test.each(['1.5', '{"a": [9007199254740992]}', '-1e30'])('refuses %s, as canonicalJson does', (text) => {
  expect(() => canonicalOf(text)).toThrow(TypeError);
});

test.each(['{"a": 1', '"a', '[1,]', 'nul', '{"a" 1}', '01', ''])('takes %p for no JSON', (text) => {
  expect(() => canonicalOf(text)).toThrow(SyntaxError);
});

test('writes strings, UUIDs, base64 and counts as the runtime does', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.uuid(),
      fc.uint8Array({ maxLength: 70 }),
      fc.maxSafeNat(),
      (text, uuid, bytes, count) => {
        const source = Buffer.from(text, 'utf8');
        const sink = byteSink(roomQuoted(source.length) + 200);
        putQuoted(sink, source, 0, source.length);
        putUuid(sink, Buffer.from(uuid.replaceAll('-', ''), 'hex'), 0);
        putBase64(sink, bytes, 0, bytes.length);
        putCount(sink, count);
        const expected = `${JSON.stringify(source.toString('utf8'))}${uuid}${bytes.toBase64()}${count}`;
        expect(sink.bytes.toString('utf8', 0, sink.at)).toBe(expected);
      },
    ),
  );
});
