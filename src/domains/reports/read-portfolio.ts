import { sumAmounts } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { type Account, findAccount } from '../accounts/index.ts';
import { heldAssets, realisedGains } from '../ledger/index.ts';
import { assetPrices } from '../markets/index.ts';
import { marginFigures } from '../trading/index.ts';
import { averageCost, type Holding, holdingOf, totalOf, valueAt } from './value.ts';

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
    const contracts = await contractsOf(tx, account);
    return {
      accountId,
      type: account.type,
      currency: account.baseCurrency,
      asOf: ctx.deps.clock.now(),
      equity: sumAmounts([ofCash.value, ofUnits.value, contracts.value]),
      cashValue: sumAmounts([ofCash.value]),
      holdingsValue: sumAmounts([ofUnits.value]),
      unrealisedPnl: sumAmounts(units.map(({ unrealisedPnl }) => unrealisedPnl ?? 0n)),
      realisedPnl: added([...(await realisedGains(tx, accountId)), ...contracts.realised]),
      cash: cash.map((holding) => shownCash(holding)),
      holdings: units.map((holding) => shown(holding, account)),
      contractsPnl: sumAmounts([contracts.value]),
      unpriced: [...new Set([...ofCash.unpriced, ...ofUnits.unpriced, ...contracts.unpriced])],
    };
  });
}

/** What open contracts are worth in the base currency, and what closed ones made. */
async function contractsOf(tx: Tx, { id, baseCurrency }: Account) {
  const figures = await marginFigures(tx, id);
  const assets = figures.map(({ asset }) => asset);
  const prices = await assetPrices(tx, assets, baseCurrency);
  const unpriced: string[] = [];
  let value = 0n;
  for (const { asset, unrealisedPnl } of figures) {
    const price = prices.get(asset);
    const worth = asset === baseCurrency ? unrealisedPnl : price && valueAt(unrealisedPnl, price);
    if (worth == null) {
      unpriced.push(...(unrealisedPnl === 0n ? [] : [asset]));
    } else {
      value += worth;
    }
  }
  const realised = figures
    .filter(({ realisedPnl }) => realisedPnl !== 0n)
    .map(({ asset, realisedPnl }) => ({ currency: asset, amount: realisedPnl }));
  return { value, unpriced, realised };
}

/** Gains by currency, those of one currency added up. */
function added(gains: readonly { readonly currency: string; readonly amount: bigint }[]) {
  return [...Map.groupBy(gains, ({ currency }) => currency)].map(([currency, of]) => ({
    currency,
    amount: sumAmounts(of.map(({ amount }) => amount)),
  }));
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
  const { asset, quantity, available, reserved, unsettled, settling } = holding;
  const { cost, price, value, unrealisedPnl } = holding;
  return {
    asset,
    quantity,
    available,
    reserved,
    unsettled,
    settling,
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

function shownCash({ asset, quantity, available, reserved, unsettled, settling, value }: Holding) {
  return { asset, total: quantity, available, reserved, unsettled, settling, value };
}
