/**
 * The firm of `bench prices`: contracts that an exchange prices, a day of their past, and customers with margin accounts
 * and money. What they hold and wait for they ask the server for themselves (./holdings.ts).
 */
import { sql } from 'drizzle-orm';
import { postJournals } from '../../src/domains/ledger/index.ts';
import { createInstrument, setPriceSettings, setQuote } from '../../src/domains/markets/index.ts';
import type { Tick } from '../../src/domains/markets/prices/fold-ticks.ts';
import { storeTicks } from '../../src/domains/markets/prices/store-ticks.ts';
import { amountOf, parseAmount } from '../../src/kernel/amount.ts';
import { present } from '../../src/kernel/assert.ts';
import { type Id, newId } from '../../src/kernel/id.ts';
import { instantOfMs } from '../../src/kernel/time.ts';
import type { Ctx } from '../../src/platform/context.ts';
import type { Tx } from '../../src/platform/db/client.ts';
import { transact } from '../../src/platform/db/transact.ts';
import { setLimits } from '../orders-bench/firm.ts';
import { column, insertPersons, type Person } from '../orders-bench/people.ts';
import { feedSymbolOf, MINUTE_SIZE, pastPrice, symbolOf } from './course.ts';

export type Customer = Person & { readonly accountId: Id; readonly walletId: Id };

const CASH = parseAmount('1000000');
const MINUTE_MS = 60_000;
/** Of one transaction. */
const TICKS = 5_000;
/** As many connections as the bench has. */
const LANES = 3;

/** Makes all of it in a database that was only migrated. @shape the customers, and the ids of the instruments */
export async function openFirm(
  ctx: Ctx,
  { instruments, people, minutes }: Readonly<Record<'instruments' | 'people' | 'minutes', number>>,
): Promise<{ readonly customers: readonly Customer[]; readonly instrumentIds: readonly Id[] }> {
  await transact(ctx, 'engine', (tx) =>
    tx.execute(sql`insert into assets (code, name, kind, scale, created_at)
      values ('USD', 'USD', 'fiat', 2, now()) on conflict do nothing`),
  );
  const instrumentIds = await inLanes(
    Array.from({ length: instruments }, (_, index) => index),
    (index) => listInstrument(ctx, index),
  );
  const each = Math.max(1, Math.floor(TICKS / minutes));
  const groups = Array.from({ length: Math.ceil(instruments / each) }, (_, group) =>
    Array.from(
      { length: Math.min(each, instruments - group * each) },
      (_none, place) => group * each + place,
    ),
  );
  await inLanes(groups, (group) => keepPast(ctx, group, instrumentIds, minutes));
  await setLimits(ctx);
  const customers = Array.from({ length: people }, () => ({
    id: newId(),
    session: newId(),
    accountId: newId(),
    walletId: newId(),
  }));
  await transact(ctx, 'engine', (tx) => insertCustomers(tx, ctx, customers));
  return { customers, instrumentIds };
}

/** Some at a time. @shape in the order of the items */
export async function inLanes<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  lanes = LANES,
): Promise<Result[]> {
  const results = new Map<number, Result>();
  const waiting = [...items.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results.set(next[0], await work(next[1]));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return items.map((_, index) => results.get(index) as Result);
}

async function listInstrument(ctx: Ctx, index: number): Promise<Id> {
  const symbol = symbolOf(index);
  const instrument = await createInstrument(ctx, {
    symbol,
    name: symbol,
    type: 'index',
    exchange: 'CRYPTO',
    kind: 'contract',
    baseAsset: `B${index}`,
    quoteAsset: 'USD',
    tick: parseAmount('0.000001'),
    lot: parseAmount('0.01'),
    minQuantity: parseAmount('0.01'),
    maxQuantity: parseAmount('1000'),
    collarBps: 1000,
    makerFeeBps: 0,
    takerFeeBps: 0,
    fractional: true,
    settlementCycle: 'T+0',
    margin: {
      settlementAsset: 'USD',
      maxLeverage: parseAmount('20'),
      initialMarginBps: 500,
      maintenanceMarginBps: 250,
      longRateBps: 500,
      shortRateBps: 100,
      dayCount: 'actual_365',
      fundingHours: 24,
    },
    description: '',
  });
  await setQuote(ctx, { symbol, last: parseAmount('100'), source: 'bench' });
  await setPriceSettings(ctx, instrument, {
    feed: 'coinbase',
    feedSymbol: feedSymbolOf(index),
    maxJumpBps: 10_000,
    staleAfterSeconds: 86_400,
    levelTicks: 5,
  });
  return instrument.id;
}

/** One tick a minute, as far back as the figures of a day and the indicators look. */
async function keepPast(
  ctx: Ctx,
  group: readonly number[],
  ids: readonly Id[],
  minutes: number,
): Promise<void> {
  const now = ctx.deps.clock.now();
  const thisMinute = Math.floor(Date.parse(now) / MINUTE_MS);
  const ticks = group.flatMap((index) =>
    Array.from({ length: minutes }, (_, place): Tick => {
      const ago = minutes - place;
      return {
        instrumentId: present(ids[index], 'every instrument is listed'),
        source: 'coinbase',
        sequence: BigInt(place + 1),
        price: parseAmount(pastPrice(index, ago)),
        size: parseAmount(MINUTE_SIZE),
        occurredAt: instantOfMs((thisMinute - ago) * MINUTE_MS + 30_000),
      };
    }),
  );
  await transact(ctx, 'engine', (tx) => storeTicks(tx, ticks, now));
}

async function insertCustomers(tx: Tx, ctx: Ctx, customers: readonly Customer[]): Promise<void> {
  await insertPersons(tx, ctx, customers);
  const of = (pick: (customer: Customer) => string) => sql`${column(customers.map(pick))}::uuid[]`;
  const users = of(({ id }) => id);
  const accounts = of(({ accountId }) => accountId);
  await tx.execute(sql`update users set risk_profile = 'aggressive' where id = any (${users})`);
  await tx.execute(sql`insert into accounts (id, user_id, type, name, base_currency, status, is_default,
      margin_enabled, max_leverage, created_at, updated_at)
    select a, u, 'live', 'Bench', 'USD', 'active', true, true, 20, now(), now()
    from unnest(${accounts}, ${users}) t (a, u)`);
  await tx.execute(sql`insert into wallets (id, account_id, user_id, book, asset, status, created_at)
    select w, a, u, 'live', 'USD', 'active', now()
    from unnest(${of(({ walletId }) => walletId)}, ${accounts}, ${users}) t (w, a, u)`);
  const [house] = await tx.execute<{ id: Id }>(sql`
    insert into wallets (id, house_role, house_reference, book, asset, status, created_at)
    values (gen_random_uuid(), 'client_money_bank', 'bench', 'live', 'USD', 'active', now()) returning id`);
  const bank = present(house, 'the wallet was just written').id;
  await postJournals(
    tx,
    ctx,
    customers.map(({ walletId }) => ({
      book: 'live' as const,
      kind: 'deposit' as const,
      referenceType: 'bench',
      referenceId: newId(),
      description: 'Funds of a benchmark',
      entries: [
        { walletId, amount: CASH },
        { walletId: bank, amount: amountOf(-CASH) },
      ],
    })),
  );
}
