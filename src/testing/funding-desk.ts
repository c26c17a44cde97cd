/**
 * What tests of money in and out start from: assets, limits, staff and verified customers with a live
 * account, on a database of their own. The credential port is a fake: a bearer names its actor.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { and, eq } from 'drizzle-orm';
import type { Hono } from 'hono';
import { createApp } from '../app.ts';
import { accountsDomain, createAccount } from '../domains/accounts/index.ts';
import { createList, importList } from '../domains/aml/index.ts';
import {
  type FundingLimit,
  fundingDomain,
  seedBankAccounts,
  seedFundingFees,
  seedFundingLimits,
  seedPayoutAccounts,
} from '../domains/funding/index.ts';
import { SAMPLE_IBAN } from '../domains/funding/testing/camt-sample.ts';
import { createUser, identityDomain } from '../domains/identity/index.ts';
import { ledgerDomain, type ReconcileReport, reconcile } from '../domains/ledger/index.ts';
import { assets, wallets } from '../domains/ledger/schema.ts';
import type { Actor, Role } from '../kernel/actor.ts';
import { formatAmount, parseAmount } from '../kernel/amount.ts';
import { type Id, newId } from '../kernel/id.ts';
import { approvalEndpoints } from '../platform/approvals/endpoints.ts';
import type { Ctx } from '../platform/context.ts';
import { transact } from '../platform/db/transact.ts';
import type { Domain } from '../platform/domain.ts';
import { refuse } from '../platform/http/refuse.ts';
import { type Foundation, startFoundation } from './foundation.ts';
import { type Answer, send } from './send.ts';
import { type GateWish, setGate } from './set-gate.ts';
import { setRating } from './set-rating.ts';

/** A person at the desk; `accountId` is a customer's live account, and nobody's for staff. */
export type Person = {
  readonly userId: Id;
  readonly accountId: Id;
  readonly actor: Actor;
  readonly ctx: () => Ctx;
};

