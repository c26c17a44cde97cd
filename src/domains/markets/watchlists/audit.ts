import { auditEvents } from '../../../platform/audit/events.ts';

/** What watchlists record; their names are their owners' own words and stay out. */
export const WATCHLIST_EVENTS = auditEvents({
  'watchlist.created': {
    category: 'system',
    severity: 'info',
    description: 'A customer made a watchlist',
    shows: ['instrumentIds', 'version'],
  },
  'watchlist.changed': {
    category: 'system',
    severity: 'info',
    description: 'A customer renamed a watchlist, or changed what is on it',
    shows: ['instrumentIds', 'version'],
  },
  'watchlist.deleted': {
    category: 'system',
    severity: 'info',
    description: 'A customer deleted a watchlist',
    shows: ['instrumentIds', 'version'],
  },
});
