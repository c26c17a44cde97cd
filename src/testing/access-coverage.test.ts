/**
 * Every operation × everybody who might ask: strangers, forged credentials, each of the nine roles with a
 * fresh, an old and no second factor, their API keys with and without the scope; and customers at the objects
 * of others. What each may do is read from the OpenAPI document, so that the contract that is published, and
 * not the code that keeps it, says what is right.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { operationsOf } from '../app.ts';
import { API_SCOPES, isScopeFor } from '../domains/identity/api-key-format.ts';
import { createApiKey } from '../domains/identity/index.ts';
import { accessTokenOf, openSession } from '../domains/identity/open-session.ts';
import { sessions } from '../domains/identity/schema.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { isStaffRole, ROLES, type Role } from '../kernel/actor.ts';
import { present } from '../kernel/assert.ts';
import { newId } from '../kernel/id.ts';
import { addMs } from '../kernel/time.ts';
import { decideApproval } from '../platform/approvals/decide-approval.ts';
import { transact } from '../platform/db/transact.ts';
import type { Access, Endpoint } from '../platform/http/endpoint.ts';
import { openapiDocument } from '../platform/http/openapi.ts';
import { VERSION } from '../platform/http/version.ts';
import { driverCall } from './driver-call.ts';
import { done } from './drivers/driver.ts';
import type { Answer } from './send.ts';
import { type Member, startWorld, type World } from './world.ts';

const operations = operationsOf({ domains: allDomains, platformEndpoints });
const guarded = operations.filter((operation) => !('public' in operation.access));

type Contract = {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          { readonly operationId: string; readonly security: unknown[]; readonly 'x-access': Access }
        >
      >
    >
  >;
};

/** The document as it is made, which is the one that is committed: the first test compares them. */
const contract = openapiDocument(operations, VERSION) as Contract;

/** Path parameters that name nobody's own object: what is published to all, what all have one of. */
const OF_EVERYBODY = ['/v1/agreements/{id}', '/v1/instruments/{symbol}', '/v1/me/settings/{name}'];

const SIX_MINUTES_MS = 6 * 60_000;
const DAY_MS = 86_400_000;

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  // Thousands of refusals are in the log by now; reconcile wants each at its place.
  await (await world.startWorkers()).sealer.sealNow();
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

function idsOf(operations: readonly Endpoint[]): string[] {
  return operations.map((operation) => operation.operationId);
}

