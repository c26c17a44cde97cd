/**
 * Values for the JSON Schemas of the OpenAPI document: valid ones as far as a schema tells, and broken ones
 * made from them. What a schema cannot tell (two members that contradict each other) is found by chance.
 */
import fc from 'fast-check';

export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly example?: unknown;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
};

export type Sources = {
  readonly schemas: Readonly<Record<string, Schema>>;
  /** Ids of objects that exist, so that not every id leads nowhere. */
  readonly knownIds: readonly string[];
};

const MAX_TEXT = 40;

/** What finds carelessness: other types, edges of numbers and text, names of JavaScript. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    Number.MAX_SAFE_INTEGER + 1,
    '',
    ' ',
    '\0',
    '\ud83c',
    '\u202e\u0000',
    'a'.repeat(5000),
    '-0',
    '1e9',
    '00.1',
    '9'.repeat(40),
    '2026-13-45T00:00:00Z',
    '9999-12-31T23:59:59.999999999-23:59',
    "'; select 1; --",
    '../../etc/passwd',
    [],
    {},
    [[[[]]]],
  ),
  fc.string({ unit: 'binary', maxLength: MAX_TEXT }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value that fits the schema. */
export function validValue(schema: Schema, sources: Sources): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    return validValue(sources.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, sources);
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) {
    return fc.oneof(...choices.map((choice) => validValue(choice, sources)));
  }
  if (schema.allOf !== undefined) {
    const parts = schema.allOf.map((part) => validValue(part, sources));
    return fc.tuple(...parts).map((values) => Object.assign({}, ...(values as object[])));
  }
  if (schema.enum !== undefined || schema.const !== undefined) {
    return fc.constantFrom(...(schema.enum ?? [schema.const]));
  }
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['string']);
  return fc.oneof(...types.map((type) => ofType(type, schema, sources)));
}

/** A value that mostly fits: one member replaced, left out or added, or something else altogether. */
export function brokenValue(schema: Schema, sources: Sources): fc.Arbitrary<unknown> {
  const valid = validValue(schema, sources);
  return fc.oneof(
    { weight: 1, arbitrary: junk },
    {
      weight: 6,
      arbitrary: fc.tuple(valid, fc.nat(), junk, fc.constantFrom('replace', 'remove', 'add')).map(broken),
    },
  );
}

function broken([value, at, other, how]: [unknown, number, unknown, string]): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return other;
  }
  const entries = Object.entries(value);
  const index = at % Math.max(entries.length, 1);
  if (how === 'add' || entries.length === 0) {
    return Object.fromEntries([...entries, ['__proto__', other]]);
  }
  return Object.fromEntries(
    how === 'remove' ? entries.toSpliced(index, 1) : entries.with(index, [entries[index]?.[0] ?? 'x', other]),
  );
}

function ofType(type: string, schema: Schema, sources: Sources): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1000 });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1000, noNaN: true });
    case 'array':
      return fc.array(validValue(schema.items ?? {}, sources), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    case 'object':
      return fc.record(
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([name, member]) => [
            name,
            validValue(member, sources),
          ]),
        ),
        { requiredKeys: [...(schema.required ?? [])] },
      );
    default:
      return text(schema, sources);
  }
}

function text(schema: Schema, { knownIds }: Sources): fc.Arbitrary<unknown> {
  const { example, format, pattern } = schema;
  const examples = typeof example === 'string' ? [fc.constant(example)] : [];
  switch (format) {
    case 'uuid':
      return fc.oneof(fc.constantFrom(...knownIds), fc.uuid());
    case 'date-time':
      return fc
        .date({ min: new Date('1950-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
        .map((date) => date.toISOString());
    case 'date':
      return fc
        .date({ min: new Date('1950-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
        .map((date) => date.toISOString().slice(0, 10));
    case 'email':
      return fc.oneof(fc.emailAddress(), ...examples);
    default:
      return fc.oneof(pattern === undefined ? plainText(schema) : matching(pattern), ...examples);
  }
}

function plainText({ minLength = 0, maxLength = MAX_TEXT }: Schema): fc.Arbitrary<string> {
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, MAX_TEXT)) });
}

/** Patterns fast-check cannot read (Unicode properties) are met by plain letters. */
function matching(pattern: string): fc.Arbitrary<string> {
  return /\\[pP]\{/.test(pattern)
    ? fc.string({ unit: 'grapheme-ascii', minLength: 3, maxLength: MAX_TEXT })
    : fc.stringMatching(new RegExp(pattern));
}
