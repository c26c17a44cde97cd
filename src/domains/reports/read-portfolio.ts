import { sumAmounts } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { type Account, findAccount } from '../accounts/index.ts';
import { heldAssets, realisedGains } from '../ledger/index.ts';
import { assetPrices } from '../markets/index.ts';
import { averageCost, type Holding, holdingOf, totalOf } from './value.ts';

/** The units an account holds, with cost, price and what they are worth; money is not among them. @errors not_found */
export async function listHoldings(ctx: Ctx, accountId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const account = await findAccount(tx, ctx, accountId);
    const held = await valued(tx, account);
    return held.filter(({ kind }) => kind !== 'fiat').map((holding) => shown(holding, account));
  });
}

/** What an account is worth now in its base currency, and of what. @errors not_found */
export async function getPortfolio(ctx: Ctx, accountId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const account = await findAccount(tx, ctx, accountId);
    const held = await valued(tx, account);
    const cash = held.filter(({ kind }) => kind === 'fiat');
    const units = held.filter(({ kind }) => kind !== 'fiat');
    const [ofCash, ofUnits] = [totalOf(cash), totalOf(units)];
    return {
      accountId,
      type: account.type,
      currency: account.baseCurrency,
      asOf: ctx.deps.clock.now(),
      equity: sumAmounts([ofCash.value, ofUnits.value]),
      cashValue: sumAmounts([ofCash.value]),
      holdingsValue: sumAmounts([ofUnits.value]),
      unrealisedPnl: sumAmounts(units.map(({ unrealisedPnl }) => unrealisedPnl ?? 0n)),
      realisedPnl: await realisedGains(tx, accountId),
      cash: cash.map((holding) => shownCash(holding)),
      holdings: units.map((holding) => shown(holding, account)),
      unpriced: [...ofCash.unpriced, ...ofUnits.unpriced],
    };
  });
}

async function valued(tx: Tx, account: Account): Promise<readonly Holding[]> {
  const held = await heldAssets(tx, account.id);
  const prices = await assetPrices(
    tx,
    held.map(({ asset }) => asset),
    account.baseCurrency,
  );
  return held.map((one) => holdingOf(one, prices.get(one.asset), account.baseCurrency));
}

function shown(holding: Holding, { baseCurrency }: Account) {
  const { asset, quantity, available, reserved, unsettled, cost, price, value, unrealisedPnl } = holding;
  return {
    asset,
    quantity,
    available,
    reserved,
    unsettled,
    cost: cost?.amount ?? null,
    costCurrency: cost?.currency ?? null,
    averageCost: cost === null ? null : averageCost(cost.amount, quantity),
    symbol: price?.symbol ?? null,
    lastPrice: price?.last ?? null,
    quotedAt: price?.quotedAt ?? null,
    value,
    currency: baseCurrency,
    unrealisedPnl,
  };
}

function shownCash({ asset, quantity, available, reserved, unsettled, value }: Holding) {
  return { asset, total: quantity, available, reserved, unsettled, value };
}
