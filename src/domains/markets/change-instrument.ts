import { desc, eq, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { requireAssets } from './create-instrument.ts';
import { refuseMarkets } from './errors.ts';
import {
  BOOK_TERMS,
  differenceOf,
  FUNDING_TERMS,
  type GuardedTerms,
  type MarginTerms,
  readTerms,
  shown,
  stillHas,
  type TermsPayload,
} from './instrument-terms.ts';
import { requireAllCharged, requireNoPositions } from './open-positions.ts';
import { termsRefusal } from './rules.ts';
import { instruments, tradingHalts } from './schema.ts';
import { type Instrument, instrumentOf, lockListed } from './store.ts';

const ACTION = 'instrument.change';

/** An accept transaction that read the terms before the halt is over by then. */
const HALT_SETTLES_MS = 60_000;

const DESCRIBED = ['name', 'description', 'isin', 'cusip', 'sector', 'industry', 'metadata'] as const;

type Description = Partial<Pick<Instrument, (typeof DESCRIBED)[number]>>;

/** What is left out stays as it is. */
export type InstrumentChange = {
  readonly [Name in keyof (Description & Omit<GuardedTerms, keyof MarginTerms>)]?:
    | Instrument[Name]
    | undefined;
} & {
  readonly margin?: MarginTerms | undefined;
  readonly reason?: string | undefined;
};

export type ProposedChange = {
  readonly symbol: string;
  readonly approvalId: Id;
  readonly from: TermsPayload;
  readonly to: TermsPayload;
};

/**
 * Changes what an instrument is said to be at once, and puts changed terms before another person. Where both are
 * sent, the description changes now and the terms wait.
 * @effects `instruments`, one row of `approvals`; audit `instrument.described`, `approval.requested`
 * @errors not_found, version_mismatch, instrument_not_listed, instrument_delisted, those of the terms,
 *   instrument_not_halted, instrument_has_open_orders, approval_pending_exists
 */
export async function changeInstrument(
  ctx: Ctx,
  symbol: string,
  { reason, margin, ...change }: InstrumentChange,
): Promise<ReturnType<typeof shown<Instrument>> | ProposedChange> {
  const said = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const description: Description = Object.fromEntries(
    DESCRIBED.filter((name) => name in said).map((name) => [name, said[name]]),
  );
  return transact(ctx, 'engine', async (tx) => {
    const before = await lockListed(tx, (await instrumentOf(tx, symbol)).id);
    if (before.version !== ctx.ifMatch) {
      throw refuse('version_mismatch');
    }
    const wanted: Instrument = { ...before, ...said, ...margin };
    const refusal = termsRefusal(wanted);
    if (refusal !== null) {
      throw refuseMarkets(refusal);
    }
    await requireAssets(tx, wanted);
    const described = await describe(tx, ctx, before, description);
    const { from, to } = differenceOf(before, wanted);
    if (Object.keys(to).length === 0) {
      return shown(described);
    }
    await requireFree(tx, ctx, before, to);
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'instrument',
      subjectId: before.id,
      subjectUserId: null,
      payload: { symbol, from, to },
      quorum: 1,
      checkerRoles: ['admin', 'risk_manager'],
      reason: reason ?? `Change the terms of ${symbol}`,
    });
    return { symbol, approvalId: approval.id, from, to };
  });
}

/** What the last approving vote does. @errors conflict where the terms are not those the checkers saw */
export const changeInstrumentAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { approvalId, subjectId, payload }) =>
    transact(ctx, 'engine', async (tx) => {
      const before = await lockListed(tx, subjectId);
      const { from, to } = payload as { readonly from: TermsPayload; readonly to: TermsPayload };
      if (!stillHas(before, from)) {
        throw refuse('conflict');
      }
      await requireFree(tx, ctx, before, to);
      const terms = readTerms(to);
      // What was described meanwhile, or another change, may contradict what was asked for then.
      const refusal = termsRefusal({ ...before, ...terms });
      if (refusal !== null) {
        throw refuseMarkets(refusal);
      }
      const [after] = await tx
        .update(instruments)
        .set({ ...terms, changeApprovalId: approvalId, version: before.version + 1 })
        .where(eq(instruments.id, subjectId))
        .returning();
      await record(tx, ctx, {
        event: MARKETS_EVENTS['instrument.changed'],
        resource: { type: 'instrument', id: subjectId },
        subjectUserId: null,
        before,
        after: present(after, 'the instrument was locked'),
      });
    }),
};

async function describe(tx: Tx, ctx: Ctx, before: Instrument, description: Description): Promise<Instrument> {
  if (Object.keys(description).length === 0) {
    return before;
  }
  const [row] = await tx
    .update(instruments)
    .set({ ...description, version: before.version + 1 })
    .where(eq(instruments.id, before.id))
    .returning();
  const after = present(row, 'the instrument was locked');
  await record(tx, ctx, {
    event: MARKETS_EVENTS['instrument.described'],
    resource: { type: 'instrument', id: before.id },
    subjectUserId: null,
    before,
    after,
  });
  return after;
}

/**
 * Terms change while nothing stands that was agreed or is charged under those of before.
 * @errors instrument_not_halted, instrument_has_open_orders, instrument_has_positions
 */
async function requireFree(tx: Tx, ctx: Ctx, before: Instrument, to: TermsPayload): Promise<void> {
  if (FUNDING_TERMS.some((name) => name in to)) {
    await requireAllCharged(tx, before.id);
  }
  await requireNoBook(tx, ctx, before, to);
}

/**
 * Tick, lot, execution and settlement asset change while nothing rests and nothing can come in: the halt is old enough that whatever
 * was being accepted has been.
 * @errors instrument_not_halted, instrument_has_open_orders, instrument_has_positions
 */
async function requireNoBook(tx: Tx, ctx: Ctx, before: Instrument, to: TermsPayload): Promise<void> {
  if (!Object.keys(to).some((name) => BOOK_TERMS.includes(name))) {
    return;
  }
  const [halt] = await tx
    .select()
    .from(tradingHalts)
    .where(eq(tradingHalts.instrumentId, before.id))
    .orderBy(desc(tradingHalts.id))
    .limit(1);
  const settled = addMs(ctx.deps.clock.now(), -HALT_SETTLES_MS);
  if (before.status !== 'halted' || halt === undefined || halt.occurredAt > settled) {
    throw refuseMarkets('instrument_not_halted');
  }
  const open = await tx.execute(sql`
    select 1 from orders where instrument_id = ${before.id}
      and status in ('held', 'pending', 'open', 'partially_filled') limit 1`);
  if (open.length > 0) {
    throw refuseMarkets('instrument_has_open_orders');
  }
  if ('settlementAsset' in to) {
    await requireNoPositions(tx, before.id);
  }
}
