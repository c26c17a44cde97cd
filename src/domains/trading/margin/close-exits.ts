/**
 * Closes positions whose exit was triggered: all that is open, at the market, by orders that only reduce, through the
 * same path as every order, and many together: as few transactions as it takes decide on them and accept what they order.
 * What is ordered is written before it is placed, and an order is stored only while what planned it stands (by trigger), so
 * that none is lost and none is placed twice, whoever keeps margin. While the position is open and nothing is under way it
 * is tried again, after pauses that grow and end; what stands in the way of anybody is waited for. A liquidation of the
 * same wallet goes first.
 */
import { and, asc, eq, isNotNull, isNull, lte, sql } from 'drizzle-orm';
import { minAmount } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { roundToStep } from '../../../kernel/rounding.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together, transact } from '../../../platform/db/transact.ts';
import { lockGates } from '../../identity/index.ts';
import { followedBySymbol } from '../../markets/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';
import { abandonUnplaced, type Exits } from '../positions/exit-orders.ts';
import { pauseAfter } from '../positions/exit-rules.ts';
import { positionExitOrders, positionExits, positions } from '../positions/schema.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { exitAlert } from './alerts.ts';
import { holdKeeper, KeeperReplaced } from './fence.ts';
import { freeWalletsFirst, takeWallets } from './free-wallets-first.ts';
import { ANSWER_MS } from './liquidate.ts';
import { markWallets } from './mark-positions.ts';
import { whyUntradable } from './obstacles.ts';
import { placeClosings } from './place-closings.ts';
import { readExits, type TriggeredExit } from './read-exits.ts';

/** Wallets that are decided on in one transaction: what they wait for each other is short. */
const BATCH_WALLETS = 100;
/** Whoever is to be taken out waits for its end: so many at once. */
const LANES = 4;
/** After so many looks whoever was tried once has another turn. */
const LOOKS = 5;
/** After so many tries in a row that closed nothing somebody of the firm is told. */
const TRIES_BEFORE_ALERT = 5;
/** What passes by itself, or has an alert of its own. */
const QUIET: ReadonlySet<string> = new Set(['market_closed', 'liquidation_open']);

type PlannedOrder = typeof positionExitOrders.$inferSelect;

/** What is done about one position: its exit is looked at again, what would meet it is taken out first, or it is ordered. */
type Move = {
  readonly what: 'wait' | 'take_out' | 'order';
  /** Why it is not closed, as it is shown from now on. */
  readonly heldBack: string | null;
  readonly nextTryAt: Instant | null;
};

type Step = {
  readonly planned: readonly PlannedOrder[];
  readonly meetThemselves: readonly Exits[];
  readonly taken: ReadonlySet<Id>;
};

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
    const meeting = await closeTogether(ctx, epoch, due, true);
    // Nobody trades with themselves: what kept the last order off is taken out first.
    await closeTogether(ctx, epoch, await cleared(ctx, epoch, meeting), false);
  }
}

/** @shape those that would meet orders of their own owner again, where that is asked for */
async function closeTogether(
  ctx: Ctx,
  epoch: bigint,
  due: readonly Exits[],
  mayMeetItself: boolean,
): Promise<readonly Exits[]> {
  const dueOf = Map.groupBy(due, ({ walletId }) => walletId);
  const meeting: Exits[] = [];
  await freeWalletsFirst(ctx, [...dueOf.keys()], BATCH_WALLETS, async (walletIds, onlyFree) => {
    const exits = walletIds.flatMap((walletId) => dueOf.get(walletId) ?? []);
    const step = await decide(ctx, epoch, exits, { onlyFree, mayMeetItself });
    meeting.push(...step.meetThemselves);
    await placeClosings(ctx, 'position_exit', step.planned);
    return step.taken;
  });
  return meeting;
}

/** Takes out what the owners have on the other side. @shape of whom that was done */
async function cleared(ctx: Ctx, epoch: bigint, meeting: readonly Exits[]): Promise<readonly Exits[]> {
  const waiting = [...meeting];
  const done: Exits[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const exits = next;
      await takeOutOwn(ctx, epoch, exits)
        .then((own) => tradingEngine(ctx.deps).carryOutCancels(own))
        .then(() => done.push(exits))
        .catch((failure: unknown) => {
          if (failure instanceof KeeperReplaced) {
            throw failure;
          }
          const kind = failure instanceof Error ? failure.name : 'unknown';
          const { positionId } = exits;
          ctx.deps.log.error(
            { failure: kind, positionId },
            'an exit of a position failed and is tried again',
          );
        });
    }
  };
  await together(...Array.from({ length: LANES }, lane));
  return done;
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
    const instruments = await followedBySymbol(tx, [...new Set(held.map(({ symbol }) => symbol))]);
    const closed = await whyUntradable(tx, ctx, [...instruments.values()]);
    return due.flatMap(({ exits }) =>
      exits.heldBack !== null && exits.heldBack === closed.get(exits.instrumentId) ? [] : [exits],
    );
  });
}

