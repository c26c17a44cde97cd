/**
 * Closes positions whose exit was triggered: all that is open, at the market, by orders that only reduce, through the
 * same path as every order. What is ordered is written before it is placed, and an order is stored only while what
 * planned it stands (by trigger), so that none is lost and none is placed twice, whoever keeps margin. While the
 * position is open and nothing is under way it is tried again, after pauses that grow and end; what stands in the way
 * of anybody is waited for. A liquidation of the same wallet goes first.
 */
import { and, asc, eq, isNotNull, isNull, lte, sql } from 'drizzle-orm';
import { minAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { roundToStep } from '../../../kernel/rounding.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together, transact } from '../../../platform/db/transact.ts';
import { accountAllows } from '../../accounts/index.ts';
import { type Gate, lockGates } from '../../identity/index.ts';
import { lockWallets } from '../../ledger/index.ts';
import { instrumentsBySymbol } from '../../markets/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';
import { abandonUnplaced, type Exits, type ExitTrail, exitTrail } from '../positions/exit-orders.ts';
import { pauseAfter } from '../positions/exit-rules.ts';
import { positionExitOrders, positionExits, positions } from '../positions/schema.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { exitAlert } from './alerts.ts';
import { exitRefusal } from './excuse-liquidations.ts';
import { holdKeeper, KeeperReplaced } from './fence.ts';
import { markWallets } from './mark-positions.ts';
import { whyUntradable } from './obstacles.ts';
import { placeClosings } from './place-closings.ts';
import type { MarginWallet, MarkedPosition } from './read-margin.ts';
import { liquidations } from './schema.ts';

/** Each step waits for its wallet and for its order: so many do so at once. */
const LANES = 4;
/** After so many looks whoever was tried once has another turn. */
const LOOKS = 5;
/** After that an order of an exit is said to be without an answer; no other is placed all the same. */
const ANSWER_MS = 10_000;
/** After so many tries in a row that closed nothing somebody of the firm is told. */
const TRIES_BEFORE_ALERT = 5;
/** What passes by itself, or has an alert of its own. */
const QUIET: ReadonlySet<string> = new Set(['market_closed', 'liquidation_open']);

type PlannedOrder = typeof positionExitOrders.$inferSelect;

/** What a look at one position decided: to order, or to take out first what its owner has on the other side. */
type Step = { readonly planned: readonly PlannedOrder[]; readonly meetsItself: boolean };

const NOTHING: Step = { planned: [], meetsItself: false };

/**
 * Takes the closing of every position whose exit was triggered a step further, where there is one to take.
 * @effects as `placeOrder` and `recordCancelRequests`; `position_exits`, `position_exit_orders`, risk alerts, audit
 * @errors KeeperReplaced
 */
export async function closeExits(ctx: Ctx, epoch: bigint): Promise<void> {
  const taken = new Set<Id>();
  // What was triggered while others were closed does not wait for the next look at everything.
  for (let look = 0; look < LOOKS; look += 1) {
    const due = (await dueNow(ctx)).filter(({ positionId }) => !taken.has(positionId));
    if (due.length === 0) {
      return;
    }
    for (const { positionId } of due) {
      taken.add(positionId);
    }
    await takeSteps(ctx, epoch, due);
  }
}

async function takeSteps(ctx: Ctx, epoch: bigint, due: Exits[]): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let next = due.shift(); next !== undefined; next = due.shift()) {
      const { positionId } = next;
      await takeStep(ctx, epoch, next).catch((failure: unknown) => {
        if (failure instanceof KeeperReplaced) {
          throw failure;
        }
        const kind = failure instanceof Error ? failure.name : 'unknown';
        ctx.deps.log.error({ failure: kind, positionId }, 'an exit of a position failed and is tried again');
      });
    }
  };
  await together(...Array.from({ length: LANES }, lane));
}

/** Those that a market still keeps from being closed, as they say already, are not looked at one by one. */
async function dueNow(ctx: Ctx): Promise<Exits[]> {
  return transact(ctx, 'engine', async (tx) => {
    const due = await tx
      .select({ exits: positionExits, symbol: positions.symbol })
      .from(positionExits)
      .innerJoin(positions, eq(positions.id, positionExits.positionId))
      .where(
        and(
          isNotNull(positionExits.triggeredAt),
          isNull(positionExits.endedAt),
          lte(positionExits.nextTryAt, ctx.deps.clock.now()),
        ),
      )
      .orderBy(asc(positionExits.nextTryAt), asc(positionExits.positionId));
    const held = due.filter(({ exits }) => exits.heldBack !== null);
    if (held.length === 0) {
      return due.map(({ exits }) => exits);
    }
    const instruments = await instrumentsBySymbol(tx, [...new Set(held.map(({ symbol }) => symbol))]);
    const closed = await whyUntradable(tx, ctx, [...instruments.values()]);
    return due.flatMap(({ exits }) =>
      exits.heldBack !== null && exits.heldBack === closed.get(exits.instrumentId) ? [] : [exits],
    );
  });
}

