/**
 * What the OpenAPI document promises, held against the application under valid, broken and hostile input:
 * every answer is of a documented status and shape, every refusal is a problem of a documented code, and
 * nothing ever fails inside.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { and, inArray } from 'drizzle-orm';
import fc from 'fast-check';
import { operationsOf } from '../app.ts';
import { users } from '../domains/identity/schema.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { present } from '../kernel/assert.ts';
import type { Endpoint } from '../platform/http/endpoint.ts';
import { openapiDocument } from '../platform/http/openapi.ts';
import { DEFAULT_BODY_BYTES } from '../platform/http/read-body.ts';
import { VERSION } from '../platform/http/version.ts';
import { brokenValue, type Schema, type Sources, validValue } from './arbitrary-json.ts';
import { allDrivers } from './drivers/all-drivers.ts';
import { liftAllBreakers } from './drivers/risk.ts';
import type { Answer } from './send.ts';
import { type Member, type OperationCall, pathOf, startWorld, type World } from './world.ts';

type Content = Readonly<
  Record<string, { readonly schema: Schema; readonly examples?: Record<string, unknown> }>
>;
type Documented = {
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
};

const operations = operationsOf({ domains: allDomains, platformEndpoints });
const everyId = operations.map((operation) => operation.operationId);
const document = openapiDocument(operations, VERSION) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};

/** They hash passwords, answer in even time or read the whole log, and so get fewer tries. */
const SLOW = new Set([
  'register',
  'login',
  'loginWithPasskey',
  'loginWithRecoveryCode',
  'forgotPassword',
  'resetPassword',
  'changePassword',
  'verifyAuditLog',
]);
/** More of them look further: each try of an operation has its own input. */
const RUNS = Number.parseInt(process.env.PLIMSOLL_CONTRACT_RUNS ?? '10', 10);
const SLOW_RUNS = 3;

let world: World;
const calls = new Map<string, OperationCall>();
const answers = new Map<string, Answer>();
let sources: Sources;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  const call: World['call'] = async (operationId, asked = {}) => {
    const answer = await world.call(operationId, asked);
    calls.set(operationId, asked);
    answers.set(operationId, answer);
    return answer;
  };
  const seen = new Set<string>();
  for (const [operationId, drive] of Object.entries(allDrivers)) {
    const answer = await drive({ ...world, call });
    answers.set(operationId, answer);
    for (const id of JSON.stringify(answer.body).match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ??
      []) {
      seen.add(id);
    }
  }
  const calling = new Set(callers().map(({ userId }) => userId));
  const knownIds = [...seen].filter((id) => !calling.has(id)).slice(0, 500);
  sources = { schemas: document.components.schemas, knownIds };
}, 240_000);

afterAll(async () => {
  const report = await world.reconcile();
  const shut = await callersShutOut();
  await world.close();
  expect(shut).toEqual([]);
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

type Caller = { readonly userId: string; readonly of: string };

/**
 * Whose calls are made again after other tests: those of the drivers and one person of each role. Generated
 * input never names them: what it does to people, such as suspending them, would fail tests of other operations.
 */
function callers(): readonly Caller[] {
  const roles = Object.entries(world.people).map(([role, { userId }]) => ({ userId, of: role }));
  const driven = [...calls].flatMap(([of, { as }]) => (as === undefined ? [] : [{ userId: as.userId, of }]));
  return [...roles, ...driven];
}

/** The callers whom a driver or a generated call shut out all the same. */
async function callersShutOut(): Promise<readonly Caller[]> {
  const all = callers();
  const ids = all.map(({ userId }) => userId);
  const out = await world.deps.db.engine
    .select({ id: users.id })
    .from(users)
    .where(and(inArray(users.id, ids), inArray(users.status, ['suspended', 'closed'])));
  return all.filter(({ userId }) => out.some(({ id }) => id === userId));
}

const ajv = new Ajv2020({ strict: false });
addFormats(ajv);
ajv.addFormat('binary', true);
ajv.addSchema(document, 'api');
const validators = new Map<string, ValidateFunction>();

function documented({ path, method }: Endpoint): Documented {
  return present(document.paths[path]?.[method], 'the document has every operation');
}

/** Faults of a body against the schema documented for it; none for content that is not JSON. */
function faultsIn(operation: Endpoint, answer: Answer): unknown {
  const content = documented(operation).responses[answer.status]?.content ?? {};
  const type = Object.keys(content).find((each) => each.endsWith('json') && !each.includes('ndjson'));
  if (type === undefined) {
    return null;
  }
  const steps = [
    'paths',
    operation.path,
    operation.method,
    'responses',
    String(answer.status),
    'content',
    type,
  ];
  const pointer = steps.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
  const uri = `api#/${encodeURI(pointer)}/schema`;
  const validator = validators.get(uri) ?? ajv.compile({ $ref: uri });
  validators.set(uri, validator);
  return validator(answer.body) ? null : validator.errors;
}

/** Holds an answer to the contract; a refusal to its problem document too. */
function expectContract(operation: Endpoint, answer: Answer, path: string): void {
  const { responses } = documented(operation);
  const said = { status: answer.status, body: answer.body };
  expect({ ...said, fails: answer.status >= 500 && operation.operationId !== 'getReadiness' }).toEqual({
    ...said,
    fails: false,
  });
  expect(Object.keys(responses)).toContain(String(answer.status));
  expect({ ...said, faults: faultsIn(operation, answer) }).toEqual({ ...said, faults: null });
  if (answer.status < 400 || operation.operationId === 'getReadiness') {
    return;
  }
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const { code, requestId } = answer.body as { code: string; requestId: string };
  expect(answer.body).toMatchObject({
    type: `/problems/${code}`,
    title: expect.any(String),
    status: answer.status,
    detail: expect.any(String),
    instance: path,
  });
  expect(requestId).toBe(answer.headers.get('x-request-id') ?? '');
  const codes = Object.keys(responses[answer.status]?.content?.['application/problem+json']?.examples ?? {});
  expect({ ...said, codes: codes.includes(code) }).toEqual({ ...said, codes: true });
}

test('the committed document is that of the application', () => {
  const committed = readFileSync(join(import.meta.dir, '..', '..', 'docs', 'openapi.json'), 'utf8');
  expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(document)));
});

