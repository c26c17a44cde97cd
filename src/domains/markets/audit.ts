import { auditEvents } from '../../platform/audit/events.ts';

/** What markets record. */
export const MARKETS_EVENTS = auditEvents({
  'instrument.created': {
    category: 'admin_action',
    severity: 'warning',
    description: 'An instrument was listed',
    shows: [
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
    ],
  },
  'quote.set': {
    category: 'trading',
    severity: 'warning',
    description: 'A price was set by hand',
    shows: ['symbol', 'last', 'bid', 'ask', 'source', 'quotedAt'],
  },
});
