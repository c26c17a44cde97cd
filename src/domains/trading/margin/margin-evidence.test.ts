import { describe, expect, test } from 'bun:test';
import { and, eq, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { auditLogs, outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { DeliveredEvent } from '../../../platform/outbox/consumer.ts';
import { mailsTo } from '../../../testing/mails.ts';
import type { Answer } from '../../../testing/send.ts';
import type { Trader } from '../../../testing/trading-desk.ts';
import { wallets } from '../../ledger/schema.ts';
import { positionExitOrders } from '../positions/schema.ts';
import { judgeMargin } from './judge-margin.ts';
import { mailMarginNews } from './mail-margin-news.ts';
import { markPositions } from './mark-positions.ts';
import { liquidations, marginCalls } from './schema.ts';
import {
  callsOf,
  keep,
  liquidationsOf,
  opened,
  order,
  positionsOf,
  priceIs,
  priceIsStale,
  quote,
  startMarginDesk,
  world,
} from './testing/margin-desk.ts';

startMarginDesk(import.meta.file);

/** What the log says of a thing, oldest first. */
async function recordedOf(resourceId: string | undefined): Promise<string[]> {
  const rows = await world.desk.deps.db.engine
    .select({ type: auditLogs.eventType })
    .from(auditLogs)
    .where(
      and(eq(auditLogs.resourceId, present(resourceId, 'it is there')), eq(auditLogs.outcome, 'success')),
    )
    .orderBy(auditLogs.id);
  return rows.map(({ type }) => type);
}

/** What the database says to a change that leaves no row of the log. */
function refused(write: (tx: Tx) => Promise<unknown>): Promise<string | null | undefined> {
  return transact(world.desk.system, 'engine', write).then(() => null, sqlStateOf);
}

async function walletOf({ accountId }: Trader, status: 'active' | 'suspended'): Promise<void> {
  await world.desk.deps.db.engine.update(wallets).set({ status }).where(eq(wallets.accountId, accountId));
}

test('that a liquidation was held back, and that it goes on again, stands in the log', async () => {
  const trader = await opened('buy 1', '1000', '200');
  await quote('buy', '0.001', '851');
  await priceIs('851');
  await keep();
  await priceIsStale();
  await keep();
  const [held] = await liquidationsOf(trader);
  expect(held?.heldBack).toBe('price_stale');
  await priceIs('851');
  await quote('buy', '0.001', '851');
  await keep();
  expect(await liquidationsOf(trader)).toMatchObject([{ heldBack: null, endedAt: null }]);
  const said = await recordedOf(held?.id);
  expect(said.filter((type) => type !== 'liquidation.stepped')).toEqual([
    'liquidation.started',
    'liquidation.held_back',
    'liquidation.resumed',
  ]);
});

test('that an exit is kept from closing, goes on again or gave up what it had planned stands in the log', async () => {
  const trader = await opened('buy 1', '1000', '500');
  const [position] = await positionsOf(trader);
  const id = present(position, 'it was opened').id;
  const body = { stopLoss: { triggerPrice: '950' } };
  expect((await world.desk.request(trader, 'PUT', `/v1/positions/${id}/exits`, { body })).status).toBe(200);
  await walletOf(trader, 'suspended');
  await priceIs('949');
  await keep();
  await walletOf(trader, 'active');
  const planned = {
    id: newId(),
    positionId: id,
    userId: trader.userId,
    accountId: trader.accountId,
    symbol: present(position, 'it was opened').symbol,
    side: 'sell',
    attempt: 1,
    quantity: present(position, 'it was opened').quantity,
    createdAt: world.desk.deps.clock.now(),
  } as const;
  await world.desk.deps.db.engine.insert(positionExitOrders).values(planned);
  const silently = [
    sql`update position_exit_orders set abandoned_at = now() where id = ${planned.id}::uuid`,
    sql`update position_exits set held_back = 'nobody_knows' where position_id = ${id}::uuid`,
  ];
  for (const write of silently) {
    expect(await refused((tx) => tx.execute(write))).toBe('PL061');
  }
  await quote('buy', '1', '949');
  world.desk.advance(60_000);
  await keep(3);
  expect(await positionsOf(trader)).toMatchObject([{ status: 'closed' }]);
  const exits = (await recordedOf(id)).filter((type) => type.startsWith('position.exit_'));
  expect(exits).toEqual([
    'position.exit_triggered',
    'position.exit_held_back',
    'position.exit_resumed',
    'position.exit_abandoned',
    'position.exit_ordered',
  ]);
});

/** What was told of an account, as the relay would hand it on: none runs here. */
async function newsOf({ accountId }: Trader, type: string): Promise<readonly DeliveredEvent[]> {
  const rows = await world.desk.deps.db.engine
    .select()
    .from(outbox)
    .where(and(eq(outbox.accountId, accountId), eq(outbox.type, type)))
    .orderBy(outbox.id);
  return rows as unknown as readonly DeliveredEvent[];
}

test('a call that is over before its mail leaves is not mailed, and the next of the hour is, once and with its own time', async () => {
  const { desk } = world;
  toNextHour();
  const trader = await opened('buy 1', '1000', '200');
  const mailed = () => mailsTo(desk.deps, `${trader.userId}@example.mu`);
  for (const price of ['870', '1000', '870']) {
    await priceIs(price);
    await keep();
  }
  const [over, open] = await callsOf(trader);
  desk.advance(120_000);
  for (const event of await newsOf(trader, 'trading.margin_called')) {
    await mailMarginNews.handle(desk.system, event);
  }
  const calledAt = present(open, 'it was called again').calledAt;
  expect(await mailed()).toMatchObject([
    {
      subject: 'Your account needs more margin',
      text: expect.stringContaining(`Time: ${calledAt.slice(0, 10)} ${calledAt.slice(11, 16)} UTC`),
    },
  ]);
  expect(await callsOf(trader)).toMatchObject([{ mailedAt: null }, { mailedAt: expect.any(String) }]);
  expect(await recordedOf(over?.id)).toEqual(['margin_call.opened', 'margin_call.ended']);
  expect(await recordedOf(open?.id)).toEqual(['margin_call.opened', 'margin_call.mailed']);
  // That one was not met, or that its time is over, is as untrue once it is met.
  await priceIs('1000');
  await keep();
  const [, told] = await newsOf(trader, 'trading.margin_called');
  for (const type of ['trading.margin_call_reminded', 'trading.margin_call_overdue']) {
    await mailMarginNews.handle(desk.system, { ...present(told, 'it was told'), type });
  }
  expect(await mailed()).toHaveLength(1);
});

/** Two calls of an hour, of which the first is not mailed yet. */
async function calledTwice(trader: Trader): Promise<readonly DeliveredEvent[]> {
  for (const price of ['870', '1000', '870']) {
    await priceIs(price);
    await keep();
  }
  return newsOf(trader, 'trading.margin_called');
}

function toNextHour(): void {
  const now = Date.parse(world.desk.deps.clock.now());
  world.desk.advance(3_600_000 - (now % 3_600_000) + 1_000);
}

/** As the consumer would with such a mail server. */
function handedOn(
  event: DeliveredEvent | undefined,
  deliver: () => Promise<boolean>,
  clock = world.desk.deps.clock,
): Promise<void> {
  const { deps } = world.desk;
  const ctx = { ...world.desk.system, deps: { ...deps, clock, mail: { ...deps.mail, deliver } } };
  return mailMarginNews.handle(ctx, present(event, 'it was told'));
}

test('a call that ends while its mail is under way was mailed, and the next of the hour is not', async () => {
  toNextHour();
  const trader = await opened('buy 1', '1000', '200');
  await priceIs('870');
  await keep();
  const [first] = await newsOf(trader, 'trading.margin_called');
  let mails = 0;
  const counted = () => {
    mails += 1;
    return Promise.resolve(true);
  };
  await handedOn(first, async () => {
    await priceIs('1000');
    await keep();
    return counted();
  });
  await priceIs('870');
  await keep();
  const [, second] = await newsOf(trader, 'trading.margin_called');
  await handedOn(second, counted);
  const [ended, open] = await callsOf(trader);
  expect([mails, ended?.outcome, open?.mailedAt]).toEqual([1, 'cured', null]);
  expect(await recordedOf(ended?.id)).toEqual([
    'margin_call.opened',
    'margin_call.ended',
    'margin_call.mailed',
  ]);
  // Once; and nothing else of what has ended.
  const ofCall = eq(marginCalls.id, ended?.id ?? '');
  const now = world.desk.deps.clock.now();
  expect([
    await refused((tx) => tx.update(marginCalls).set({ mailedAt: now }).where(ofCall)),
    await refused((tx) => tx.update(marginCalls).set({ remindedAt: now }).where(ofCall)),
  ]).toEqual(['PL050', 'PL050']);
});

test('a mail that was refused for good, or that nobody could be sent, is not said to have been mailed', async () => {
  toNextHour();
  const trader = await opened('buy 1', '1000', '200');
  const [, told] = await calledTwice(trader);
  await handedOn(told, () => Promise.resolve(false));
  const [, open] = await callsOf(trader);
  expect(open?.mailedAt).toBeNull();
  expect(await recordedOf(open?.id)).toEqual(['margin_call.opened']);
});

test('that a call was mailed could not be noted is no reason to try again; one that is noted is mailed no more', async () => {
  toNextHour();
  const trader = await opened('buy 1', '1000', '200');
  const [, told] = await calledTwice(trader);
  let mails = 0;
  const counted = () => {
    mails += 1;
    return Promise.resolve(true);
  };
  const { clock } = world.desk.deps;
  const now = () => {
    if (mails > 0) {
      throw new Error('nothing can be noted');
    }
    return clock.now();
  };
  await handedOn(told, counted, { ...clock, now });
  expect([mails, (await callsOf(trader))[1]?.mailedAt]).toEqual([1, null]);
  await handedOn(told, counted);
  await handedOn(told, counted);
  expect([mails, (await callsOf(trader))[1]?.mailedAt]).toEqual([2, expect.any(String)]);
});

test('margin is kept by a clock that is days away from that of the database', async () => {
  const trader = await opened('buy 1', '1000', '200');
  await priceIs('870');
  const { system, epoch, deps } = { ...world.desk, epoch: world.epoch };
  await markPositions(system, epoch);
  const realNow = () => addMs(deps.clock.realNow(), 3 * 86_400_000);
  await judgeMargin({ ...system, deps: { ...deps, clock: { ...deps.clock, realNow } } }, epoch);
  expect(await callsOf(trader)).toMatchObject([{ endedAt: null }]);
});

test('nothing of a call or a liquidation changes without a row of the log', async () => {
  const trader = await opened('buy 1', '1000', '200');
  await priceIs('880');
  await keep();
  const [call] = await callsOf(trader);
  await priceIs('851');
  await keep();
  const [liquidation] = await liquidationsOf(trader);
  const now = world.desk.deps.clock.now();
  const ofCall = eq(marginCalls.id, call?.id ?? '');
  const ofLiquidation = eq(liquidations.id, liquidation?.id ?? '');
  expect([
    await refused((tx) => tx.update(marginCalls).set({ remindedAt: now }).where(ofCall)),
    await refused((tx) => tx.update(marginCalls).set({ mailedAt: now }).where(ofCall)),
    await refused((tx) => tx.update(marginCalls).set({ outcome: 'cured', endedAt: now }).where(ofCall)),
    await refused((tx) => tx.update(liquidations).set({ heldBack: 'nobody_knows' }).where(ofLiquidation)),
    await refused((tx) =>
      tx.update(liquidations).set({ outcome: 'restored', endedAt: now }).where(ofLiquidation),
    ),
    await refused((tx) =>
      tx.execute(sql`
      insert into margin_calls select (jsonb_populate_record(c, jsonb_build_object('id', ${newId()}::text,
        'ended_at', ${now}::text, 'outcome', 'cured'))).* from margin_calls c where c.id = ${call?.id}::uuid`),
    ),
    await refused((tx) =>
      tx.execute(sql`
      insert into liquidations select (jsonb_populate_record(l, jsonb_build_object('id', ${newId()}::text,
        'ended_at', ${now}::text, 'outcome', 'restored'))).* from liquidations l where l.id = ${liquidation?.id}::uuid`),
    ),
  ]).toEqual(Array.from({ length: 7 }, () => 'PL061'));
});

describe('margin calls', () => {
  const listed = (as: Trader, query = ''): Promise<Answer> =>
    world.desk.request(as, 'GET', `/v1/risk/margin-calls${query}`);

  test('are listed to whoever was called, and of all to staff, newest first and page by page', async () => {
    const trader = await opened('buy 1', '1000', '200');
    const other = await opened('buy 1', '1000', '200');
    for (const price of ['870', '1000', '870']) {
      await priceIs(price);
      await keep();
    }
    const [cured, open] = await callsOf(trader);
    const { status, body } = await listed(trader);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      data: [
        {
          id: open?.id,
          accountId: trader.accountId,
          asset: 'USD',
          status: 'open',
          outcome: null,
          shortBy: '16',
        },
        { id: cured?.id, status: 'ended', outcome: 'cured' },
      ],
      nextCursor: null,
    });
    expect(JSON.stringify(body)).not.toContain(other.accountId);
    expect((await listed(trader, `?accountId=${other.accountId}`)).body.data).toEqual([]);
    const ids = async (as: Trader, query: string) =>
      (await listed(as, query)).body.data.map(({ id }: { id: string }) => id);
    expect(await ids(trader, '?status=open')).toEqual([open?.id]);
    expect(await ids(trader, '?status=ended')).toEqual([cured?.id]);
    expect(await ids(trader, `?from=${open?.calledAt}`)).toEqual([open?.id]);
    expect(await ids(trader, `?to=${open?.calledAt}`)).toEqual([cured?.id]);
    const first = (await listed(trader, '?limit=1')).body;
    expect(await ids(trader, `?limit=1&cursor=${first.nextCursor}`)).toEqual([cured?.id]);
    expect((await listed(trader, `?limit=1&status=open&cursor=${first.nextCursor}`)).body.code).toBe(
      'invalid_cursor',
    );
    const officer = await world.desk.newStaff('risk_manager');
    expect(await ids(officer, `?accountId=${other.accountId}`)).toHaveLength(2);
    const all = await ids(officer, '?status=open');
    expect(all).toContain(open?.id);
    expect(all).toHaveLength(2);
    expect((await listed(await world.desk.newStaff('admin'))).status).toBe(403);
  });
});

test('orders are listed by what placed them', async () => {
  const trader = await opened('buy 1', '1000', '200');
  await priceIs('851');
  await quote('buy', '1', '851');
  await keep(3);
  await order(trader, 'sell 0.001 at 900', { reduceOnly: true });
  const origins = async (query: string) =>
    (
      await world.desk.request(trader, 'GET', `/v1/orders?accountId=${trader.accountId}${query}`)
    ).body.data.map(({ origin }: { origin: string }) => origin);
  expect(await origins('')).toEqual(['customer', 'liquidation', 'customer']);
  expect(await origins('&origin=liquidation')).toEqual(['liquidation']);
  expect(await origins('&origin=customer')).toEqual(['customer', 'customer']);
  expect(await origins('&origin=position_exit')).toEqual([]);
  const { status, body } = await world.desk.request(trader, 'GET', '/v1/orders?origin=house');
  expect([status, body.code]).toEqual([422, 'validation_failed']);
});