describe('the success of', () => {
  test.each(everyId)('%s is answered with a documented status and body', (operationId) => {
    const answer = present(answers.get(operationId), 'every operation was driven');
    expect({ status: answer.status, body: answer.body, ok: answer.status < 300 }).toMatchObject({ ok: true });
    expectContract(world.operation(operationId), answer, '');
  });
});

/** Somebody new who may call it, so that what the calls do to them stays theirs. */
async function newCaller({ access, method }: Endpoint): Promise<Member | undefined> {
  if ('public' in access) {
    return undefined;
  }
  const role = access.customer === true ? 'customer' : (access.staff?.[0] ?? 'customer');
  if (method === 'get') {
    return world.people[role];
  }
  return role === 'customer' ? world.newCustomer({ USD: '1000' }) : world.newMember({ roles: [role] });
}

type Generated = {
  readonly params: Record<string, string>;
  readonly query: Record<string, string>;
  readonly body: unknown;
};

function inputOf(operation: Endpoint): fc.Arbitrary<Generated> {
  const { parameters = [], requestBody } = documented(operation);
  const member = (schema: Schema) =>
    fc.oneof(
      { weight: 5, arbitrary: validValue(schema, sources) },
      { weight: 1, arbitrary: fc.constantFrom('x', '%', '..', '\u00e9/\u{1f30a}', '0', '-1', 'null') },
    );
  const named = (place: string) => parameters.filter((parameter) => parameter.in === place);
  const texts = (place: string, requiredKeys?: string[]) =>
    fc
      .record(
        Object.fromEntries(named(place).map(({ name, schema }) => [name, member(schema)])),
        requiredKeys === undefined ? {} : { requiredKeys },
      )
      .map((values) =>
        Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])),
      );
  const schema = requestBody?.content['application/json']?.schema;
  return fc.record({
    params: texts('path'),
    query: texts('query', []),
    body:
      schema === undefined
        ? fc.constant(undefined)
        : fc.oneof(
            { weight: 3, arbitrary: validValue(schema, sources) },
            { weight: 2, arbitrary: brokenValue(schema, sources) },
          ),
  });
}

describe('generated input', () => {
  test.each(everyId)('never makes %s fail or answer what is not documented', async (operationId) => {
    const operation = world.operation(operationId);
    const caller = await newCaller(operation);
    let token = caller?.token;
    const headers = operation.ifMatch ? { 'if-match': '"1"' } : {};
    const ask = async (input: Generated) => {
      const answer = await world.call(operationId, { ...input, token, headers });
      const path = new URL(pathOf(operation, input.params), 'http://localhost').pathname;
      if (answer.body?.code === 'credential_invalid' && caller !== undefined) {
        token = await world.tokenOf(caller, true);
      }
      return { answer, path };
    };
    await fc.assert(
      fc.asyncProperty(inputOf(operation), async (input) => {
        const { answer, path } = await ask(input);
        // A path that a dot segment or an empty parameter turns into another is that other's matter.
        const routed = answer.body?.instance === undefined || answer.body.instance === path;
        if (
          routed &&
          !/[.%]/.test(Object.values(input.params).join('')) &&
          !Object.values(input.params).includes('')
        ) {
          expectContract(operation, answer, path);
        }
        expect(answer.status).not.toBe(500);
      }),
      { numRuns: SLOW.has(operationId) ? SLOW_RUNS : RUNS, seed: 20_260_131, endOnFailure: true },
    );
    if (operationId === 'tripCircuitBreaker') {
      await liftAllBreakers(world);
    }
  });
});

