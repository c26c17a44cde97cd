import type { Domain } from '../../platform/domain.ts';
import { joinParts } from '../../platform/domain-part.ts';
import { PRICE_ALERT_EVENTS } from './alerts/audit.ts';
import { priceAlertPart } from './alerts/part.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { keepRuleHolidays } from './calendars/add-holidays.ts';
import { removeHolidayAction } from './calendars/remove-holiday.ts';
import { setHoursAction } from './calendars/set-hours.ts';
import { watchHolidays } from './calendars/watch-holidays.ts';
import { changeInstrumentAction } from './change-instrument.ts';
import { marketsChecks } from './checks.ts';
import { delistInstrumentAction } from './delist-instrument.ts';
import { marketsInventory } from './inventory.ts';
import { acceptLevelAction } from './prices/accept-price-level.ts';
import { closeLateGaps } from './prices/feed-gaps.ts';
import { priceSettingsAction } from './prices/propose-price-settings.ts';
import { pruneTicks } from './prices/prune-ticks.ts';
import { referencePriceAction } from './prices/reference-price.ts';
import { pricesEndpoints } from './prices/routes.ts';
import { watchPrices } from './prices/watch-prices.ts';
import { listInstrumentAction } from './propose-instrument.ts';
import { endHalts, resumeInstrumentAction } from './resume-instrument.ts';
import { marketsEndpoints } from './routes.ts';
import { marketChannels } from './stream/channels.ts';
import { WATCHLIST_EVENTS } from './watchlists/audit.ts';
import { watchlistPart } from './watchlists/part.ts';

export { startAlertEvaluator } from './alerts/evaluator.ts';
export { symbolInput } from './api.ts';
export { type AssetPrice, assetPrices } from './asset-prices.ts';
export type { MarketState } from './calendars/calendar.ts';
export { type Exchange, marketStates } from './calendars/store.ts';
export { type ValueDates, valueDates } from './calendars/value-dates.ts';
export { createInstrument } from './create-instrument.ts';
export { readTickFile, TickFileError } from './feeds/csv-ticks.ts';
export { replayTicks } from './feeds/replay-ticks.ts';
export { startFeeds } from './feeds/start-feeds.ts';
export type { NewInstrument } from './instrument-terms.ts';
export { NEWEST_CANDLE_FIRST } from './prices/candles.ts';
export { keepMarketMoves } from './prices/keep-market-moves.ts';
export { keepTradePrints } from './prices/keep-trade-prints.ts';
export { PRICES_SUBJECT } from './prices/price-changes.ts';
export { type PriceSpan, SPANS_KEPT, spansSince } from './prices/price-spans.ts';
export { rebuildCandles, repairTicks } from './prices/repair-ticks.ts';
export { setPriceSettings } from './prices/set-price-settings.ts';
export { FEED_NAMES, type FeedName, settingsOf } from './prices/settings.ts';
export { type TradableQuote, tradableQuotes } from './prices/venue-quotes.ts';
export { assetPricesAt, instrumentPricesAt, type PastPrice } from './prices-at.ts';
export { type QuotedRate, ratesBetween } from './rates-between.ts';
export { refuseHolder, refuseHolders } from './refuse-holder.ts';
export { setQuote } from './set-quote.ts';
export {
  allInstruments,
  type FollowedInstrument,
  followedBySymbol,
  instrumentOf,
  instrumentsBySymbol,
  type PricedInstrument,
} from './store.ts';

/** What customers keep here for themselves. */
const own = joinParts([priceAlertPart, watchlistPart]);

/** The front door of markets. */
export const marketsDomain: Domain = {
  name: 'markets',
  auditEvents: [MARKETS_EVENTS, PRICE_ALERT_EVENTS, WATCHLIST_EVENTS].flatMap((events) =>
    Object.values(events),
  ),
  endpoints: [...marketsEndpoints, ...pricesEndpoints, ...own.endpoints],
  checks: marketsChecks,
  consumers: [],
  approvalActions: [
    listInstrumentAction,
    changeInstrumentAction,
    resumeInstrumentAction,
    delistInstrumentAction,
    removeHolidayAction,
    setHoursAction,
    priceSettingsAction,
    acceptLevelAction,
    referencePriceAction,
  ],
  jobs: [
    { name: 'markets.end-halts', cron: '* * * * *', run: endHalts },
    { name: 'markets.watch-prices', cron: '* * * * *', run: watchPrices },
    { name: 'markets.close-gaps', cron: '* * * * *', run: closeLateGaps },
    { name: 'markets.prune-ticks', cron: '50 2 * * *', run: pruneTicks },
    { name: 'markets.keep-holidays', cron: '20 3 * * *', run: keepRuleHolidays },
    { name: 'markets.watch-holidays', cron: '40 3 * * *', run: watchHolidays },
  ],
  inventory: [...marketsInventory, ...own.inventory],
  sealedColumns: own.sealedColumns,
  peopleBehind: own.peopleBehind,
  personalData: own.personalData,
  streamChannels: marketChannels,
};
