/**
 * No operation takes an amount that is none: for every member of a body or query that is a decimal, found in
 * the OpenAPI document, in its examples and in what the drivers send. The refusal names the member, and
 * nothing is written.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { operationsOf } from '../app.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import type { Endpoint } from '../platform/http/endpoint.ts';
import { openapiDocument } from '../platform/http/openapi.ts';
import { VERSION } from '../platform/http/version.ts';
import type { Schema } from './arbitrary-json.ts';
import { driverCall } from './driver-call.ts';
import { rowCounts } from './row-counts.ts';
import type { Answer } from './send.ts';
import { type OperationCall, startWorld, type World } from './world.ts';

type Documented = {
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema; readonly example?: unknown }>>;
  };
};

const operations = operationsOf({ domains: allDomains, platformEndpoints });
const document = openapiDocument(operations, VERSION) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};

/** Limits, where zero shuts a way altogether, and fees, where it costs nothing. */
const MAY_BE_ZERO = new Set([
  'proposeFundingLimit /maximum',
  'proposeRiskLimit /value',
  'createDeposit /expectedFee',
  'createWithdrawal /expectedFee',
  'replaceOrder /filledQuantity',
  'createInstrument /minNotional',
  'changeInstrument /minNotional',
  'proposeFees /fees/0/fixed',
  'proposeFees /fees/0/minimum',
  'proposeFees /fees/0/maximum',
]);

/** Written in digits, and yet no amounts: nobody pays the figures that describe an instrument. */
const OTHER_DIGITS = /(birthDate|postalCode|sourceId|\/metadata\/\w+)$/;

/** One of several forms, each with members of its own: where none was said, the refusal names what says it. */
const FORMS = /^\/condition(?=\/)/;

const NEVER: readonly unknown[] = [
  '1.00000000001', // eleven decimals, more than an exchange rate has
  '1e3',
  '1E-3',
  '1e',
  '1000000000000', // one more than numeric(20,8) holds
  '999999999999.999999999',
  '9'.repeat(400),
  'NaN',
  'Infinity',
  '-Infinity',
  '',
  ' 1',
  '1 ',
  '1.',
  '.5',
  '+1',
  '01',
  '1,5',
  '1_000',
  '0x10',
  '\u0661', // a digit of another script
  1,
  0.1,
  1e21,
  true,
  null,
  [],
  ['1'],
  {},
  { amount: '1' },
];
const NOT_MONEY: readonly unknown[] = ['1.000000001'];
const NEGATIVES: readonly unknown[] = ['-1', '-0.00000001'];
const ZEROS: readonly unknown[] = ['0', '0.0', '0.00000000'];

type Member = { readonly operationId: string; readonly pointer: string; readonly schema: Schema };

function resolved(schema: Schema): Schema {
  return schema.$ref === undefined
    ? schema
    : resolved(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {});
}

/** A pattern that takes numbers and no words, or an example that is one. */
function isDecimal({ pattern, example }: Schema): boolean {
  const takes = (text: string) => new RegExp(pattern ?? '', 'u').test(text);
  return pattern === undefined
    ? typeof example === 'string' && /^\d+(\.\d+)?$/.test(example)
    : takes('1.5') && takes('250') && !takes('AB') && !takes('A.5');
}

function decimalsOf(schema: Schema, pointer: string): { pointer: string; schema: Schema }[] {
  const { anyOf = [], oneOf = [], allOf = [], properties = {}, items, ...own } = resolved(schema);
  return [
    ...(isDecimal(own) ? [{ pointer, schema: own }] : []),
    ...[...anyOf, ...oneOf, ...allOf].flatMap((part) => decimalsOf(part, pointer)),
    ...Object.entries(properties).flatMap(([name, member]) => decimalsOf(member, `${pointer}/${name}`)),
    ...(items === undefined ? [] : decimalsOf(items, `${pointer}/0`)),
  ];
}

/** Where a value has decimal strings. */
function decimalsIn(value: unknown, pointer: string): string[] {
  if (typeof value === 'string') {
    return /^\d+(\.\d+)?$/.test(value) ? [pointer] : [];
  }
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, member]) => decimalsIn(member, `${pointer}/${name}`))
    : [];
}

