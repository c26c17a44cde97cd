import type { Domain } from '../../platform/domain.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { marketsChecks } from './checks.ts';
import { marketsInventory } from './inventory.ts';
import { listInstrumentAction } from './propose-instrument.ts';
import { marketsEndpoints } from './routes.ts';

export { symbolInput } from './api.ts';
export { type AssetPrice, assetPrices } from './asset-prices.ts';
export { createInstrument } from './create-instrument.ts';
export { setQuote } from './set-quote.ts';
export {
  allInstruments,
  instrumentOf,
  instrumentsBySymbol,
  keepMarketMoves,
  type PricedInstrument,
} from './store.ts';

/** The front door of markets. */
export const marketsDomain: Domain = {
  name: 'markets',
  auditEvents: Object.values(MARKETS_EVENTS),
  endpoints: marketsEndpoints,
  checks: marketsChecks,
  consumers: [],
  approvalActions: [listInstrumentAction],
  jobs: [],
  inventory: marketsInventory,
  personalData: [],
};