function parametersOf(operation: Endpoint): string[] {
  return [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
}

/** Something in every place of the path; authorisation comes before anything looks at it. */
function anything(operation: Endpoint): Record<string, string> {
  return Object.fromEntries(parametersOf(operation).map((name) => [name, newId()]));
}

function codeOf(answer: Answer): string {
  return `${answer.status} ${answer.body.code}`;
}

test('the operations, and who may call each, are those of the published contract', () => {
  const path = join(import.meta.dir, '..', '..', 'docs', 'openapi.json');
  const linesOf = ({ paths }: Contract) =>
    Object.entries(paths)
      .flatMap(([route, methods]) =>
        Object.entries(methods).map(([method, { operationId, security, 'x-access': access }]) =>
          [operationId, method, route, JSON.stringify(security), JSON.stringify(access)].join(' '),
        ),
      )
      .toSorted();
  expect(linesOf(JSON.parse(readFileSync(path, 'utf8')) as Contract)).toEqual(linesOf(contract));
  expect(Object.values(contract.paths).flatMap(Object.values)).toHaveLength(operations.length);
});

/** What the contract says about one operation. */
function accessOf({ path, method, operationId }: Endpoint): Access {
  const access = contract.paths[path]?.[method]?.['x-access'];
  return present(access, `the contract says who may call ${operationId}`);
}

/** Who the contract admits, read here without the code that keeps it. */
function admits(access: Access, role: Role): boolean {
  if ('public' in access || access.self === true) {
    return true;
  }
  return actsAsStaff(access, role) || (access.customer === true && !isStaffRole(role));
}

function actsAsStaff(access: Access, role: Role): boolean {
  return 'staff' in access && (access.staff ?? []).includes(role);
}

/** `in` is every answer that comes after authorisation. */
type Outcome = 'in' | `${401 | 403} ${string}`;

/** Who asks, and with what. */
type Asker = {
  readonly name: string;
  readonly tokens: (access: Access) => Promise<readonly (string | undefined)[]>;
  readonly expected: (access: Access) => Outcome;
};

const ofEveryRole = ROLES.flatMap((role): Asker[] => [
  {
    name: `${role} whose second factor was checked now`,
    tokens: async () => [world.people[role].token],
    expected: (access) => (admits(access, role) ? 'in' : '403 forbidden'),
  },
  {
    name: `${role} who signed in with a password alone`,
    tokens: async () => [await once(`password ${role}`, () => world.tokenOf(world.people[role], false))],
    expected: (access) => withoutFactor(access, role, true),
  },
  {
    name: `${role} whose second factor was checked six minutes ago`,
    tokens: async () => [await once(`stale ${role}`, () => staleTokenOf(world.people[role]))],
    expected: (access) => withoutFactor(access, role, false),
  },
  {
    name: `a key of ${role} with every scope it may have but the one`,
    tokens: async (access) => [await keyOf(role, 'scope' in access ? access.scope : undefined)],
    expected: (access) => ofKey(access, role, false),
  },
  {
    name: `a key of ${role} with every scope it may have`,
    tokens: async () => [await keyOf(role, undefined)],
    expected: (access) => ofKey(access, role, true),
  },
]);

const askers: readonly Asker[] = [
  {
    name: 'a stranger',
    tokens: async () => [undefined],
    expected: (access) => ('public' in access ? 'in' : '401 credential_missing'),
  },
  {
    name: 'a forger',
    tokens: () => forgeries(world.people.admin),
    expected: (access) => ('public' in access ? 'in' : '401 credential_invalid'),
  },
  ...ofEveryRole,
];

/** People whose second factor is missing, or older than five minutes. */
function withoutFactor(access: Access, role: Role, missing: boolean): Outcome {
  if ('public' in access) {
    return 'in';
  }
  if (!admits(access, role)) {
    return '403 forbidden';
  }
  if (missing && actsAsStaff(access, role)) {
    return '403 second_factor_required';
  }
  return access.stepUp ? '403 step_up_required' : 'in';
}

/** Keys of staff are service keys here: two people made them. */
function ofKey(access: Access, role: Role, complete: boolean): Outcome {
  if ('public' in access) {
    return 'in';
  }
  const scoped = complete && access.scope !== undefined && scopesFor(role).includes(access.scope);
  if (access.stepUp && !(scoped && isStaffRole(role))) {
    return '403 step_up_required';
  }
  if (!scoped) {
    return '403 scope_missing';
  }
  return admits(access, role) ? 'in' : '403 forbidden';
}

const made = new Map<string, Promise<string>>();

function once(name: string, make: () => Promise<string>): Promise<string> {
  const token = made.get(name) ?? make();
  made.set(name, token);
  return token;
}

/** Tokens that look right: another signature, none at all, another key, a key nobody has. */
async function forgeries(member: Member): Promise<string[]> {
  const [head = '', claims = '', signature = ''] = member.token.split('.');
  const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
  const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
  return ['garbage', `${head}.${claims}.${flipped}`, `${unsigned}.${claims}.`, `pk_test_${'1'.repeat(60)}`];
}

async function staleTokenOf({ userId, roles }: Member): Promise<string> {
  const { system, deps } = world;
  const session = await transact(system, 'engine', async (tx) => {
    const opened = await openSession(tx, system, userId, { methods: ['pwd', 'otp'], secondFactor: true });
    const mfaAt = addMs(deps.clock.realNow(), -SIX_MINUTES_MS);
    await tx.update(sessions).set({ mfaAt }).where(eq(sessions.id, opened.id));
    return { ...opened, mfaAt };
  });
  return accessTokenOf(deps, session, roles);
}

function scopesFor(role: Role): string[] {
  return API_SCOPES.filter((scope) => isScopeFor(scope, isStaffRole(role) ? 'staff' : 'customers'));
}

/** A key with every scope its owner may have but one; another admin lets keys of staff work. */
function keyOf(role: Role, without: string | undefined): Promise<string> {
  const { userId, ctx } = world.people[role];
  const scopes = scopesFor(role).filter((scope) => scope !== without);
  return once(`key ${role} ${scopes.join()}`, async () => {
    const expiresAt = addMs(world.deps.clock.realNow(), DAY_MS);
    const { apiKey, secret } = await createApiKey(ctx, { userId, name: 'Coverage', scopes, expiresAt });
    if (apiKey.approvalId !== null) {
      const vote = { approvalId: apiKey.approvalId, vote: 'approve', reason: 'Seen' } as const;
      await decideApproval(world.second.admin.ctx, vote);
    }
    return secret;
  });
}

/**
 * Answers behind authorisation to a request that names nothing and carries a parameter nobody knows: so none
 * of them has an effect, and one token serves every operation.
 */
const BEHIND = new Set(['404 not_found', '422 validation_failed', '428 if_match_required']);

describe('the contract is kept by', () => {
  let cases = 0;

  afterAll(() => {
    // By every role in five ways, by a stranger and by a forger.
    expect(cases).toBe(operations.length * (ROLES.length * 5 + 2));
  });

  test.each(idsOf(operations))('%s towards everybody', async (operationId) => {
    const operation = world.operation(operationId);
    const access = accessOf(operation);
    const answers = await Promise.all(
      askers.map(async ({ name, tokens, expected }) => {
        const codes = await Promise.all(
          (await tokens(access)).map(async (token) =>
            codeOf(await world.call(operationId, { token, params: anything(operation), query: { no: '1' } })),
          ),
        );
        const found = [...new Set(codes.map((code) => (BEHIND.has(code) ? 'in' : code)))].join();
        cases += 1;
        return [name, expected(access), found];
      }),
    );
    expect(answers.filter(([, expected, found]) => expected !== found)).toEqual([]);
  });
});

describe("another customer's object", () => {
  const ofCustomers = guarded.filter(
    (operation) =>
      (admits(operation.access, 'customer') || admits(operation.access, 'market_maker')) &&
      operation.path.includes('{') &&
      !OF_EVERYBODY.some((path) => operation.path.startsWith(path)),
  );

  let stranger: Promise<Member> | undefined;
  const somebodyElse = () => (stranger ??= world.newCustomer());

  test.each(idsOf(ofCustomers))('is, byte for byte, one that does not exist at %s', async (operationId) => {
    const operation = world.operation(operationId);
    const owned = await driverCall(world, operationId);
    expect(Object.keys(owned.params ?? {})).toEqual(parametersOf(operation));
    const as = await somebodyElse();
    const real = await world.call(operationId, { ...owned, as });
    const unknown = await world.call(operationId, { ...owned, as, params: anything(operation) });
    expect(codeOf(real)).toBe('404 not_found');
    expect(bytesOf(real)).toBe(bytesOf(unknown));
    expect(headersOf(real)).toEqual(headersOf(unknown));
  });

  test('as the account of an order, deposit or withdrawal is one that does not exist', async () => {
    const [owner, other] = [await world.newCustomer({ USD: '100' }), await world.newCustomer({ USD: '100' })];
    const bank = await done(beneficiaryOf(owner));
    const own = await done(beneficiaryOf(other));
    const bodies: readonly [string, (accountId: string, beneficiaryId: string) => object][] = [
      ['createDeposit', (accountId) => ({ accountId, asset: 'USD', amount: '1', method: 'other' })],
      ['createWithdrawal', (accountId) => ({ accountId, asset: 'USD', amount: '1', beneficiaryId: own.id })],
      [
        'createWithdrawal',
        (_id, beneficiaryId) => ({ accountId: other.accountId, asset: 'USD', amount: '1', beneficiaryId }),
      ],
      [
        'placeOrder',
        (accountId) => ({ accountId, symbol: 'BTC/USD', side: 'buy', type: 'market', quantity: '0.001' }),
      ],
    ];
    for (const [operationId, bodyOf] of bodies) {
      const real = await world.call(operationId, { as: other, body: bodyOf(owner.accountId, bank.id) });
      const unknown = await world.call(operationId, { as: other, body: bodyOf(newId(), newId()) });
      expect([operationId, codeOf(real)]).toEqual([operationId, '404 not_found']);
      expect(bytesOf(real)).toBe(bytesOf(unknown));
    }
  });

  const filtered = guarded.filter(
    (operation) =>
      admits(operation.access, 'customer') &&
      operation.query !== undefined &&
      'accountId' in operation.query.shape,
  );
  test.each(idsOf(filtered))(
    'as a filter finds what one that does not exist finds at %s',
    async (operationId) => {
      const operation = world.operation(operationId);
      const [owner, other] = [await world.newCustomer({ USD: '100' }), await world.newCustomer()];
      const body = {
        accountId: owner.accountId,
        symbol: 'BTC/USD',
        side: 'buy',
        type: 'limit',
        clientOrderId: 'mine',
      };
      await done(
        world.call('placeOrder', { as: owner, body: { ...body, quantity: '0.001', limitPrice: '55000' } }),
      );
      const asked = (accountId: string) =>
        world.call(operationId, {
          as: other,
          params: Object.fromEntries(parametersOf(operation).map((name) => [name, 'mine'])),
          query: { accountId },
        });
      const [real, unknown] = [await asked(owner.accountId), await asked(newId())];
      expect(real.status).toBe(unknown.status);
      expect(bytesOf(real)).toBe(bytesOf(unknown));
      if (real.status === 200) {
        expect(real.body.data).toEqual([]);
      }
    },
  );
});

/** The body as it was sent, but for the members that name the request itself. */
function bytesOf(answer: Answer): string {
  return JSON.stringify({ ...answer.body, requestId: '', instance: '' });
}

/** All but the request's own name and how many the caller has asked. */
function headersOf(answer: Answer): unknown {
  return [...answer.headers].filter(([name]) => name !== 'x-request-id' && name !== 'ratelimit');
}

function beneficiaryOf(as: Member): Promise<Answer> {
  const body = {
    kind: 'bank',
    holderName: 'Anjali Ramgoolam',
    iban: 'MU17BOMM0101101030300200000MUR',
    bic: 'MCBLMUMU',
  };
  return world.call('createBeneficiary', { as, body });
}
