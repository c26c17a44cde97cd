/**
 * The exits of a position: whoever holds it says at which marks all of it is closed. What is asked of the account is
 * what an order that only reduces is asked, less what speaks of the moment: what protects may be set while the market
 * is closed, halted or stopped, by the last mark there is.
 */
import { and, eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import type { Amount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { accountAllows, accountsByIds } from '../../accounts/index.ts';
import { gateRefusal, lockGates } from '../../identity/index.ts';
import { lockWallets } from '../../ledger/index.ts';
import { instrumentsBySymbol } from '../../markets/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { refuseTrading } from '../errors.ts';
import { abandonUnplaced, type Exits, exitTrails } from './exit-orders.ts';
import { type ExitLevels, exitsRefusal } from './exit-rules.ts';
import { exitsOf } from './exit-views.ts';
import type { Position } from './plan-contracts.ts';
import { markPriceOf } from './rules.ts';
import { positionExits, positions } from './schema.ts';
import { viewOf } from './store.ts';

type Level = { readonly triggerPrice: Amount };
type NewExits = { readonly takeProfit?: Level | undefined; readonly stopLoss?: Level | undefined };

/**
 * Sets the exits of an own position in the place of those it had; the same again change nothing.
 * @effects one row of `position_exits`; orders of an exit that were not placed yet are given up; audit
 *   `position.exits_set`
 * @errors not_found, kyc_not_approved, account_restricted, under_review, agreements_outdated, account_not_active,
 *   position_closed, exit_under_way, price_off_tick, exit_on_wrong_side
 */
export async function setExits(ctx: Ctx, positionId: Id, wanted: NewExits) {
  const levels = {
    stopLoss: wanted.stopLoss?.triggerPrice ?? null,
    takeProfit: wanted.takeProfit?.triggerPrice ?? null,
  };
  return transact(ctx, 'engine', async (tx) => {
    const own = await ownPosition(tx, ctx, positionId);
    await refuseBarred(tx, own);
    const { position, exits } = await lockOpen(tx, own);
    if (exits !== undefined && exits.stopLoss === levels.stopLoss && exits.takeProfit === levels.takeProfit) {
      return viewOf(position, exits);
    }
    await clearWay(tx, ctx, exits);
    const instrument = (await instrumentsBySymbol(tx, [position.symbol])).get(position.symbol);
    const { tick, last, priceStale, priceSpans } = present(instrument, 'what is held is listed');
    const { price } = markPriceOf(position.markPrice, { last, priceStale });
    const refusal = exitsRefusal(position.side, levels, price, tick);
    if (refusal !== null) {
      throw refuseTrading(refusal);
    }
    const after = await write(tx, ctx, position, exits, { ...levels, spansBefore: priceSpans });
    return viewOf(position, after);
  });
}

/**
 * Takes the exits of an own position away, as one cancels an order.
 * @effects one row of `position_exits`; orders of an exit that were not placed yet are given up; audit
 *   `position.exits_removed`
 * @errors not_found, position_closed, exit_under_way
 */
export async function removeExits(ctx: Ctx, positionId: Id) {
  return transact(ctx, 'engine', async (tx) => {
    const { position, exits } = await lockOpen(tx, await ownPosition(tx, ctx, positionId));
    if (exits === undefined || (exits.stopLoss === null && exits.takeProfit === null)) {
      return viewOf(position, exits);
    }
    await clearWay(tx, ctx, exits);
    const none = { stopLoss: null, takeProfit: null, spansBefore: exits.spansBefore };
    return viewOf(position, await write(tx, ctx, position, exits, none));
  });
}

async function ownPosition(tx: Tx, ctx: Ctx, positionId: Id): Promise<Position> {
  const userId = present(personOf(ctx.actor), 'exits are set by a person');
  const [position] = await tx
    .select()
    .from(positions)
    .where(and(eq(positions.id, positionId), eq(positions.userId, userId)));
  if (position === undefined) {
    throw refuse('not_found');
  }
  return position;
}

/** Paper accounts obey no KYC gate, but a suspended person trades nowhere. The gate is held before any row is locked. */
async function refuseBarred(tx: Tx, { userId, accountId, book }: Position): Promise<void> {
  const gate = (await lockGates(tx, [userId])).get(userId);
  const account = (await accountsByIds(tx, [accountId])).get(accountId);
  const active = gate !== undefined && gate.userStatus !== 'suspended' && gate.userStatus !== 'closed';
  const refusal = book === 'live' ? gateRefusal(gate, 'reduce') : active ? null : 'account_restricted';
  if (refusal !== null) {
    throw refuseTrading(refusal);
  }
  if (account === undefined || !accountAllows(account.status, 'trade')) {
    throw refuseTrading('account_not_active');
  }
}

/** The lock of a position is that of its wallet: nothing trades it, marks it or triggers it meanwhile. */
async function lockOpen(tx: Tx, { id, walletId }: Position) {
  await lockWallets(tx, [walletId]);
  const [row] = await tx.select().from(positions).where(eq(positions.id, id));
  const position = present(row, 'a position is never deleted');
  if (position.closedAt !== null) {
    throw refuseTrading('position_closed');
  }
  return { position, exits: (await exitsOf(tx, [id])).get(id) };
}

/** What was triggered is taken back while nothing of it is under way: what was only planned is not placed any more. */
async function clearWay(tx: Tx, ctx: Ctx, exits: Exits | undefined): Promise<void> {
  if (exits === undefined || exits.triggeredAt === null) {
    return;
  }
  const trails = await exitTrails(tx, [exits]);
  if ((trails.get(exits.positionId)?.underwaySince ?? null) !== null) {
    throw refuseTrading('exit_under_way');
  }
  await abandonUnplaced(tx, ctx, [exits.positionId]);
}

async function write(
  tx: Tx,
  ctx: Ctx,
  { id, userId, accountId, instrumentId, walletId, side }: Position,
  before: Exits | undefined,
  { stopLoss, takeProfit, spansBefore }: ExitLevels & Pick<Exits, 'spansBefore'>,
): Promise<Exits> {
  const untriggered = {
    triggered: null,
    triggeredAt: null,
    triggerMark: null,
    heldBack: null,
    nextTryAt: null,
  };
  const changed = { stopLoss, takeProfit, spansBefore, ...untriggered, changedAt: ctx.deps.clock.now() };
  const [row] =
    before === undefined
      ? await tx
          .insert(positionExits)
          .values({ positionId: id, userId, accountId, instrumentId, walletId, side, ...changed })
          .returning()
      : await tx
          .update(positionExits)
          .set({ ...changed, version: before.version + 1 })
          .where(eq(positionExits.positionId, id))
          .returning();
  const after = present(row, 'its wallet is locked');
  const removed = stopLoss === null && takeProfit === null;
  await record(tx, ctx, {
    event: TRADING_EVENTS[removed ? 'position.exits_removed' : 'position.exits_set'],
    resource: { type: 'position', id },
    subjectUserId: userId,
    ...(before === undefined ? {} : { before }),
    after,
  });
  return after;
}
