/**
 * Every operation × who may not: strangers, forged credentials, wrong roles, staff without a second factor,
 * API keys without the scope, and customers at the objects of others. The operations come from the
 * application itself and what each admits from its declaration, so that none can be forgotten.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { operationsOf } from '../app.ts';
import { createApiKey } from '../domains/identity/index.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { isStaffRole, ROLES, type Role } from '../kernel/actor.ts';
import { newId } from '../kernel/id.ts';
import type { Endpoint } from '../platform/http/endpoint.ts';
import { allDrivers } from './drivers/all-drivers.ts';
import { done } from './drivers/driver.ts';
import type { Answer } from './send.ts';
import { type Member, type OperationCall, startWorld, type World } from './world.ts';

const operations = operationsOf({ domains: allDomains, platformEndpoints });
const guarded = operations.filter((operation) => !('public' in operation.access));

/** Operations that may admit somebody they do not declare: none. */
const EXEMPT: readonly string[] = [];

/** Path parameters that name what is published to everybody. */
const PUBLISHED = new Set(['/v1/agreements/{id}', '/v1/instruments/{symbol}']);

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
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

async function ask(operation: Endpoint, call: OperationCall): Promise<string> {
  return codeOf(await world.call(operation.operationId, { params: anything(operation), ...call }));
}

/** Who the declaration admits, read here without the code that enforces it. */
function admits({ access }: Endpoint, role: Role): boolean {
  if ('public' in access || access.self === true) {
    return true;
  }
  return (access.staff ?? []).includes(role) || (access.customer === true && !isStaffRole(role));
}

test('the operations are those of the published contract', () => {
  const path = join(import.meta.dir, '..', '..', 'docs', 'openapi.json');
  expect(existsSync(path)).toBe(true);
  const { paths } = JSON.parse(readFileSync(path, 'utf8')) as {
    paths: Record<string, Record<string, { operationId: string; security: unknown[] }>>;
  };
  const published = Object.entries(paths).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, { operationId, security }]) => {
      const open = security.length === 0 ? 'public' : 'guarded';
      return `${operationId} ${method} ${route} ${open}`;
    }),
  );
  const served = operations.map(({ operationId, method, path: route, access }) => {
    const open = 'public' in access ? 'public' : 'guarded';
    return `${operationId} ${method} ${route} ${open}`;
  });
  expect(published.toSorted()).toEqual(served.toSorted());
  expect(EXEMPT).toEqual([]);
});