async function takeStep(ctx: Ctx, epoch: bigint, exits: Exits): Promise<void> {
  let step = await decide(ctx, epoch, exits, true);
  if (step.meetsItself) {
    await tradingEngine(ctx.deps).carryOutCancels(await takeOutOwn(ctx, epoch, exits));
    step = await decide(ctx, epoch, exits, false);
  }
  await placeClosings(ctx, 'position_exit', step.planned);
}

async function decide(
  ctx: Ctx,
  epoch: bigint,
  { positionId, userId, walletId }: Exits,
  mayMeetItself: boolean,
): Promise<Step> {
  return transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    const gate = (await lockGates(tx, [userId])).get(userId);
    const [wallet] = await markWallets(tx, ctx, [walletId]);
    const position = wallet?.positions.find(({ row }) => row.id === positionId);
    const exits = await triggeredExits(tx, positionId);
    const now = ctx.deps.clock.now();
    if (wallet === undefined || position === undefined || !exits || (exits.nextTryAt ?? now) > now) {
      return NOTHING;
    }
    const trail = await exitTrail(tx, exits);
    if (trail.underwaySince !== null) {
      if (now >= addMs(trail.underwaySince, ANSWER_MS)) {
        await holdBack(tx, ctx, position, exits, 'order_unanswered');
      }
      await tryAgainAt(tx, positionId, addMs(now, pauseAfter(0)));
      return NOTHING;
    }
    const dueAt = trail.lastAt === null ? now : addMs(trail.lastAt, pauseAfter(trail.fruitless));
    if (dueAt > now && trail.fruitless > 0) {
      await tryAgainAt(tx, positionId, dueAt);
      return NOTHING;
    }
    const obstacle = await obstacleTo(tx, ctx, wallet, position, gate);
    if (obstacle !== null) {
      await holdBack(tx, ctx, position, exits, obstacle);
      await tryAgainAt(tx, positionId, addMs(now, pauseAfter(0)));
      return NOTHING;
    }
    // Nobody trades with themselves: what kept the last order off is taken out first.
    if (mayMeetItself && trail.lastEnd === 'self_match') {
      return { planned: [], meetsItself: true };
    }
    await holdBack(tx, ctx, position, exits, trail.fruitless >= TRIES_BEFORE_ALERT ? trail.lastEnd : null);
    return { planned: [await plan(tx, ctx, position, exits, trail)], meetsItself: false };
  });
}

/** As they are under the lock of their wallet. */
async function triggeredExits(tx: Tx, positionId: Id): Promise<Exits | undefined> {
  const [exits] = await tx
    .select()
    .from(positionExits)
    .where(
      and(
        eq(positionExits.positionId, positionId),
        isNotNull(positionExits.triggeredAt),
        isNull(positionExits.endedAt),
      ),
    );
  return exits;
}

/** What no order could pass just now: none is placed to find out. */
async function obstacleTo(
  tx: Tx,
  ctx: Ctx,
  { walletId, account }: MarginWallet,
  { row, instrument, fresh }: MarkedPosition,
  gate: Gate | undefined,
): Promise<string | null> {
  if (await isLiquidated(tx, ctx, walletId, row.id, instrument.priceVouched)) {
    return 'liquidation_open';
  }
  const barred = barredBy(account.type, gate);
  if (barred !== null || !accountAllows(account.status, 'trade')) {
    return barred ?? 'account_not_active';
  }
  if ((await lockWallets(tx, [walletId])).get(walletId)?.status !== 'active') {
    return 'wallet_not_active';
  }
  const closed = (await whyUntradable(tx, ctx, [instrument])).get(instrument.id) ?? null;
  return closed ?? (fresh ? null : 'price_stale');
}

/**
 * Whether a liquidation may close the position: one that runs, where somebody stands for the price, since it closes
 * nothing at another; and one whose order for it may still trade, however it ended.
 */