export type Call = {
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Balance = { readonly total: string; readonly reserved: string };

export type FundingDesk = Foundation & {
  readonly app: Hono;
  readonly operations: Person;
  readonly operations2: Person;
  readonly compliance: Person;
  readonly newCustomer: (gate?: GateWish) => Promise<Person>;
  readonly newStaff: (...roles: Role[]) => Promise<Person>;
  readonly changeGate: (person: Person, change: GateWish) => Promise<void>;
  readonly request: (person: Person, method: string, path: string, call?: Call) => Promise<Answer>;
  /** Imports a bank statement; where it was taken another person confirms it, and all of it is booked. */
  readonly importFile: (file: string | Uint8Array, person?: Person) => Promise<Answer>;
  /** Another person confirms a taken statement, and all of it is booked. @shape the answer to reading it */
  readonly confirmStatement: (statement: Answer['body']) => Promise<Answer>;
  /** Credits a customer through a cleared deposit. */
  readonly fund: (person: Person, asset: string, amount: string) => Promise<void>;
  readonly balance: (person: Person, asset: string) => Promise<Balance>;
  readonly reconcile: () => Promise<ReconcileReport>;
};

const DOMAINS = [identityDomain, accountsDomain, ledgerDomain, fundingDomain];
const VERIFIED: GateWish = {
  kycStatus: 'approved',
  kycLevel: 'standard',
  screening: 'clear',
  restriction: 'none',
};

/** Every customer is called this, so that every beneficiary can be. */
export const HOLDER = 'Anaïs Ramgoolam';

const BANKS = [
  ['MU17BOMM0101101030300200000MUR', 'MCBLMUMU'],
  ['DE89370400440532013000', 'COBADEFF'],
  ['GB29NWBK60161331926819', 'NWBKGB2L'],
] as const;

/** A beneficiary's request body; `place` tells bank accounts apart. */
export function bankBeneficiary(place = 0) {
  const [iban, bic] = BANKS[place] ?? BANKS[0];
  return { kind: 'bank', holderName: HOLDER, iban, bic };
}

export const BITCOIN_BENEFICIARY = {
  kind: 'crypto_wallet',
  holderName: HOLDER,
  chain: 'bitcoin',
  address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
};

/** What a withdrawal of bitcoins says of the receiving wallet, and the fee it agrees to: the desk's and the demo's. */
export const OWN_WALLET = { travelRule: { wallet: 'self_hosted' }, expectedFee: '0.0001' };

/** `more` domains take part besides those of money in and out. */
export async function startFundingDesk(file: string, more: readonly Domain[] = []): Promise<FundingDesk> {
  const domains = [...DOMAINS, ...more];
  const foundation = await startFoundation(file, domains);
  const app = createApp(foundation.deps, {
    domains,
    platformEndpoints: approvalEndpoints,
    authenticate: async (_deps, bearer) => actorOf(bearer),
    clientAddress: () => '127.0.0.1',
  });
  await seed(foundation.system);
  const list = await createList(foundation.system, { kind: 'own', name: 'Fictional list' });
  const entries = readFileSync(join(import.meta.dir, '..', 'demo', 'demo-list.csv'));
  await importList(foundation.system, list.id, { file: new Uint8Array(entries) });
  const enter = (roles: readonly Role[], gate: GateWish) => newPerson(foundation, roles, gate);
  const newStaff = (...roles: Role[]) => enter(roles, {});
  const request: FundingDesk['request'] = (person, method, path, { body, key, headers = {} } = {}) =>
    send(app, method, path, {
      token: Buffer.from(JSON.stringify(person.actor)).toString('base64url'),
      ...(body === undefined ? {} : { body }),
      headers: key === undefined ? headers : { ...headers, 'idempotency-key': key },
    });
  const operations = await newStaff('operations');
  const operations2 = await newStaff('operations');
  const compliance = await newStaff('compliance_officer');
  let mlro: Promise<Person> | undefined;
  const checkerOf = (roles: readonly Role[]): Promise<Person> => {
    mlro ??= roles.includes('mlro') ? newStaff('mlro') : undefined;
    return roles.includes('mlro') && mlro !== undefined ? mlro : Promise.resolve(compliance);
  };
  const confirmStatement: FundingDesk['confirmStatement'] = async ({ id, confirmationId, importedBy }) => {
    const other = importedBy === operations2.userId ? operations : operations2;
    const path = `/v1/approvals/${confirmationId}/approve`;
    const vote = await request(other, 'POST', path, { body: { reason: 'It is the bank’s' } });
    if (vote.status !== 200) {
      throw new Error(`the test's statement was not confirmed: ${JSON.stringify(vote.body)}`);
    }
    await fundingDomain.jobs?.find(({ name }) => name === 'funding.book-statements')?.run(foundation.system);
    return request(operations, 'GET', `/v1/bank-statements/${id}`);
  };
  return {
    ...foundation,
    app,
    operations,
    operations2,
    confirmStatement,
    importFile: async (file, person = operations) => {
      const body = typeof file === 'string' ? new Uint8Array(Buffer.from(file, 'utf8')) : file;
      const headers = { 'content-type': 'application/xml' };
      const answer = await request(person, 'POST', '/v1/bank-statements', { body, headers });
      return answer.status === 201 ? { ...answer, body: (await confirmStatement(answer.body)).body } : answer;
    },
    compliance,
    newStaff,
    newCustomer: (gate = VERIFIED) => enter(['customer'], gate),
    changeGate: (person, change) => setGate(foundation.system, person.userId, change),
    request,
    fund: (person, asset, amount) =>
      fund(request, person, { maker: operations, checker: operations2, checkerOf }, { asset, amount }),
    balance: (person, asset) => balanceOf(foundation.system, person, asset),
    reconcile: () =>
      reconcile(
        foundation.system,
        domains.flatMap((domain) => domain.checks),
      ),
  };
}

function actorOf(bearer: string): Actor {
  const actor = JSON.parse(Buffer.from(bearer, 'base64url').toString('utf8')) as Actor;
  if (!('userId' in actor)) {
    throw refuse('credential_invalid');
  }
  return actor;
}

async function seed(ctx: Ctx): Promise<void> {
  const createdAt = ctx.deps.clock.now();
  const kinds = [
    ['USD', 'fiat', 2, null],
    ['EUR', 'fiat', 2, null],
    ['BTC', 'crypto', 8, 'bitcoin'],
    ['AAPL', 'stock', 8, null],
  ] as const;
  const limits = [
    ['USD', 'bank_transfer'],
    ['USD', 'mcb_juice'],
    ['BTC', 'crypto'],
  ].flatMap(([asset = '', method]) =>
    [24, 168, 720].map(
      (windowHours): FundingLimit => ({
        kycLevel: 'standard',
        asset,
        direction: 'withdrawal',
        method: method as FundingLimit['method'],
        windowHours,
        maximum: parseAmount(windowHours === 24 ? '50000' : '500000'),
      }),
    ),
  );
  await transact(ctx, 'engine', async (tx) => {
    await tx
      .insert(assets)
      .values(
        kinds.map(([code, kind, scale, chain]) => ({ code, name: code, kind, scale, chain, createdAt })),
      )
      .onConflictDoNothing();
    await seedFundingLimits(tx, ctx, limits);
    const account = { iban: SAMPLE_IBAN, currency: 'USD', houseReference: 'main', name: 'Client money' };
    await seedBankAccounts(tx, ctx, [account]);
    await seedPayoutAccounts(tx, ctx, [
      { asset: 'USD', holderName: 'Plimsoll clients', iban: 'DE89370400440532013000', bic: 'COBADEFF' },
    ]);
    await seedFundingFees(tx, ctx, [
      {
        tier: 'standard',
        asset: 'BTC',
        direction: 'withdrawal',
        method: 'crypto',
        fixed: parseAmount('0.0001'),
        rateBps: 0,
      },
    ]);
  });
}

async function newPerson(
  { deps, system, ctx }: Foundation,
  roles: readonly Role[],
  gate: GateWish,
): Promise<Person> {
  const [firstName = '', lastName = ''] = HOLDER.split(' ');
  const email = `${newId()}@example.mu`;
  const { id: userId } = await createUser(system, { email, firstName, lastName, roles });
  await setGate(system, userId, gate);
  const signedIn = { userId, roles, sessionId: newId(), mfaAtMs: deps.clock.realMs() };
  const isCustomer = roles.includes('customer');
  const actor: Actor = { kind: isCustomer ? 'customer' : 'staff', ...signedIn };
  const person = { userId, actor, ctx: () => ctx(actor) };
  if (!isCustomer) {
    return { ...person, accountId: newId() };
  }
  await setRating(system, userId, 'low');
  const account = await createAccount(person.ctx(), { type: 'live', baseCurrency: 'USD' });
  return { ...person, accountId: account.id };
}

type Tellers = {
  readonly maker: Person;
  readonly checker: Person;
  /** Who votes where one checker is not enough. */
  readonly checkerOf: (roles: readonly Role[]) => Promise<Person>;
};

async function fund(
  request: FundingDesk['request'],
  person: Person,
  { maker, checker, checkerOf }: Tellers,
  money: { readonly asset: string; readonly amount: string },
): Promise<void> {
  const deposit = await request(person, 'POST', '/v1/deposits', {
    body: { ...money, accountId: person.accountId, method: 'other' },
    key: newId(),
  });
  const asked = await request(maker, 'POST', `/v1/deposits/${deposit.body.id}/clear`, { body: {} });
  const { id, quorum, checkerRoles } = asked.body.approval;
  const second = quorum === 1 ? [] : [await checkerOf(checkerRoles)];
  for (const by of [checker, ...second]) {
    const vote = await request(by, 'POST', `/v1/approvals/${id}/approve`, { body: { reason: 'Seen' } });
    if (vote.status !== 200) {
      throw new Error(`the test's deposit was not credited: ${JSON.stringify(vote.body)}`);
    }
  }
}

async function balanceOf(ctx: Ctx, person: Person, asset: string): Promise<Balance> {
  const [wallet] = await ctx.deps.db.engine
    .select({ total: wallets.total, reserved: wallets.reserved })
    .from(wallets)
    .where(and(eq(wallets.accountId, person.accountId), eq(wallets.asset, asset)));
  return { total: formatAmount(wallet?.total ?? 0n), reserved: formatAmount(wallet?.reserved ?? 0n) };
}
