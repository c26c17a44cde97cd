/**
 * The firm that `bench orders` trades in: four instruments, a thousand customers with ten accounts each, funded in
 * dollars and in the base asset of the account's instrument, and sessions they are signed in with.
 */
import { sql } from 'drizzle-orm';
import { openLots, postJournals } from '../../src/domains/ledger/index.ts';
import { createInstrument, setQuote } from '../../src/domains/markets/index.ts';
import { setRiskLimit } from '../../src/domains/risk/index.ts';
import { riskLimitType } from '../../src/domains/risk/schema.ts';
import { amountOf, parseAmount } from '../../src/kernel/amount.ts';
import { present } from '../../src/kernel/assert.ts';
import { type Id, newId } from '../../src/kernel/id.ts';
import type { Ctx } from '../../src/platform/context.ts';
import type { Tx } from '../../src/platform/db/client.ts';
import { transact } from '../../src/platform/db/transact.ts';
import type { Orderer } from './load.ts';
import { column, insertPersons, type Person, tokenOf } from './people.ts';

export type Customer = {
  readonly userId: Id;
  readonly sessionId: Id;
  readonly accountId: Id;
  readonly asset: string;
  /** Accounts of the second half of the people sell, so that nobody trades with themselves. */
  readonly sells: boolean;
  readonly cashId: Id;
  readonly unitsId: Id;
};

export const ASSETS = ['BTC', 'ETH', 'SOL', 'XRP'] as const;
export const ACCOUNTS = 10_000;
const ACCOUNTS_PER_PERSON = 10;
const BATCH = 1_000;
const CASH = parseAmount('10000000');
const UNITS = parseAmount('100000');
const NO_LIMIT = parseAmount('900000000000');
export const PRICE = '100';

/** Makes all of it, in a database that was only migrated. */
export async function openFirm(ctx: Ctx): Promise<readonly Customer[]> {
  const people = Array.from({ length: ACCOUNTS / ACCOUNTS_PER_PERSON }, () => ({
    id: newId(),
    session: newId(),
  }));
  const customers = Array.from({ length: ACCOUNTS }, (_, index): Customer => {
    const place = Math.floor(index / ACCOUNTS_PER_PERSON);
    const person = present(people[place], 'every account has its owner');
    return {
      userId: person.id,
      sessionId: person.session,
      accountId: newId(),
      asset: present(ASSETS[index % ASSETS.length], 'an account trades something'),
      sells: place >= people.length / 2,
      cashId: newId(),
      unitsId: newId(),
    };
  });
  await transact(ctx, 'engine', async (tx) => {
    await tx.execute(sql`insert into assets (code, name, kind, scale, created_at)
      select code, code, (case code when 'USD' then 'fiat' else 'crypto' end)::asset_kind,
        case code when 'USD' then 2 else 8 end, now()
      from unnest(${column(['USD', ...ASSETS])}::text[]) a (code) on conflict do nothing`);
  });
  for (const asset of ASSETS) {
    await listInstrument(ctx, asset);
  }
  await setLimits(ctx);
  await transact(ctx, 'engine', (tx) => insertPeople(tx, ctx, people, customers));
  for (let from = 0; from < customers.length; from += BATCH) {
    await transact(ctx, 'engine', (tx) => fund(tx, ctx, customers.slice(from, from + BATCH)));
  }
  return customers;
}

/** The accounts with tokens of ten minutes. */
export async function signIn(ctx: Ctx, customers: readonly Customer[]): Promise<readonly Orderer[]> {
  const tokens = new Map<Id, string>();
  for (const { userId, sessionId } of customers) {
    if (!tokens.has(userId)) {
      tokens.set(userId, await tokenOf(ctx, { id: userId, session: sessionId }));
    }
  }
  return customers.map(({ accountId, asset, sells, userId }) => ({
    accountId,
    symbol: `${asset}/USD`,
    sells,
    token: present(tokens.get(userId), 'everybody signed in'),
  }));
}

