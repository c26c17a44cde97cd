import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { canonicalJson, type Json } from './canonical-json.ts';

const integer = fc.maxSafeInteger();
const { value: anyJson } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    integer,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

describe('canonical JSON', () => {
  test('is JSON of the same value', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('has one spelling, whatever order the members came in', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), integer), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
      }),
    );
  });

  test('is that of RFC 8785: members by UTF-16 code units, no white space, the least escapes', () => {
    // The members of section 3.2.3, in the order the RFC gives.
    const members = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33'];
    const value = Object.fromEntries(members.toReversed().map((name) => [name, name]));
    expect(Object.keys(JSON.parse(canonicalJson(value))).toSorted()).toEqual(members.toSorted());
    expect(canonicalJson({ b: [1, { d: null, c: true }], a: '€$\n\u000f"\\' })).toBe(
      '{"a":"€$\\n\\u000f\\"\\\\","b":[1,{"c":true,"d":null}]}',
    );
    expect(canonicalJson({ '\ufb33': 1, '\u{1f600}': 2 })).toBe('{"\u{1f600}":2,"\ufb33":1}');
  });

  test('orders members whose names are numbers, which the runtime lists first, as text', () => {
    expect(canonicalJson({ 10: 'b', 9: 'c', '\r': 'a' })).toBe('{"\\r":"a","10":"b","9":"c"}');
    expect(canonicalJson([{ b: { 2: 1, 10: 2 } }])).toBe('[{"b":{"10":2,"2":1}}]');
  });

  test('refuses what is not JSON also behind members that are out of order', () => {
    expect(() => canonicalJson({ b: 1, a: 1.5 })).toThrow(TypeError);
    expect(() => canonicalJson({ b: [1, { d: 1, c: new Date(0) as never }], a: 1 })).toThrow(TypeError);
  });

  test('leaves out members that are undefined and knows one zero', () => {
    expect(canonicalJson({ a: undefined, b: -0 })).toBe('{"b":0}');
  });

  test('tells apart what differs', () => {
    const values: Json[] = [null, 'null', {}, [], [[]], '', 0, '0', false, { a: null }, { a: [] }];
    expect(new Set(values.map(canonicalJson)).size).toBe(values.length);
  });

  test.each([
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1n,
    undefined,
    () => 1,
    new Date(0),
    new Map(),
  ])('refuses %p, which has no single spelling', (value) => {
    expect(() => canonicalJson(value as Json)).toThrow(TypeError);
    expect(() => canonicalJson([value as Json])).toThrow(TypeError);
  });
});
