import { asc, eq, type InferSelectModel, sql } from 'drizzle-orm';
import { type Amount, readStoredAmount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import { lockRow, lockRowAlone } from '../../platform/db/locks.ts';
import { namesOf, readColumns } from '../../platform/db/read-columns.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { marketCalendars } from './calendars/schema.ts';
import { refuseMarkets } from './errors.ts';
import { shown } from './instrument-terms.ts';
import { priceSettings } from './prices/schema.ts';
import { isBacked, isStale, isVouched } from './prices/staleness.ts';
import { instruments, quotes } from './schema.ts';

export type Instrument = InferSelectModel<typeof instruments>;
export type Quote = InferSelectModel<typeof quotes>;

/** An instrument with its price. */
export type PricedInstrument = Instrument & Price;

type Price = {
  /** The price it last traded at; null where it never had one. */
  readonly last: Amount | null;
  /** That price has not been confirmed for longer than the instrument allows, or its feed tells another one meanwhile. */
  readonly priceStale: boolean;
  /** Somebody stands for that price, within an age that is set: not a trade of its own book, and none that may be any age. */
  readonly priceVouched: boolean;
  /** Somebody stood for it when it was told; it may be stale by now. */
  readonly priceBacked: boolean;
  /** The feed its price comes from; null where its own trades make it. */
  readonly feed: string | null;
  /** How many batches of its feed had moved that price. */
  readonly priceSpans: bigint;
  /** By which a calendar that is kept in memory is known to be current; null where its exchange has none. */
  readonly calendarVersion: number | null;
};

/** What can be held. */
export async function listAssets(ctx: Ctx) {
  return transact(ctx, ctx.login, (tx) =>
    tx.execute(sql`select code, name, kind, scale, isin, cusip, chain from assets order by code`),
  );
}

/** @errors not_found */
export async function getInstrument(ctx: Ctx, symbol: string) {
  return transact(ctx, ctx.login, async (tx) => shown(await instrumentOf(tx, symbol)));
}

/** @errors not_found */
export async function instrumentOf(tx: Tx, symbol: string): Promise<Instrument> {
  const [instrument] = await tx.select().from(instruments).where(eq(instruments.symbol, symbol));
  if (instrument === undefined) {
    throw refuse('not_found');
  }
  return instrument;
}

/**
 * Locks an instrument whose terms were approved, to change it.
 * @errors instrument_not_listed, instrument_delisted
 */
export async function lockListed(tx: Tx, instrumentId: Id): Promise<Instrument> {
  return listed(await lockRow(tx, instruments, instrumentId));
}

/**
 * Keeps the terms of a listed instrument as they are for whoever prices it: candles of it may be written meanwhile, since
 * their writer holds what the price waits for.
 * @errors instrument_not_listed, instrument_delisted
 */
export async function holdListed(tx: Tx, instrumentId: Id): Promise<Instrument> {
  return listed(await lockRowAlone(tx, instruments, instrumentId));
}

/** @errors instrument_not_listed, instrument_delisted */
export function listed(found: Instrument | undefined): Instrument {
  const instrument = present(found, 'an instrument is never deleted');
  if (instrument.listedAt === null) {
    throw refuseMarkets('instrument_not_listed');
  }
  if (instrument.status === 'delisted') {
    throw refuseMarkets('instrument_delisted');
  }
  return instrument;
}

/** Every instrument, for those who keep a book of each. */
export async function allInstruments(tx: Tx): Promise<Instrument[]> {
  return tx.select().from(instruments).orderBy(asc(instruments.id));
}

/** @shape by symbol; an unknown symbol is missing */
export function instrumentsBySymbol(
  tx: Tx,
  symbols: readonly string[],
): Promise<ReadonlyMap<string, PricedInstrument>> {
  return pricedBySymbol(tx, INSTRUMENT_COLUMNS, symbols);
}

/** What those need of instruments who follow prices, and look at hundreds of them many times a second. */
export type FollowedInstrument = Pick<PricedInstrument, (typeof FOLLOWED)[number] | keyof Price>;

/** @shape by symbol; an unknown symbol is missing */
export function followedBySymbol(
  tx: Tx,
  symbols: readonly string[],
): Promise<ReadonlyMap<string, FollowedInstrument>> {
  return pricedBySymbol(tx, FOLLOWED, symbols);
}

async function pricedBySymbol<Name extends keyof Instrument>(
  tx: Tx,
  columns: readonly (Name | 'symbol')[],
  symbols: readonly string[],
): Promise<ReadonlyMap<string, Pick<Instrument, Name | 'symbol'> & Price>> {
  const wanted = sql.param(arrayParameter('text', [...new Set(symbols)]));
  const rows = await readColumns<typeof instruments, Name | 'symbol', StoredPrice>(
    tx,
    instruments,
    columns,
    sql`${instruments} left join ${quotes} on ${quotes.instrumentId} = ${instruments.id}
      left join ${priceSettings} on ${priceSettings.instrumentId} = ${instruments.id}
      left join ${marketCalendars} on ${marketCalendars.exchange} = ${instruments.exchange}
      where ${instruments.symbol} = any (${wanted}::text[])`,
    PRICE_COLUMNS,
  );
  return new Map(
    rows.map(
      ({
        last_price,
        price_stale,
        price_vouched,
        price_backed,
        price_feed,
        price_spans,
        calendar_version,
        ...instrument
      }) => {
        const price: Price = {
          last: last_price === null ? null : readStoredAmount(last_price),
          priceStale: price_stale === 'true',
          priceVouched: price_vouched === 'true',
          priceBacked: price_backed === 'true',
          feed: price_feed,
          priceSpans: BigInt(price_spans ?? 0),
          calendarVersion: calendar_version,
        };
        const terms = instrument as unknown as Pick<Instrument, Name | 'symbol'>;
        return [terms.symbol, Object.assign(terms, price)];
      },
    ),
  );
}

const FOLLOWED = [
  'id',
  'symbol',
  'exchange',
  'status',
  'lot',
  'minQuantity',
  'maxQuantity',
  'takerFeeBps',
  'maintenanceMarginBps',
] as const;

const INSTRUMENT_COLUMNS = namesOf(instruments);

const PRICE_COLUMNS = sql`${quotes.last} as last_price, (${isStale})::text as price_stale,
  (${isVouched})::text as price_vouched, (${isBacked})::text as price_backed, ${priceSettings.feed} as price_feed,
  ${quotes.spans} as price_spans, ${marketCalendars.version} as calendar_version`;

type StoredPrice = {
  readonly last_price: string | null;
  readonly price_stale: string;
  readonly price_vouched: string;
  readonly price_backed: string;
  readonly price_feed: string | null;
  readonly price_spans: string | null;
  readonly calendar_version: number | null;
};
