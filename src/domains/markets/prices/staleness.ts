import { type SQL, sql } from 'drizzle-orm';
import { quotes } from '../schema.ts';
import { feedPositions, priceSettings } from './schema.ts';

/**
 * Whether a price has not been made or confirmed for longer than its instrument allows, where `quotes` is
 * joined with `price_settings`; either may be missing. Silence is measured in real time by the database's
 * clock: business time may be moved.
 */
export const isSilent: SQL<boolean> = sql<boolean>`coalesce(coalesce(${quotes.pricedAt}, ${quotes.quotedAt})
  + make_interval(secs => ${priceSettings.staleAfterSeconds}) < clock_timestamp(), false)`;

/**
 * Whether a price is as good as none, joined likewise: nobody confirms it, or its feed tells another one since, beyond
 * the jump, which nobody has believed yet: one of the two is wrong.
 */
export const isStale: SQL<boolean> = sql<boolean>`(${isSilent} or exists (
  select from ${feedPositions} f where f.instrument_id = ${quotes.instrumentId} and f.feed = ${priceSettings.feed}
    and f.level_price is not null))`;

/**
 * Whether somebody stood for a price when it was told, however old it is by now: a feed, or whoever set it, where an
 * age is set at which it no longer counts. A trade of the instrument's own book can be of any size, and anybody's.
 */
export const isBacked: SQL<boolean> = sql<boolean>`coalesce(${quotes.source} <> 'trades'
  and ${priceSettings.staleAfterSeconds} is not null, false)`;

/** Whether somebody stands for a price now: it is backed, and no older than its instrument allows. */
export const isVouched: SQL<boolean> = sql<boolean>`(${isBacked} and not ${isStale})`;
