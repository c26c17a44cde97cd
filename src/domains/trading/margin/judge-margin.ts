/**
 * Calls accounts that have too little behind their positions, ends the calls that were met, and begins to
 * liquidate those that can no longer be carried. Everything of one wallet happens under its lock; that one
 * call and one liquidation stand at a time is a unique index, so a price that trembles cannot flood anybody.
 */
import { and, eq, type InferSelectModel, inArray, isNull, sql } from 'drizzle-orm';
import { amountOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { notifyUser } from '../../identity/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { figuresOf, liquidationAlert, marginAlert, staleMarkAlert } from './alerts.ts';
import { MARGIN_EVENTS } from './audit.ts';
import { holdKeeper } from './fence.ts';
import { markWallets } from './mark-positions.ts';
import type { MarginWallet } from './read-margin.ts';
import { liquidations, marginCalls } from './schema.ts';
import { walletsInHalves } from './wallets-in-halves.ts';

export type MarginCall = InferSelectModel<typeof marginCalls>;
export type Liquidation = InferSelectModel<typeof liquidations>;

const BATCH_WALLETS = 200;
const HOUR_MS = 3_600_000;

/**
 * Judges every wallet that stands at a threshold, or did when it was last judged.
 * @effects as `markWallets`; rows of `margin_calls` and `liquidations`, risk alerts, audit, outbox `trading.margin_*`
 *   and `trading.liquidation_started`; mails of calls
 * @errors KeeperReplaced
 */
export async function judgeMargin(ctx: Ctx, epoch: bigint): Promise<void> {
  const due = await walletsToJudge(ctx);
  for (let from = 0; from < due.length; from += BATCH_WALLETS) {
    await walletsInHalves(ctx, due.slice(from, from + BATCH_WALLETS), (walletIds) =>
      transact(ctx, 'engine', async (tx) => {
        await holdKeeper(tx, epoch);
        const wallets = await markWallets(tx, ctx, walletIds);
        const standing = await standingOf(tx, wallets);
        for (const wallet of wallets) {
          await judge(tx, ctx, wallet, standing(wallet.walletId));
        }
      }),
    );
  }
}

/** Wallets that may stand at a threshold by their last mark, and those with an open call. */
async function walletsToJudge({ deps }: Ctx): Promise<Id[]> {
  const rows = await deps.db.engine.execute<{ wallet_id: Id }>(sql`
    select h.wallet_id from margin_holds h join wallets w on w.id = h.wallet_id join accounts a on a.id = h.account_id
    cross join lateral (select w.total - w.reserved + h.held as collateral, 0.00000001 + greatest(
      h.initial_margin * a.margin_call_threshold, h.initial_margin * a.liquidation_threshold, h.maintenance_margin)
      as level) s
    where h.initial_margin > 0 and s.collateral - h.unrealised_loss <= s.level
      -- A gain counts only by a price that somebody stood for.
      and (s.collateral + h.unrealised_pnl <= s.level or exists (
        select from positions p left join quotes q on q.instrument_id = p.instrument_id
          left join price_settings t on t.instrument_id = p.instrument_id
        where p.wallet_id = h.wallet_id and p.closed_at is null
          and (q.source <> 'trades' and t.stale_after_seconds is not null) is not true))
    union select wallet_id from margin_calls where ended_at is null
    order by wallet_id`);
  return rows.map((row) => row.wallet_id);
}

type Open = { readonly call: MarginCall | undefined; readonly liquidation: Liquidation | undefined };

async function standingOf(tx: Tx, wallets: readonly MarginWallet[]): Promise<(walletId: Id) => Open> {
  const ids = wallets.map(({ walletId }) => walletId);
  const calls = await tx
    .select()
    .from(marginCalls)
    .where(and(inArray(marginCalls.walletId, ids), isNull(marginCalls.endedAt)));
  const running = await tx
    .select()
    .from(liquidations)
    .where(and(inArray(liquidations.walletId, ids), isNull(liquidations.endedAt)));
  return (walletId) => ({
    call: calls.find((call) => call.walletId === walletId),
    liquidation: running.find((liquidation) => liquidation.walletId === walletId),
  });
}

async function judge(tx: Tx, ctx: Ctx, wallet: MarginWallet, { call, liquidation }: Open): Promise<void> {
  const { state, judged } = wallet;
  if (liquidation !== undefined) {
    // It goes on until the account is well again, and ends the call with itself.
    return;
  }
  const isWell = state.equity >= state.cureAt && judged.equity >= judged.cureAt;
  if (call !== undefined && (wallet.positions.length === 0 || isWell)) {
    await endCall(tx, ctx, wallet, call, 'cured');
    return;
  }
  const { autoLiquidation } = wallet.account;
  if (
    judged.standing === 'liquidate' &&
    autoLiquidation &&
    (await beginLiquidation(tx, ctx, wallet, 'threshold'))
  ) {
    return;
  }
  const isSound = state.standing === 'sound' && judged.standing === 'sound';
  const standing = call ?? (isSound ? undefined : await openCall(tx, ctx, wallet));
  const isDue = state.standing === 'liquidate' || judged.standing === 'liquidate';
  if (isDue && !autoLiquidation && standing !== undefined) {
    // Nobody closes it out by itself: a person has to.
    await raiseAlerts(tx, ctx, [marginAlert(wallet, 'not_liquidated', standing.id)]);
  }
  if (standing !== undefined && standing.deadlineAt <= ctx.deps.clock.now()) {
    await pursueOverdue(tx, ctx, wallet, standing);
  }
}

async function openCall(tx: Tx, ctx: Ctx, wallet: MarginWallet): Promise<MarginCall> {
  const { walletId, userId, accountId, asset } = wallet;
  const state = wallet.state.standing === 'sound' ? wallet.judged : wallet.state;
  const calledAt = ctx.deps.clock.now();
  const [row] = await tx
    .insert(marginCalls)
    .values({
      id: newId(),
      userId,
      accountId,
      walletId,
      asset,
      equity: state.equity,
      initialMargin: state.initial,
      maintenanceMargin: state.maintenance,
      shortBy: amountOf(state.cureAt - state.equity),
      calledAt,
      deadlineAt: addMs(calledAt, ctx.deps.marginCall.hours * HOUR_MS),
    })
    .returning();
  const call = present(row, 'the call was just written');
  await raiseAlerts(tx, ctx, [marginAlert(wallet, 'called', call.id)]);
  await record(tx, ctx, {
    event: MARGIN_EVENTS['margin_call.opened'],
    resource: { type: 'margin_call', id: call.id },
    subjectUserId: userId,
    after: call,
  });
  await tell(tx, ctx, wallet, 'margin_called', {
    callId: call.id,
    shortBy: call.shortBy,
    deadlineAt: call.deadlineAt,
    ...figuresOf(wallet),
  });
  await mail(tx, ctx, wallet, 'margin_called');
  return call;
}

/** @effects one row of `margin_calls`; audit `margin_call.ended`, outbox `trading.margin_call_ended` */
export async function endCall(
  tx: Tx,
  ctx: Ctx,
  wallet: MarginWallet,
  before: MarginCall,
  outcome: NonNullable<MarginCall['outcome']>,
): Promise<void> {
  const [after] = await tx
    .update(marginCalls)
    .set({ outcome, endedAt: ctx.deps.clock.now() })
    .where(eq(marginCalls.id, before.id))
    .returning();
  await record(tx, ctx, {
    event: MARGIN_EVENTS['margin_call.ended'],
    resource: { type: 'margin_call', id: before.id },
    subjectUserId: wallet.userId,
    before,
    after: present(after, 'its wallet is locked'),
  });
  await tell(tx, ctx, wallet, 'margin_call_ended', { callId: before.id, outcome });
}

async function pursueOverdue(tx: Tx, ctx: Ctx, wallet: MarginWallet, call: MarginCall): Promise<void> {
  if (call.overdueToldAt === null) {
    const [after] = await tx
      .update(marginCalls)
      .set({ overdueToldAt: ctx.deps.clock.now() })
      .where(eq(marginCalls.id, call.id))
      .returning();
    await raiseAlerts(tx, ctx, [marginAlert(wallet, 'overdue', call.id)]);
    await record(tx, ctx, {
      event: MARGIN_EVENTS['margin_call.overdue'],
      resource: { type: 'margin_call', id: call.id },
      subjectUserId: wallet.userId,
      after: present(after, 'its wallet is locked'),
    });
    await tell(tx, ctx, wallet, 'margin_call_overdue', { callId: call.id, deadlineAt: call.deadlineAt });
    await mail(tx, ctx, wallet, 'margin_call_overdue');
  }
  const isShort = wallet.judged.equity < wallet.judged.cureAt;
  if (ctx.deps.marginCall.liquidates && wallet.account.autoLiquidation && isShort) {
    await beginLiquidation(tx, ctx, wallet, 'deadline');
  }
}

/**
 * A position whose price nobody stands for now is not closed; it keeps none of the others from it.
 * @shape whether there is anything to close, so that it began
 */
async function beginLiquidation(
  tx: Tx,
  ctx: Ctx,
  wallet: MarginWallet,
  cause: Liquidation['cause'],
): Promise<boolean> {
  const { walletId, userId, accountId, asset, judged: state } = wallet;
  const unvouched = wallet.positions.filter(({ instrument }) => !instrument.priceVouched);
  await raiseAlerts(
    tx,
    ctx,
    unvouched.map(({ instrument }) => staleMarkAlert(instrument)),
  );
  if (unvouched.length === wallet.positions.length) {
    return false;
  }
  const startedAt = ctx.deps.clock.now();
  const [row] = await tx
    .insert(liquidations)
    .values({
      id: newId(),
      userId,
      accountId,
      walletId,
      asset,
      cause,
      equity: state.equity,
      initialMargin: state.initial,
      maintenanceMargin: state.maintenance,
      steps: 0,
      nextStepAt: startedAt,
      startedAt,
    })
    .returning();
  const begun = present(row, 'the liquidation was just written');
  await raiseAlerts(tx, ctx, [liquidationAlert(wallet, 'started', begun.id)]);
  await record(tx, ctx, {
    event: MARGIN_EVENTS['liquidation.started'],
    resource: { type: 'liquidation', id: begun.id },
    subjectUserId: userId,
    after: begun,
  });
  await tell(tx, ctx, wallet, 'liquidation_started', {
    liquidationId: begun.id,
    cause,
    ...figuresOf(wallet, state),
  });
  return true;
}

/** A notice that waits for nobody to look into a feed; none of play money. @effects perhaps a mail after the commit */
async function mail(
  tx: Tx,
  ctx: Ctx,
  { userId, account }: MarginWallet,
  notice: 'margin_called' | 'margin_call_overdue',
): Promise<void> {
  if (account.type === 'live') {
    await notifyUser(tx, ctx, userId, notice);
  }
}

/** Tells the customer. @effects one row of `outbox` */
export async function tell(
  tx: Tx,
  ctx: Ctx,
  { userId, accountId, asset }: MarginWallet,
  what: string,
  data: object,
): Promise<void> {
  const occurredAt = ctx.deps.clock.now();
  await publish(tx, ctx, [
    {
      type: `trading.${what}`,
      userId,
      accountId,
      customerVisible: true,
      data: { accountId, asset, occurredAt, ...data },
    },
  ]);
}