async function isLiquidated(
  tx: Tx,
  ctx: Ctx,
  walletId: Id,
  positionId: Id,
  isVouched: boolean,
): Promise<boolean> {
  const [running] = await tx
    .select({ id: liquidations.id })
    .from(liquidations)
    .where(and(eq(liquidations.walletId, walletId), isNull(liquidations.endedAt)));
  if (running !== undefined && isVouched) {
    return true;
  }
  const since = addMs(ctx.deps.clock.now(), -ANSWER_MS);
  const [ordered] = await executePrepared<{ id: Id }>(
    tx,
    sql`select l.id from liquidation_orders l
      left join orders o on o.account_id = l.account_id and o.idempotency_key = 'liquidation-' || l.id
      where l.position_id = ${positionId}::uuid and o.closed_at is null
        and (o.id is not null or l.created_at > ${sql.param(since)}::text::timestamptz) limit 1`,
  );
  return ordered !== undefined;
}

/** Paper accounts obey no KYC gate, but a suspended person trades nowhere. */
function barredBy(account: MarginWallet['account']['type'], gate: Gate | undefined): string | null {
  if (account === 'live') {
    return exitRefusal(gate);
  }
  const active = gate !== undefined && gate.userStatus !== 'suspended' && gate.userStatus !== 'closed';
  return active ? null : 'account_restricted';
}

/** @effects as `recordCancelRequests` for what the person has on the other side of the instrument */
async function takeOutOwn(
  ctx: Ctx,
  epoch: bigint,
  { positionId, userId }: Exits,
): Promise<readonly OrderRow[]> {
  return transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    await lockGates(tx, [userId]);
    const resting = await executePrepared<{ id: Id }>(
      tx,
      sql`select o.id from positions p join accounts a on a.user_id = p.user_id
        join orders o on o.account_id = a.id and o.closed_at is null
        where p.id = ${positionId}::uuid and p.closed_at is null and o.instrument_id = p.instrument_id
          and o.book = p.book and (p.side = 'long') = (o.side = 'buy') and o.cancel_requested_at is null
          and o.origin <> 'liquidation'
        order by o.id`,
    );
    const ids = resting.map(({ id }) => id);
    return recordCancelRequests(tx, ctx, ids, 'position_exit');
  });
}

async function plan(
  tx: Tx,
  ctx: Ctx,
  { row, instrument }: MarkedPosition,
  { positionId, userId, accountId }: Exits,
  { attempts }: ExitTrail,
): Promise<PlannedOrder> {
  const createdAt = ctx.deps.clock.now();
  // Whatever was planned and never placed: an order of it is not stored any more.
  await abandonUnplaced(tx, ctx, [positionId]);
  // One order is no larger than the instrument takes; the rest is another's.
  const largest = roundToStep(instrument.maxQuantity, instrument.lot, 'down');
  const planned: PlannedOrder = {
    id: newId(),
    positionId,
    userId,
    accountId,
    symbol: row.symbol,
    side: row.side === 'long' ? 'sell' : 'buy',
    attempt: attempts + 1,
    quantity: minAmount(row.quantity, largest),
    orderId: null,
    abandonedAt: null,
    createdAt,
  };
  await tx.insert(positionExitOrders).values(planned);
  // Longer where it turns out to have closed nothing.
  await tryAgainAt(tx, positionId, addMs(createdAt, pauseAfter(0)));
  await record(tx, ctx, {
    event: TRADING_EVENTS['position.exit_ordered'],
    resource: { type: 'position', id: positionId },
    subjectUserId: userId,
    after: planned,
  });
  return planned;
}

async function tryAgainAt(tx: Tx, positionId: Id, nextTryAt: Instant): Promise<void> {
  await tx.update(positionExits).set({ nextTryAt }).where(eq(positionExits.positionId, positionId));
}

/** Says once why a position is not closed, or with null that nothing stands in the way any more. */
async function holdBack(
  tx: Tx,
  ctx: Ctx,
  position: MarkedPosition,
  before: Exits,
  heldBack: string | null,
): Promise<void> {
  if (before.heldBack === heldBack) {
    return;
  }
  const [after] = await tx
    .update(positionExits)
    .set({ heldBack })
    .where(eq(positionExits.positionId, before.positionId))
    .returning();
  if (heldBack === null || after === undefined) {
    return;
  }
  if (!QUIET.has(heldBack)) {
    await raiseAlerts(tx, ctx, [exitAlert(position, after, heldBack)]);
  }
  await record(tx, ctx, {
    event: TRADING_EVENTS['position.exit_held_back'],
    resource: { type: 'position', id: before.positionId },
    subjectUserId: before.userId,
    before,
    after,
  });
}
