import { type SQL, sql } from 'drizzle-orm';
import { quotes } from '../schema.ts';
import { priceSettings } from './schema.ts';

/**
 * Whether a price has not been made or confirmed for longer than its instrument allows, where `quotes` is
 * joined with `price_settings`; either may be missing. Silence is measured in real time by the database's
 * clock: business time may be moved.
 */
export const isStale: SQL<boolean> = sql<boolean>`coalesce(coalesce(${quotes.pricedAt}, ${quotes.quotedAt})
  + make_interval(secs => ${priceSettings.staleAfterSeconds}) < clock_timestamp(), false)`;

/**
 * Whether somebody stands for a price, within an age that is set: a feed, or whoever set it. A trade of the
 * instrument's own book can be of any size, and anybody's.
 */
export const isVouched: SQL<boolean> = sql<boolean>`coalesce(${quotes.source} <> 'trades'
  and ${priceSettings.staleAfterSeconds} is not null and not ${isStale}, false)`;
