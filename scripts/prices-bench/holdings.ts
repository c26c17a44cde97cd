/** What the customers of `bench prices` hold and wait for: they ask the server for all of it, as customers do. */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { present } from '../../src/kernel/assert.ts';
import type { Id } from '../../src/kernel/id.ts';
import type { Ctx } from '../../src/platform/context.ts';
import { tokenOf } from '../orders-bench/people.ts';
import { alertsOn, exitOn, instrumentOf, symbolOf, type Waiting } from './course.ts';
import { type Customer, inLanes } from './firm.ts';

/** An alert or an exit, and what it waits for. */
export type Asked = {
  readonly id: string;
  readonly instrument: number;
  readonly phase: Waiting['phase'];
};

export type Floor = {
  readonly ctx: Ctx;
  readonly port: number;
  readonly instruments: number;
  readonly tokens: ReadonlyMap<Id, string>;
};

const CLIENTS = 24;
const TRADES_EACH = 5;
/** How long what was asked for may take to be there. */
const PATIENCE_MS = 120_000;
/** So that every fourth alert goes on after it was told. */
const REPEAT_EVERY = 4;

/** How many customers that takes: half of them long, half of them short, and one who always makes a price. */
export function peopleFor(instruments: number): number {
  return (4 * instruments) / TRADES_EACH + 1;
}

/** Signs everybody in for ten minutes. */
export async function signIn(ctx: Ctx, customers: readonly Customer[]): Promise<ReadonlyMap<Id, string>> {
  const tokens = new Map<Id, string>();
  for (const customer of customers) {
    tokens.set(customer.id, await tokenOf(ctx, customer));
  }
  return tokens;
}

/**
 * Opens four positions in each instrument, and leaves resting orders that exits close at.
 * @shape the ids of the positions
 */
export async function openPositions(floor: Floor, customers: readonly Customer[]): Promise<readonly Id[]> {
  const { instruments, ctx } = floor;
  const [maker, ...others] = customers;
  const [longs, shorts] = [others.slice(0, others.length / 2), others.slice(others.length / 2)];
  const trades = Array.from({ length: 2 * instruments }, (_, index) => index);
  for (const [people, side] of [
    [shorts, 'sell'],
    [longs, 'buy'],
  ] as const) {
    await inLanes(
      trades,
      (index) =>
        order(floor, present(people[index % people.length], 'there is somebody'), index, side, '1', '100'),
      CLIENTS,
    );
  }
  await inLanes(
    trades,
    (index) => {
      const sells = index >= instruments;
      const price = sells ? '103' : '97';
      return order(floor, present(maker, 'there is a maker'), index, sells ? 'sell' : 'buy', '20', price);
    },
    CLIENTS,
  );
  const wanted = 4 * instruments;
  await until(
    async () => (await countOf(ctx, sql`positions where closed_at is null`)) === wanted,
    'positions',
  );
  const rows = await ctx.deps.db.engine.execute<{ id: Id }>(
    sql`select id from positions where closed_at is null order by id`,
  );
  return rows.map(({ id }) => id);
}

/** One exit for each instrument, on a position that loses when it turns. */
export async function setExits(floor: Floor): Promise<readonly Asked[]> {
  const rows = await floor.ctx.deps.db.engine.execute<{
    id: Id;
    user_id: Id;
    symbol: string;
    side: 'long' | 'short';
  }>(sql`select distinct on (symbol, side) id, user_id, symbol, side from positions where closed_at is null
    order by symbol, side, id`);
  const chosen = rows.flatMap(({ symbol, ...row }) => {
    const instrument = present(instrumentOf(symbol), 'all of them are of here');
    const { side, triggerPrice } = exitOn(instrument);
    return row.side === side ? [{ ...row, instrument, triggerPrice }] : [];
  });
  return inLanes(
    chosen,
    async ({ id, user_id, instrument, triggerPrice }) => {
      await ask(floor, user_id, 'PUT', `/v1/positions/${id}/exits`, { stopLoss: { triggerPrice } });
      return { id, instrument, phase: 'turn' as const };
    },
    CLIENTS,
  );
}

/** Twenty alerts on each instrument, spread over everybody; waits until each of them is armed. */
export async function askForAlerts(floor: Floor, customers: readonly Customer[]): Promise<readonly Asked[]> {
  const wanted = Array.from({ length: floor.instruments }, (_, instrument) =>
    alertsOn(instrument).map((waiting) => ({ ...waiting, instrument })),
  ).flat();
  const asked = await inLanes(
    [...wanted.entries()],
    async ([index, { instrument, phase, condition }]) => {
      const owner = present(customers[index % customers.length], 'there is somebody');
      const body = { symbol: symbolOf(instrument), condition, repeat: index % REPEAT_EVERY === 0 };
      const { id } = await ask(floor, owner.id, 'POST', '/v1/price-alerts', body);
      return { id, instrument, phase };
    },
    CLIENTS,
  );
  await until(
    async () => (await countOf(floor.ctx, sql`price_alerts where not armed`)) === 0,
    'alerts that are armed',
  );
  return asked;
}

export async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  for (const began = performance.now(); !(await isSo()); await Bun.sleep(250)) {
    if (performance.now() - began > PATIENCE_MS) {
      throw new Error(`waited in vain for ${what}`);
    }
  }
}

async function order(
  floor: Floor,
  { id, accountId }: Customer,
  index: number,
  side: 'buy' | 'sell',
  quantity: string,
  limitPrice: string,
): Promise<void> {
  const body = {
    accountId,
    symbol: symbolOf(index % floor.instruments),
    side,
    type: 'limit',
    timeInForce: 'gtc',
    quantity,
    limitPrice,
    leverage: '10',
  };
  const { status, rejectionReason } = await ask(floor, id, 'POST', '/v1/orders', body);
  if (status === 'rejected') {
    throw new Error(`an order was rejected: ${rejectionReason}`);
  }
}

type Body = { readonly id: string; readonly status?: string; readonly rejectionReason?: string };

async function ask(
  { port, tokens }: Floor,
  userId: Id,
  method: string,
  path: string,
  body: object,
): Promise<Body> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${present(tokens.get(userId), 'everybody signed in')}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path} was answered ${response.status}: ${text.slice(0, 500)}`);
  }
  return JSON.parse(text) as Body;
}

async function countOf(ctx: Ctx, what: ReturnType<typeof sql>): Promise<number> {
  const [row] = await ctx.deps.db.engine.execute<{ count: number }>(
    sql`select count(*)::int as count from ${what}`,
  );
  return row?.count ?? 0;
}
