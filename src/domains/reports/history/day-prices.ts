import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { assetPricesAt, instrumentPricesAt } from '../../markets/index.ts';
import type { DayFacts, DayPrices } from './rules.ts';

/** An account whose day is valued. */
export type Owner = { readonly id: Id; readonly userId: Id; readonly baseCurrency: string };

/**
 * The prices of a day's end that accounts need.
 * @shape by base currency
 */
export async function readDayPrices(
  tx: Tx,
  owners: readonly Owner[],
  facts: ReadonlyMap<Id, DayFacts>,
  at: Instant,
): Promise<ReadonlyMap<string, DayPrices>> {
  const factsOf = (owner: Owner) => present(facts.get(owner.id), 'every account was read');
  const ofInstrument = await instrumentPricesAt(
    tx,
    owners.flatMap((owner) => factsOf(owner).contracts.map(({ instrumentId }) => instrumentId)),
    at,
  );
  const prices = new Map<string, DayPrices>();
  for (const [currency, group] of Map.groupBy(owners, ({ baseCurrency }) => baseCurrency)) {
    const assets = group.flatMap((owner) => [
      ...factsOf(owner).assets.map(({ asset }) => asset),
      ...factsOf(owner).contracts.map(({ settlementAsset }) => settlementAsset),
    ]);
    prices.set(currency, { ofAsset: await assetPricesAt(tx, assets, currency, at), ofInstrument });
  }
  return prices;
}
