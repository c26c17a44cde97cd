import { sql } from 'drizzle-orm';
import type { Amount } from '../../kernel/amount.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { refuseMarkets } from './errors.ts';
import { termsRefusal } from './rules.ts';
import { instruments } from './schema.ts';
import type { Instrument } from './store.ts';

export type NewInstrument = {
  readonly symbol: string;
  readonly name: string;
  readonly type: Instrument['type'];
  readonly exchange: Instrument['exchange'];
  readonly baseAsset: string;
  readonly quoteAsset: string;
  readonly isin?: string | undefined;
  readonly cusip?: string | undefined;
  readonly tick: Amount;
  readonly lot: Amount;
  readonly minQuantity: Amount;
  readonly maxQuantity: Amount;
  readonly collarBps: number;
  readonly makerFeeBps: number;
  readonly takerFeeBps: number;
  readonly fractional: boolean;
  readonly settlementCycle: string;
  readonly sector?: string | undefined;
  readonly industry?: string | undefined;
  readonly description: string;
};

/**
 * Lists a spot instrument at once, matched here: for set-up by the system. People propose one
 * (propose-instrument.ts). It cannot trade before it has a price.
 * @effects one row of `instruments`; audit `instrument.created`
 * @errors instrument_steps_inexact, instrument_terms_invalid, instrument_asset_unknown, symbol_taken
 */
export async function createInstrument(ctx: Ctx, input: NewInstrument): Promise<Instrument> {
  return transact(ctx, 'engine', (tx) => writeInstrument(tx, ctx, input, 'active'));
}

/**
 * Writes the terms of an instrument nobody can have traded: a new one, or one that was proposed under the
 * same symbol and never approved.
 * @effects one row of `instruments`; audit `instrument.created`
 * @errors instrument_steps_inexact, instrument_terms_invalid, instrument_asset_unknown, symbol_taken
 */
export async function writeInstrument(
  tx: Tx,
  ctx: Ctx,
  input: NewInstrument,
  status: 'active' | 'halted',
): Promise<Instrument> {
  const refusal = termsRefusal(input);
  if (refusal !== null) {
    throw refuseMarkets(refusal);
  }
  const known = await tx.execute(
    sql`select code from assets where code in (${input.baseAsset}, ${input.quoteAsset})`,
  );
  if (known.length !== 2) {
    throw refuseMarkets('instrument_asset_unknown');
  }
  const terms = {
    ...input,
    isin: input.isin ?? null,
    cusip: input.cusip ?? null,
    sector: input.sector ?? null,
    industry: input.industry ?? null,
    kind: 'spot',
    execution: 'internal',
    status,
    metadata: {},
    createdAt: ctx.deps.clock.now(),
  } as const;
  const [instrument] = await tx
    .insert(instruments)
    .values({ ...terms, id: newId() })
    .onConflictDoUpdate({
      target: instruments.symbol,
      set: terms,
      // An approval makes version 2: what was halted later is no proposal.
      setWhere: sql`${instruments.status} = 'halted' and ${instruments.version} = 1`,
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