describe('a stranger', () => {
  test.each(idsOf(guarded))('is asked for a credential at %s', async (operationId) => {
    const operation = world.operation(operationId);
    const answer = await world.call(operationId, { params: anything(operation) });
    expect(codeOf(answer)).toBe('401 credential_missing');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  test.each(idsOf(guarded))('is not helped by a forged credential at %s', async (operationId) => {
    for (const token of await forgeries(world.people.admin)) {
      expect(await ask(world.operation(operationId), { token })).toBe('401 credential_invalid');
    }
  });
});

/** Tokens that look right: another signature, none at all, another key, a session that ended. */
async function forgeries(member: Member): Promise<string[]> {
  const [head = '', claims = '', signature = ''] = member.token.split('.');
  const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
  const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
  return ['garbage', `${head}.${claims}.${flipped}`, `${unsigned}.${claims}.`, `pk_test_${'1'.repeat(60)}`];
}

describe('the wrong role', () => {
  test.each(idsOf(guarded))('is turned away at %s', async (operationId) => {
    const operation = world.operation(operationId);
    for (const role of ROLES.filter((each) => !admits(operation, each))) {
      expect([role, await ask(operation, { as: world.people[role] })]).toEqual([role, '403 forbidden']);
    }
  });

  const reads = guarded.filter((operation) => operation.method === 'get');
  test.each(idsOf(reads))('is the only one turned away at %s', async (operationId) => {
    const operation = world.operation(operationId);
    for (const role of ROLES.filter((each) => admits(operation, each))) {
      expect([role, await ask(operation, { as: world.people[role] })]).not.toEqual([role, '403 forbidden']);
    }
  });
});

describe('staff', () => {
  const forStaff = guarded.filter((operation) => 'staff' in operation.access && operation.access.staff);
  test.each(idsOf(forStaff))('without a second factor cannot act at %s', async (operationId) => {
    const operation = world.operation(operationId);
    const { staff = [] } = operation.access as { staff?: readonly Role[] };
    for (const role of staff) {
      const token = await passwordOnly(role);
      expect([role, await ask(operation, { token })]).toEqual([role, '403 second_factor_required']);
    }
  });
});

const passwordTokens = new Map<Role, string>();

async function passwordOnly(role: Role): Promise<string> {
  const token = passwordTokens.get(role) ?? (await world.tokenOf(world.people[role], false));
  passwordTokens.set(role, token);
  return token;
}

describe('a customer without a second factor', () => {
  const stepUp = guarded.filter((operation) => 'stepUp' in operation.access && operation.access.stepUp);
  const own = stepUp.filter((operation) => admits(operation, 'customer'));
  test.each(idsOf(own))('is asked for one at %s', async (operationId) => {
    const token = await passwordOnly('customer');
    expect(await ask(world.operation(operationId), { token })).toBe('403 step_up_required');
  });
});

describe('an API key', () => {
  test.each(idsOf(guarded))('without the scope cannot reach %s', async (operationId) => {
    const operation = world.operation(operationId);
    for (const role of ROLES.filter((each) => admits(operation, each))) {
      const answer = await ask(operation, { token: await keyWithout(role, operation) });
      const { stepUp } = operation.access as { stepUp?: true };
      expect([role, answer]).toEqual([role, stepUp ? '403 step_up_required' : '403 scope_missing']);
    }
  });
});

const keys = new Map<string, string>();

/** A key with every scope but the one that is needed; where none would do, with all there are. */
async function keyWithout(role: Role, { access }: Endpoint): Promise<string> {
  const { scope } = access as { scope?: string };
  const name = `${role} ${scope}`;
  const member = world.people[role];
  const everyScope = new Set(
    operations.flatMap((each) => ('scope' in each.access ? [each.access.scope] : [])),
  );
  const scopes = [...everyScope].filter((each) => each !== undefined && each !== scope) as string[];
  const known = keys.get(name);
  const secret =
    known ?? (await createApiKey(world.system, { userId: member.userId, name, mode: 'test', scopes })).secret;
  keys.set(name, secret);
  return secret;
}

describe("another customer's object", () => {
  const ofCustomers = guarded.filter(
    (operation) =>
      (admits(operation, 'customer') || admits(operation, 'market_maker')) &&
      operation.path.includes('{') &&
      ![...PUBLISHED].some((path) => operation.path.startsWith(path)),
  );

  test.each(idsOf(ofCustomers))('is, byte for byte, one that does not exist at %s', async (operationId) => {
    const operation = world.operation(operationId);
    const owned = await successOf(operation);
    const as = await world.newCustomer();
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
      admits(operation, 'customer') && operation.query !== undefined && 'accountId' in operation.query.shape,
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

function headersOf(answer: Answer): unknown {
  return [...answer.headers].filter(([name]) => name !== 'x-request-id');
}

/** What the operation's driver would send, everything before it done: a real object, and a valid body. */
async function successOf(operation: Endpoint): Promise<OperationCall> {
  let sent: OperationCall | undefined;
  const call: World['call'] = async (operationId, asked = {}) => {
    if (operationId !== operation.operationId) {
      return world.call(operationId, asked);
    }
    sent = asked;
    throw new Stop();
  };
  await Promise.resolve(allDrivers[operation.operationId]?.({ ...world, call })).catch((stop: unknown) => {
    if (!(stop instanceof Stop)) {
      throw stop;
    }
  });
  expect(Object.keys(sent?.params ?? {})).toEqual(parametersOf(operation));
  return sent ?? {};
}

class Stop extends Error {}

function beneficiaryOf(as: Member): Promise<Answer> {
  const body = {
    kind: 'bank',
    holderName: 'Anjali Ramgoolam',
    iban: 'MU17BOMM0101101030300200000MUR',
    bic: 'MCBLMUMU',
  };
  return world.call('createBeneficiary', { as, body });
}
