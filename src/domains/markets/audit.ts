import { auditEvents } from '../../platform/audit/events.ts';

const INSTRUMENT = [
  'symbol',
  'name',
  'type',
  'kind',
  'exchange',
  'baseAsset',
  'quoteAsset',
  'tick',
  'lot',
  'minQuantity',
  'maxQuantity',
  'minNotional',
  'collarBps',
  'makerFeeBps',
  'takerFeeBps',
  'status',
  'haltedUntil',
  'fractional',
  'execution',
  'settlementCycle',
  'settlementAsset',
  'maxLeverage',
  'initialMarginBps',
  'maintenanceMarginBps',
  'longRateBps',
  'shortRateBps',
  'dayCount',
  'fundingHours',
  'version',
] as const;

const DESCRIPTION = [
  'symbol',
  'name',
  'description',
  'isin',
  'cusip',
  'sector',
  'industry',
  'metadata',
  'version',
] as const;

const HALT = ['symbol', 'status', 'haltedUntil', 'reason', 'version'] as const;

/** What markets record. */
export const MARKETS_EVENTS = auditEvents({
  'instrument.created': {
    category: 'admin_action',
    severity: 'warning',
    description: 'An instrument was listed, or proposed and halted until another person approves',
    shows: INSTRUMENT,
  },
  'instrument.activated': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A proposed instrument was approved and can be traded',
    shows: INSTRUMENT,
  },
  'instrument.described': {
    category: 'admin_action',
    severity: 'info',
    description: 'What an instrument is said to be was changed, not its terms',
    shows: DESCRIPTION,
  },
  'instrument.changed': {
    category: 'admin_action',
    severity: 'warning',
    description: 'Two people changed the terms of an instrument',
    shows: INSTRUMENT,
  },
  'instrument.halted': {
    category: 'trading',
    severity: 'warning',
    description: 'An instrument was halted, or its halt made longer',
    shows: HALT,
  },
  'instrument.resumed': {
    category: 'trading',
    severity: 'warning',
    description: 'A halt was ended by two people, or ended when it was set to',
    shows: HALT,
  },
  'instrument.delisted': {
    category: 'admin_action',
    severity: 'warning',
    description: 'Two people ended the trading of an instrument for good',
    shows: HALT,
  },
  'market_holiday.added': {
    category: 'trading',
    severity: 'warning',
    description: 'A day on which an exchange is closed or closes early was entered',
    shows: ['exchange', 'day', 'name', 'closesAt', 'source'],
  },
  'market_holiday.removed': {
    category: 'trading',
    severity: 'warning',
    description: 'Two people took a holiday of an exchange away',
    shows: ['exchange', 'day', 'name', 'closesAt', 'source', 'removedAt'],
  },
  'market_holidays.missing': {
    category: 'trading',
    severity: 'critical',
    description:
      'Nobody entered a holiday of a year for an exchange that closes at times: it would trade on each',
    shows: ['exchange', 'year'],
  },
  'market_hours.set': {
    category: 'trading',
    severity: 'warning',
    description: 'Two people set the hours of an exchange',
    shows: ['exchange', 'timeZone', 'dayEndsAt', 'preOpenMinutes', 'source', 'sessions', 'version'],
  },
  'price_settings.changed': {
    category: 'admin_action',
    severity: 'warning',
    description: 'Two people decided where the price of an instrument comes from and what is believed of it',
    shows: ['symbol', 'feed', 'feedSymbol', 'maxJumpBps', 'staleAfterSeconds', 'levelTicks', 'version'],
  },
  'price_level.accepted': {
    category: 'trading',
    severity: 'warning',
    description: 'Two people accepted the level at which a feed stayed beyond a jump',
    shows: ['symbol', 'feed', 'price'],
  },
  'ticks.quarantined': {
    category: 'trading',
    severity: 'critical',
    description: 'A feed said what is not believed: it was held back and moves no price',
    shows: ['feed', 'symbol', 'reason', 'price', 'sequence', 'count'],
  },
  'feed.gap_found': {
    category: 'trading',
    severity: 'critical',
    description: 'Ticks of a feed did not arrive: candles lack them until they are brought in',
    shows: ['feed', 'symbol', 'missing'],
  },
  'feed.gap_filled': {
    category: 'trading',
    severity: 'info',
    description: 'Every tick of a feed that had not arrived is here',
    shows: ['feed', 'fromSequence', 'throughSequence', 'missing', 'foundAt', 'filledAt'],
  },
  'feed.gap_not_fetched': {
    category: 'trading',
    severity: 'warning',
    description: 'What a feed had left out could not be fetched, or was not believed: the gap stays open',
    shows: ['feed', 'fromSequence', 'throughSequence', 'missing', 'failure', 'tries'],
  },
  'price.went_stale': {
    category: 'trading',
    severity: 'critical',
    description:
      'A price was not confirmed for longer than its instrument allows, or a contract is held by one nobody stands for: market orders are refused',
    shows: ['symbol', 'source', 'last', 'pricedAt', 'staleAfterSeconds'],
  },
  'ticks.repaired': {
    category: 'trading',
    severity: 'warning',
    description: 'Ticks that had been missing were brought in from a file, and their candles with them',
    shows: ['feed', 'symbol', 'kept', 'known', 'refused', 'from', 'to'],
  },
  'candles.rebuilt': {
    category: 'trading',
    severity: 'warning',
    description: 'Candles were made again from the ticks there are',
    shows: ['symbol', 'from', 'to', 'candles', 'removed'],
  },
  'price_ticks.pruned': {
    category: 'system',
    severity: 'info',
    description: 'Months of ticks that need not be kept any longer were emptied; candles stay',
    shows: ['months'],
  },
  'quote.set': {
    category: 'trading',
    severity: 'warning',
    description: 'A price was set by people who agreed to it, or by set-up',
    shows: ['symbol', 'last', 'bid', 'ask', 'source', 'quotedAt', 'pricedAt', 'approvalId'],
  },
});
