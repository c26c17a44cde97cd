/**
 * Calls accounts that have too little behind their positions, ends the calls that were met, and begins to
 * liquidate those that can no longer be carried. Everything of one wallet happens under its lock; that one
 * call and one liquidation stand at a time is a unique index, so a price that trembles cannot flood anybody; nor can whoever
 * ends their calls and has themselves called again: alerts of calls, and mails, are one for a wallet and hour.
 */
import { and, type InferSelectModel, inArray, isNull, sql } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { FollowedInstrument } from '../../markets/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { figuresOf, hourOf, liquidationAlert, marginAlert, staleMarkAlert } from './alerts.ts';
import { MARGIN_EVENTS } from './audit.ts';
import { holdKeeper } from './fence.ts';
import { freeWalletsFirst, takeWallets } from './free-wallets-first.ts';
import {
  type Called,
  endCalls,
  type MarginCall,
  openCalls,
  pursueCalls,
  remindOfCalls,
  tellMany,
} from './margin-calls.ts';
import { markWallets } from './mark-positions.ts';
import type { MarginWallet } from './read-margin.ts';
import { liquidations, marginCalls } from './schema.ts';

export type Liquidation = InferSelectModel<typeof liquidations>;

const BATCH_WALLETS = 200;
const MINUTE_MS = 60_000;

/**
 * Judges every wallet that stands at a threshold, or did when it was last judged; one that somebody holds keeps no other
 * from it.
 * @effects as `markWallets`; rows of `margin_calls` and `liquidations`, risk alerts, audit, outbox `trading.margin_*`
 *   and `trading.liquidation_started`
 * @errors KeeperReplaced
 */