function membersOf(operation: Endpoint): Member[] {
  const { parameters = [], requestBody } = document.paths[operation.path]?.[operation.method] ?? {};
  const { schema = {}, example } = requestBody?.content['application/json'] ?? {};
  const found = new Map<string, Schema>(decimalsIn(example, '').map((pointer) => [pointer, {}]));
  for (const member of decimalsOf(schema, '')) {
    found.set(member.pointer, member.schema);
  }
  for (const { name, schema: own } of parameters.filter((parameter) => parameter.in === 'query')) {
    if (isDecimal(own)) {
      found.set(`query/${name}`, own);
    }
  }
  const { operationId } = operation;
  return [...found]
    .filter(([pointer]) => !OTHER_DIGITS.test(pointer))
    .map(([pointer, each]) => ({ operationId, pointer, schema: each }));
}

const members = operations.flatMap(membersOf);

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

function withMember(value: unknown, steps: readonly string[], member: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) {
    return member;
  }
  if (value === undefined && step === '0') {
    return [withMember(undefined, rest, member)];
  }
  if (Array.isArray(value)) {
    return value.with(Number(step), withMember(value[Number(step)], rest, member));
  }
  const object = (value ?? {}) as Record<string, unknown>;
  return { ...object, [step]: withMember(object[step], rest, member) };
}

function callWith(call: OperationCall, pointer: string, value: unknown): OperationCall {
  const [place, ...steps] = pointer.split('/');
  return place === 'query'
    ? { ...call, query: { ...call.query, [steps[0] ?? '']: value as string } }
    : { ...call, body: withMember(call.body, steps, value) };
}

function badValues({ operationId, pointer, schema }: Member): unknown[] {
  const isRate = schema.pattern !== undefined && new RegExp(schema.pattern).test('1.000000001');
  // Legs of a journal are shown with a sign in the document.
  const isSigned = typeof schema.example === 'string' && schema.example.startsWith('-');
  const values = [
    ...NEVER,
    ...(isSigned ? [] : NEGATIVES),
    ...(isRate ? [] : NOT_MONEY),
    ...(MAY_BE_ZERO.has(`${operationId} ${pointer}`) ? [] : ZEROS),
  ];
  return pointer.startsWith('query/') ? values.filter((value) => typeof value === 'string') : values;
}

/** Where the refusal points, if it is one of a request that does not fit. */
function pointersOf({ status, body }: Answer): unknown {
  // A member of a batch is answered in its place.
  const [only] = status === 201 ? (body.data ?? []) : [{ status, problem: body }];
  return only?.status === 422 && only.problem.code === 'validation_failed'
    ? (only.problem.errors as { pointer: string }[]).map((error) => error.pointer)
    : `${status} ${body.code}`;
}

test('the amounts of operations are found', () => {
  expect(members.map(({ operationId, pointer }) => `${operationId} ${pointer}`)).toEqual(
    expect.arrayContaining([
      'createDeposit /amount',
      'createWithdrawal /amount',
      'placeOrder /quantity',
      'proposeFundingLimit /maximum',
      'proposeRiskLimit /value',
      'quoteWithdrawal query/amount',
    ]),
  );
});

describe('an amount that is none', () => {
  test.each(members.map((member) => [member.operationId, member.pointer, member] as const))(
    'is refused by %s at %s and leaves nothing',
    async (operationId, pointer, member) => {
      const call = await driverCall(world, operationId);
      const before = await rowCounts(world);
      const taken: unknown[] = [];
      for (const value of badValues(member)) {
        const found = pointersOf(await world.call(operationId, callWith(call, pointer, value)));
        const form = `${FORMS.exec(pointer)?.[0]}/kind`;
        if (!(Array.isArray(found) && (found.includes(pointer) || found.includes(form)))) {
          taken.push([value, found]);
        }
      }
      expect(taken).toEqual([]);
      expect(await rowCounts(world)).toEqual(before);
    },
  );
});

test('what an operation is sent by its driver holds no amount that was overlooked', async () => {
  const overlooked: string[] = [];
  for (const { operationId, body, bodyKind, method } of operations) {
    if (method === 'get' || body === undefined || (bodyKind ?? 'json') !== 'json') {
      continue;
    }
    const { body: sent } = await driverCall(world, operationId);
    const known = new Set(
      members.filter((member) => member.operationId === operationId).map((m) => m.pointer),
    );
    overlooked.push(
      ...decimalsIn(sent, '')
        .filter((pointer) => !known.has(firstOf(pointer)) && !OTHER_DIGITS.test(pointer))
        .map((pointer) => `${operationId} ${pointer}`),
    );
  }
  expect(overlooked).toEqual([]);
}, 300_000);

/** Members of a list stand for each other. */
function firstOf(pointer: string): string {
  return pointer.replaceAll(/\/\d+(?=\/|$)/g, '/0');
}
