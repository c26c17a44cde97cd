import { and, eq, isNull, sql } from 'drizzle-orm';
import { type Amount, amountOf, readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { transact } from '../../../platform/db/transact.ts';
import { findAccount } from '../../accounts/index.ts';
import { type MarginWallet, type MarkedPosition, readMargin } from './read-margin.ts';
import type { Standing } from './rules.ts';
import { liquidations, marginCalls } from './schema.ts';

/** How an account stands behind its positions, in one settlement asset. @units asset */
type AssetMargin = {
  readonly asset: string;
  readonly standing: Standing | 'liquidating';
  readonly equity: Amount;
  readonly collateral: Amount;
  readonly unrealisedPnl: Amount;
  readonly initialMargin: Amount;
  readonly maintenanceMargin: Amount;
  readonly held: Amount;
  readonly available: Amount;
  readonly marginLevel: Amount | null;
  readonly marginRatio: Amount | null;
  readonly callAt: Amount;
  readonly liquidateAt: Amount;
  readonly cureAt: Amount;
  readonly call: { readonly id: Id; readonly calledAt: Instant; readonly deadlineAt: Instant } | null;
  readonly liquidation: {
    readonly id: Id;
    readonly cause: 'threshold' | 'deadline';
    readonly steps: number;
    readonly heldBack: string | null;
    readonly startedAt: Instant;
  } | null;
  readonly positions: readonly ReturnType<typeof positionView>[];
};

/**
 * How an account stands, at the prices of now.
 * @errors not_found
 */
export async function getMargin(ctx: Ctx, accountId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const account = await findAccount(tx, ctx, accountId);
    const funds = await fundsOf(tx, account.id);
    const known = await readMargin(tx, funds);
    const standing = await openOf(tx, account.id);
    const { marginEnabled, maxLeverage, marginCallThreshold, liquidationThreshold, autoLiquidation } =
      account;
    return {
      accountId: account.id,
      marginEnabled,
      maxLeverage,
      marginCallThreshold,
      liquidationThreshold,
      autoLiquidation,
      assets: known.map((wallet) => assetView(wallet, funds, standing)),
    };
  });
}

async function fundsOf(tx: Tx, accountId: Id) {
  const rows = await executePrepared<Readonly<Record<'id' | 'total' | 'reserved', string>>>(
    tx,
    sql`select w.id, w.total, w.reserved from margin_holds h join wallets w on w.id = h.wallet_id
      where h.account_id = ${accountId}::uuid order by w.asset`,
  );
  return rows.map(({ id, total, reserved }) => ({
    id,
    total: readStoredAmount(total),
    reserved: readStoredAmount(reserved),
  }));
}

async function openOf(tx: Tx, accountId: Id) {
  const calls = await tx
    .select()
    .from(marginCalls)
    .where(and(eq(marginCalls.accountId, accountId), isNull(marginCalls.endedAt)));
  const running = await tx
    .select()
    .from(liquidations)
    .where(and(eq(liquidations.accountId, accountId), isNull(liquidations.endedAt)));
  return { calls, running };
}

function assetView(
  wallet: MarginWallet,
  funds: readonly { readonly id: Id; readonly total: bigint; readonly reserved: bigint }[],
  { calls, running }: Awaited<ReturnType<typeof openOf>>,
): AssetMargin {
  const { walletId, asset, state, held, collateral } = wallet;
  const call = calls.find((each) => each.walletId === walletId);
  const liquidation = running.find((each) => each.walletId === walletId);
  const cash = funds.find(({ id }) => id === walletId);
  return {
    asset,
    standing: liquidation === undefined ? state.standing : 'liquidating',
    equity: state.equity,
    collateral: amountOf(collateral),
    unrealisedPnl: state.unrealised,
    initialMargin: state.initial,
    maintenanceMargin: state.maintenance,
    held,
    available: amountOf(cash === undefined ? 0n : cash.total - cash.reserved),
    marginLevel: state.level,
    marginRatio: state.ratio,
    callAt: state.callAt,
    liquidateAt: state.liquidateAt,
    cureAt: state.cureAt,
    call: call ?? null,
    liquidation: liquidation ?? null,
    positions: wallet.positions.map(positionView),
  };
}

function positionView({ row, price, fresh, unrealised, maintenance, liquidationPrice }: MarkedPosition) {
  return {
    positionId: row.id,
    symbol: row.symbol,
    side: row.side,
    quantity: row.quantity,
    entryValue: row.entryValue,
    markPrice: price,
    priceStale: !fresh,
    unrealisedPnl: unrealised,
    initialMargin: row.initialMargin,
    maintenanceMargin: maintenance,
    liquidationPrice,
    fundingPaid: row.fundingPaid,
  };
}
