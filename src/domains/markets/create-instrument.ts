import { sql } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { refuseMarkets } from './errors.ts';
import { columnsOf, type NewInstrument } from './instrument-terms.ts';
import { termsRefusal } from './rules.ts';
import { instruments } from './schema.ts';
import type { Instrument } from './store.ts';

/**
 * Lists an instrument at once, matched here unless it says otherwise: for set-up by the system. People propose
 * one (propose-instrument.ts). It cannot trade before it has a price.
 * @effects one row of `instruments`; audit `instrument.created`
 * @errors instrument_steps_inexact, instrument_terms_invalid, instrument_identifier_invalid,
 *   instrument_margin_invalid, instrument_asset_unknown, symbol_taken
 */
export async function createInstrument(ctx: Ctx, input: NewInstrument): Promise<Instrument> {
  return transact(ctx, 'engine', (tx) => writeInstrument(tx, ctx, input, 'active'));
}

/**
 * Writes the terms of an instrument nobody can have traded: a new one, or one that was proposed under the
 * same symbol and never approved.
 * @effects one row of `instruments`; audit `instrument.created`
 * @errors those of `createInstrument`
 */
export async function writeInstrument(
  tx: Tx,
  ctx: Ctx,
  input: NewInstrument,
  status: 'active' | 'halted',
): Promise<Instrument> {
  const now = ctx.deps.clock.now();
  const terms = {
    ...columnsOf(input),
    status,
    createdAt: now,
    listedAt: status === 'active' ? now : null,
  };
  const refusal = termsRefusal(terms);
  if (refusal !== null) {
    throw refuseMarkets(refusal);
  }
  await requireAssets(tx, terms);
  const [instrument] = await tx
    .insert(instruments)
    .values({ ...terms, id: newId() })
    .onConflictDoUpdate({
      target: instruments.symbol,
      set: terms,
      setWhere: sql`${instruments.listedAt} is null`,
    })
    .returning();
  if (instrument === undefined) {
    throw refuseMarkets('symbol_taken');
  }
  await record(tx, ctx, {
    event: MARKETS_EVENTS['instrument.created'],
    resource: { type: 'instrument', id: instrument.id },
    subjectUserId: null,
    after: instrument,
  });
  return instrument;
}

/**
 * Holds terms to the assets there are; what a contract follows need be none.
 * @errors instrument_asset_unknown
 */
export async function requireAssets(
  tx: Tx,
  terms: Pick<Instrument, 'kind' | 'baseAsset' | 'quoteAsset' | 'settlementAsset'>,
): Promise<void> {
  const named = new Set([
    terms.quoteAsset,
    ...(terms.kind === 'spot' ? [terms.baseAsset] : []),
    ...(terms.settlementAsset === null ? [] : [terms.settlementAsset]),
  ]);
  const codes = sql.param([...named]);
  const known = await tx.execute(sql`select code from assets where code = any (${codes}::text[])`);
  if (known.length !== named.size) {
    throw refuseMarkets('instrument_asset_unknown');
  }
}