/** The driver's own call by its own person, with another body or query; a session may be over by now. */
async function again(operationId: string, change: Partial<OperationCall>): Promise<Answer> {
  const { as, ...call } = calls.get(operationId) ?? {};
  const token = as === undefined ? undefined : await world.tokenOf(as, true);
  return world.call(operationId, { ...call, token, ...change });
}

async function raw(operationId: string, body: string, headers: Record<string, string>): Promise<Answer> {
  const operation = world.operation(operationId);
  const { as, params = {}, headers: sent = {} } = calls.get(operationId) ?? {};
  const token = as === undefined ? undefined : await world.tokenOf(as, true);
  const response = await world.app.request(pathOf(operation, params), {
    method: operation.method.toUpperCase(),
    body,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(operation.idempotency === undefined ? {} : { 'idempotency-key': 'contract-test-1' }),
      ...sent,
      ...headers,
    },
  });
  const answer = { status: response.status, headers: response.headers, body: await response.json() };
  expectContract(operation, answer, new URL(pathOf(operation, params), 'http://localhost').pathname);
  return answer;
}

const tail = new Set(['getAuditTile']);
const withBody = operations.filter((operation) => operation.body !== undefined);
const withJson = withBody
  .filter((operation) => (operation.bodyKind ?? 'json') === 'json')
  .map((each) => each.operationId);

describe('refused before anything is done:', () => {
  test.each(everyId.filter((id) => !tail.has(id)))(
    'an unknown query parameter of %s',
    async (operationId) => {
      const answer = await again(operationId, {
        query: { ...calls.get(operationId)?.query, unexpected: '1' },
      });
      expect([answer.status, answer.body.errors]).toEqual([
        422,
        [{ pointer: 'query/unexpected', code: 'unknown_field', detail: expect.any(String) }],
      ]);
    },
  );

  test.each(withJson)('an unknown body member of %s', async (operationId) => {
    const body = { ...(calls.get(operationId)?.body as object), unexpected: 1 };
    const answer = await again(operationId, { body });
    expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
  });

  test.each(withJson)('JSON that is none for %s', async (operationId) => {
    const headers = { 'content-type': 'application/json' };
    expect((await raw(operationId, '{"a":', headers)).body.code).toBe('malformed_json');
  });

  test.each(withBody.map((each) => each.operationId))('another content type for %s', async (operationId) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await raw(operationId, 'a=1', headers)).status).toBe(415);
  });

  test.each(withBody.map((each) => each.operationId))(
    'a body beyond the limit of %s',
    async (operationId) => {
      const { bodyKind, bodyTypes, maxBodyBytes = DEFAULT_BODY_BYTES } = world.operation(operationId);
      const usual = bodyKind === 'multipart' ? 'multipart/form-data; boundary=x' : 'application/json';
      const type = bodyTypes?.[0] ?? usual;
      const headers = { 'content-type': type, 'content-length': String(maxBodyBytes + 1) };
      expect((await raw(operationId, '{}', headers)).status).toBe(413);
    },
  );
});

describe('a path', () => {
  const paths = [...new Set(operations.map((operation) => operation.path))];

  test.each(paths)('%s answers methods it lacks with 405 and those it has', async (path) => {
    const served = operations.filter((operation) => operation.path === path);
    const methods = served.map((operation) => operation.method.toUpperCase());
    const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].toSorted().join(', ');
    const url = path.replace(/\{\w+\}/g, '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001');
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(
      (each) => !methods.includes(each),
    )) {
      const answer = await world.request(method, url, { headers: {} });
      expect([method, answer.status, answer.body.code]).toEqual([method, 405, 'method_not_allowed']);
      expect(answer.headers.get('allow')).toBe(allow);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
    const options = await world.request('OPTIONS', url);
    expect([options.status, options.headers.get('allow')]).toEqual([204, allow]);
  });

  test.each(['/openapi.json', '/docs', '/problems/not_found'])(
    '%s of the app itself is read-only',
    async (path) => {
      const head = await world.request('HEAD', path);
      expect([head.status, head.body]).toEqual([200, '']);
      const answer = await world.request('POST', path);
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    },
  );

  test('that leads nowhere is a problem too, whoever asks', async () => {
    for (const path of [
      '/',
      '/v1',
      '/v2/orders',
      '/v1/ordersx',
      '/problems/nothing',
      '/assets/../package.json',
    ]) {
      const answer = await world.request('GET', path, { token: world.people.admin.token });
      expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'not_found']);
    }
  });

  test('that leads to a problem explains it, for every code there is', async () => {
    const codes = new Set(
      Object.values(document.paths).flatMap((methods) =>
        Object.values(methods).flatMap((each) =>
          Object.values(each.responses).flatMap((response) =>
            Object.keys(response.content?.['application/problem+json']?.examples ?? {}),
          ),
        ),
      ),
    );
    expect(codes.size).toBeGreaterThan(40);
    for (const code of codes) {
      expect([code, (await world.request('GET', `/problems/${code}`)).status]).toEqual([code, 200]);
    }
  });
});