/** Decides on exits whose wallets can be had, in one transaction. */
async function decide(
  ctx: Ctx,
  epoch: bigint,
  due: readonly Exits[],
  { onlyFree, mayMeetItself }: { readonly onlyFree: boolean; readonly mayMeetItself: boolean },
): Promise<Step> {
  return transact(ctx, 'engine', async (tx) => {
    await holdKeeper(tx, epoch);
    const walletIds = [...new Set(due.map(({ walletId }) => walletId))];
    const taken = await takeWallets(tx, walletIds, onlyFree);
    const wallets = await markWallets(tx, ctx, [...taken]);
    const triggered = await readExits(
      tx,
      ctx,
      wallets,
      due.map(({ positionId }) => positionId),
    );
    const now = ctx.deps.clock.now();
    const moves = triggered.flatMap((of) => {
      const move = moveFor(of, now, mayMeetItself);
      return move === null ? [] : [{ of, move }];
    });
    await keepTries(tx, ctx, moves);
    const ordered = moves.filter(({ move }) => move.what === 'order');
    const meeting = moves.filter(({ move }) => move.what === 'take_out');
    return {
      planned: await plan(
        tx,
        ctx,
        ordered.map(({ of }) => of),
      ),
      meetThemselves: meeting.map(({ of }) => of.exits),
      taken,
    };
  });
}

function moveFor(
  { exits, trail, obstacle }: TriggeredExit,
  now: Instant,
  mayMeetItself: boolean,
): Move | null {
  const { heldBack } = exits;
  const soon = addMs(now, pauseAfter(0));
  if ((exits.nextTryAt ?? now) > now) {
    return null;
  }
  if (trail.underwaySince !== null) {
    const isSilent = now >= addMs(trail.underwaySince, ANSWER_MS);
    return { what: 'wait', heldBack: isSilent ? 'order_unanswered' : heldBack, nextTryAt: soon };
  }
  const dueAt = trail.lastAt === null ? now : addMs(trail.lastAt, pauseAfter(trail.fruitless));
  if (dueAt > now && trail.fruitless > 0) {
    return { what: 'wait', heldBack, nextTryAt: dueAt };
  }
  if (obstacle !== null) {
    return { what: 'wait', heldBack: obstacle, nextTryAt: soon };
  }
  if (mayMeetItself && trail.lastEnd === 'self_match') {
    return { what: 'take_out', heldBack, nextTryAt: exits.nextTryAt };
  }
  // Longer until the next where this one turns out to have closed nothing.
  const why = trail.fruitless >= TRIES_BEFORE_ALERT ? trail.lastEnd : null;
  return { what: 'order', heldBack: why, nextTryAt: soon };
}

type Moved = { readonly of: TriggeredExit; readonly move: Move };

/** Keeps when each is tried again, and says once why a position is not closed, or that nothing stands in the way any more. */
async function keepTries(tx: Tx, ctx: Ctx, moves: readonly Moved[]): Promise<void> {
  const changed = moves.filter(({ move }) => move.what !== 'take_out');
  if (changed.length === 0) {
    return;
  }
  const ids = arrayParameter(
    'uuid',
    changed.map(({ of }) => of.exits.positionId),
  );
  const column = (pick: (move: Move) => string | null) =>
    sql.param(arrayLiteral(changed.map(({ move }) => pick(move))));
  await executePrepared(
    tx,
    sql`update position_exits e set next_try_at = t.at, held_back = t.why
      from unnest(${sql.param(ids)}::uuid[], ${column(({ nextTryAt }) => nextTryAt)}::timestamptz[],
        ${column(({ heldBack }) => heldBack)}::text[]) as t (id, at, why)
      where e.position_id = t.id`,
  );
  const told = changed.flatMap(({ of: { exits, position }, move: { heldBack, nextTryAt } }) =>
    heldBack === exits.heldBack
      ? []
      : [{ before: exits, position, why: heldBack, after: { ...exits, heldBack, nextTryAt } }],
  );
  await raiseAlerts(
    tx,
    ctx,
    told.flatMap(({ position, after, why }) =>
      why === null || QUIET.has(why) ? [] : [exitAlert(position, after, why)],
    ),
  );
  await recordMany(
    tx,
    ctx,
    told.map(({ before, after, why }) => ({
      event: TRADING_EVENTS[why === null ? 'position.exit_resumed' : 'position.exit_held_back'],
      resource: { type: 'position', id: before.positionId },
      subjectUserId: before.userId,
      before,
      after,
    })),
  );
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

/** Writes what is to be ordered. @effects `position_exit_orders`; audit `position.exit_ordered` */
async function plan(tx: Tx, ctx: Ctx, due: readonly TriggeredExit[]): Promise<readonly PlannedOrder[]> {
  if (due.length === 0) {
    return [];
  }
  // Whatever was planned and never placed: an order of it is not stored any more.
  await abandonUnplaced(
    tx,
    ctx,
    due.map(({ exits }) => exits.positionId),
  );
  const createdAt = ctx.deps.clock.now();
  const planned = due.map(({ exits, position: { row, instrument }, trail }): PlannedOrder => {
    const { positionId, userId, accountId } = exits;
    // One order is no larger than the instrument takes; the rest is another's.
    const largest = roundToStep(instrument.maxQuantity, instrument.lot, 'down');
    return {
      id: newId(),
      positionId,
      userId,
      accountId,
      symbol: row.symbol,
      side: row.side === 'long' ? 'sell' : 'buy',
      attempt: trail.attempts + 1,
      quantity: minAmount(row.quantity, largest),
      orderId: null,
      abandonedAt: null,
      createdAt,
    };
  });
  await tx.insert(positionExitOrders).values(planned);
  await recordMany(
    tx,
    ctx,
    planned.map((order) => ({
      event: TRADING_EVENTS['position.exit_ordered'],
      resource: { type: 'position', id: order.positionId },
      subjectUserId: order.userId,
      after: order,
    })),
  );
  return planned;
}
