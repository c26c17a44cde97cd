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
  'collarBps',
  'makerFeeBps',
  'takerFeeBps',
  'status',
  'execution',
  'settlementCycle',
  'version',
] as const;

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
  'quote.set': {
    category: 'trading',
    severity: 'warning',
    description: 'A price was set by hand',
    shows: ['symbol', 'last', 'bid', 'ask', 'source', 'quotedAt'],
  },
});