export async function judgeMargin(ctx: Ctx, epoch: bigint): Promise<void> {
  await freeWalletsFirst(ctx, await walletsToJudge(ctx), BATCH_WALLETS, (walletIds, onlyFree) =>
    transact(ctx, 'engine', async (tx) => {
      await holdKeeper(tx, epoch);
      const taken = await takeWallets(tx, walletIds, onlyFree);
      const wallets = await markWallets(tx, ctx, [...taken]);
      const standing = await standingOf(tx, wallets);
      const found = nothingFound();
      for (const wallet of wallets) {
        judge(ctx, wallet, standing(wallet.walletId), found);
      }
      await carryOut(tx, ctx, found);
      return taken;
    }),
  );
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

/** What is to be done about wallets that were judged together. */
type Found = {
  readonly ended: Called[];
  readonly called: { readonly wallet: MarginWallet; readonly callId: Id }[];
  /** Nobody closes them out by themselves: a person has to. */
  readonly unliquidated: { readonly wallet: MarginWallet; readonly calledAt: Instant }[];
  readonly recalled: Called[];
  readonly overdue: Called[];
  readonly liquidated: { readonly wallet: MarginWallet; readonly cause: Liquidation['cause'] }[];
  /** What a liquidation would close, and nobody stands for the price of. */
  readonly unpriced: FollowedInstrument[];
};

function nothingFound(): Found {
  return {
    ended: [],
    called: [],
    unliquidated: [],
    recalled: [],
    overdue: [],
    liquidated: [],
    unpriced: [],
  };
}

function judge(ctx: Ctx, wallet: MarginWallet, { call, liquidation }: Open, found: Found): void {
  const { state, judged } = wallet;
  if (liquidation !== undefined) {
    // It goes on until the account is well again, and ends the call with itself.
    return;
  }
  const isWell = state.equity >= state.cureAt && judged.equity >= judged.cureAt;
  if (call !== undefined && (wallet.positions.length === 0 || isWell)) {
    found.ended.push({ wallet, call });
    return;
  }
  const { autoLiquidation } = wallet.account;
  if (judged.standing === 'liquidate' && autoLiquidation && mayBegin(wallet, 'threshold', found)) {
    return;
  }
  const isSound = state.standing === 'sound' && judged.standing === 'sound';
  if (call === undefined && isSound) {
    return;
  }
  if (call === undefined) {
    found.called.push({ wallet, callId: newId() });
  }
  const isDue = state.standing === 'liquidate' || judged.standing === 'liquidate';
  if (isDue && !autoLiquidation) {
    found.unliquidated.push({ wallet, calledAt: call?.calledAt ?? ctx.deps.clock.now() });
  }
  if (call !== undefined) {
    keepDeadline(ctx, { wallet, call }, found);
  }
}

/** A call that is not met is recalled once before its deadline, and pursued after it. */
function keepDeadline({ deps }: Ctx, called: Called, found: Found): void {
  const { wallet, call } = called;
  const now = deps.clock.now();
  if (call.deadlineAt > now) {
    const remindAt = addMs(call.deadlineAt, -deps.marginCall.remindMinutes * MINUTE_MS);
    if (call.remindedAt === null && remindAt <= now) {
      found.recalled.push(called);
    }
    return;
  }
  if (call.overdueToldAt === null) {
    found.overdue.push(called);
  }
  const isShort = wallet.judged.equity < wallet.judged.cureAt;
  if (deps.marginCall.liquidates && wallet.account.autoLiquidation && isShort) {
    mayBegin(wallet, 'deadline', found);
  }
}

/**
 * A position whose price nobody stands for now is not closed; it keeps none of the others from it.
 * @shape whether there is anything to close, so that it begins
 */
function mayBegin(wallet: MarginWallet, cause: Liquidation['cause'], found: Found): boolean {
  const unvouched = wallet.positions.filter(({ instrument }) => !instrument.priceVouched);
  found.unpriced.push(...unvouched.map(({ instrument }) => instrument));
  if (unvouched.length === wallet.positions.length) {
    return false;
  }
  found.liquidated.push({ wallet, cause });
  return true;
}

/** Does what was found, each kind of it by one statement of a kind for all wallets: marks wait for it. */
async function carryOut(tx: Tx, ctx: Ctx, found: Found): Promise<void> {
  await raiseAlerts(tx, ctx, found.unpriced.map(staleMarkAlert));
  await endCalls(tx, ctx, found.ended, 'cured');
  await openCalls(tx, ctx, found.called);
  await raiseAlerts(
    tx,
    ctx,
    found.unliquidated.map(({ wallet, calledAt }) =>
      marginAlert(wallet, 'not_liquidated', hourOf(wallet, calledAt)),
    ),
  );
  await remindOfCalls(tx, ctx, found.recalled);
  await pursueCalls(tx, ctx, found.overdue);
  await beginLiquidations(tx, ctx, found.liquidated);
}

async function beginLiquidations(tx: Tx, ctx: Ctx, wanted: Found['liquidated']): Promise<void> {
  if (wanted.length === 0) {
    return;
  }
  const startedAt = ctx.deps.clock.now();
  const begun = wanted.map(({ wallet, cause }) => ({ wallet, cause, id: newId() }));
  const rows = await tx
    .insert(liquidations)
    .values(
      begun.map(({ wallet: { walletId, userId, accountId, asset, judged }, cause, id }) => ({
        id,
        userId,
        accountId,
        walletId,
        asset,
        cause,
        equity: judged.equity,
        initialMargin: judged.initial,
        maintenanceMargin: judged.maintenance,
        steps: 0,
        nextStepAt: startedAt,
        startedAt,
      })),
    )
    .returning();
  await raiseAlerts(
    tx,
    ctx,
    begun.map(({ wallet, id }) => liquidationAlert(wallet, 'started', id, hourOf(wallet, startedAt))),
  );
  await recordMany(
    tx,
    ctx,
    rows.map((row) => ({
      event: MARGIN_EVENTS['liquidation.started'],
      resource: { type: 'liquidation', id: row.id },
      subjectUserId: row.userId,
      after: row,
    })),
  );
  await tellMany(
    tx,
    ctx,
    begun.map(({ wallet, cause, id }) => ({
      wallet,
      what: 'liquidation_started',
      data: { liquidationId: id, cause, ...figuresOf(wallet, wallet.judged) },
    })),
  );
}