async function listInstrument(ctx: Ctx, asset: string): Promise<void> {
  await createInstrument(ctx, {
    symbol: `${asset}/USD`,
    name: asset,
    type: 'crypto',
    exchange: 'CRYPTO',
    baseAsset: asset,
    quoteAsset: 'USD',
    tick: parseAmount('0.01'),
    lot: parseAmount('0.0001'),
    minQuantity: parseAmount('0.0001'),
    maxQuantity: parseAmount('1000'),
    collarBps: 1000,
    makerFeeBps: 10,
    takerFeeBps: 20,
    fractional: true,
    settlementCycle: 'T+0',
    description: '',
  });
  await setQuote(ctx, { symbol: `${asset}/USD`, last: parseAmount(PRICE), source: 'bench' });
}

/** All of them, so high that no load meets them: a limit that is missing refuses. */
export async function setLimits(ctx: Ctx): Promise<void> {
  const counts: readonly string[] = ['max_open_orders', 'max_leverage'];
  for (const type of riskLimitType.enumValues) {
    await setRiskLimit(ctx, {
      scope: 'platform',
      scopeId: '',
      type,
      value: NO_LIMIT,
      currency: counts.includes(type) ? null : 'USD',
      effectiveFrom: ctx.deps.clock.now(),
      effectiveUntil: null,
      setBy: 'seed',
      approvalId: null,
      reason: 'Out of the way',
      subjectUserId: null,
    });
  }
}

async function insertPeople(
  tx: Tx,
  ctx: Ctx,
  people: readonly Person[],
  customers: readonly Customer[],
): Promise<void> {
  const of = (pick: (customer: Customer) => string) => column(customers.map(pick));
  await insertPersons(tx, ctx, people);
  await tx.execute(sql`insert into accounts (id, user_id, type, name, base_currency, status, is_default, created_at,
      updated_at)
    select a, u, 'live', 'Bench', 'USD', 'active', row_number() over (partition by u order by a) = 1, now(), now()
    from unnest(${of(({ accountId }) => accountId)}::uuid[], ${of(({ userId }) => userId)}::uuid[]) t (a, u)`);
  for (const asset of [() => 'USD', (customer: Customer) => customer.asset]) {
    const wallet = (customer: Customer) => (asset(customer) === 'USD' ? customer.cashId : customer.unitsId);
    await tx.execute(sql`insert into wallets (id, account_id, user_id, book, asset, status, created_at)
      select w, a, u, 'live', c, 'active', now()
      from unnest(${of(wallet)}::uuid[], ${of(({ accountId }) => accountId)}::uuid[],
        ${of(({ userId }) => userId)}::uuid[], ${of(asset)}::text[]) t (w, a, u, c)`);
  }
  await tx.execute(sql`insert into wallets (id, house_role, house_reference, book, asset, status, created_at)
    select gen_random_uuid(), (case asset when 'USD' then 'client_money_bank' else 'custody' end)::house_role,
      'bench', 'live', asset, 'active', now()
    from unnest(${column(['USD', ...ASSETS])}::text[]) a (asset)`);
}

/** Money for everybody, and units with their lots (I16) for those who sell. */
async function fund(tx: Tx, ctx: Ctx, customers: readonly Customer[]): Promise<void> {
  const rows = await tx.execute<{ id: Id; asset: string }>(
    sql`select id, asset from wallets where house_reference = 'bench'`,
  );
  const houseOf = new Map(rows.map(({ id, asset }) => [asset, id]));
  const journal = (walletId: Id, asset: string, amount: bigint) => ({
    book: 'live' as const,
    kind: 'deposit' as const,
    referenceType: 'bench',
    referenceId: newId(),
    description: 'Funds of a benchmark',
    entries: [
      { walletId, amount: amountOf(amount) },
      { walletId: present(houseOf.get(asset), 'the house holds every asset'), amount: amountOf(-amount) },
    ],
  });
  const sellers = customers.filter(({ sells }) => sells);
  await postJournals(tx, ctx, [
    ...customers.map(({ cashId }) => journal(cashId, 'USD', CASH)),
    ...sellers.map(({ unitsId, asset }) => journal(unitsId, asset, UNITS)),
  ]);
  await openLots(
    tx,
    ctx,
    sellers.map(({ unitsId, userId, accountId, asset }) => ({
      walletId: unitsId,
      userId,
      accountId,
      asset,
      quantity: UNITS,
      cost: { amount: amountOf(UNITS * 100n), currency: 'USD' },
      source: 'deposit' as const,
      referenceId: newId(),
    })),
  );
}
