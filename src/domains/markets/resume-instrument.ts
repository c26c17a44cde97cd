import { and, desc, eq, lte } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { refuseMarkets } from './errors.ts';
import { instruments, tradingHalts } from './schema.ts';
import { type Instrument, instrumentOf, lockListed } from './store.ts';

const ACTION = 'instrument.resume';
const END_MAX = 100;

/**
 * Asks another person to let a halted instrument trade again.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, instrument_not_listed, instrument_delisted, instrument_not_halted, approval_pending_exists
 */
export async function resumeInstrument(
  ctx: Ctx,
  symbol: string,
  reason: string,
): Promise<{ readonly symbol: string; readonly approvalId: Id }> {
  return transact(ctx, 'engine', async (tx) => {
    const instrument = await lockListed(tx, (await instrumentOf(tx, symbol)).id);
    if (instrument.status !== 'halted') {
      throw refuseMarkets('instrument_not_halted');
    }
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'instrument',
      subjectId: instrument.id,
      subjectUserId: null,
      payload: { symbol, reason, haltId: await standingHalt(tx, instrument.id) },
      quorum: 1,
      checkerRoles: ['admin', 'risk_manager'],
      reason,
    });
    return { symbol, approvalId: approval.id };
  });
}

/** What the last approving vote does. @errors conflict where another halt stands than the one that was to end */
export const resumeInstrumentAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { approvalId, subjectId, payload, makerId }) =>
    transact(ctx, 'engine', async (tx) => {
      const instrument = await lockListed(tx, subjectId);
      if (instrument.status !== 'halted' || (await standingHalt(tx, subjectId)) !== payload.haltId) {
        throw refuse('conflict');
      }
      const { reason } = payload as { readonly reason: string };
      await resume(tx, ctx, instrument, { reason, actedBy: makerId, approvalId });
    }),
};

/**
 * Ends the halts that were set to end; safe to run twice.
 * @effects `instruments`, rows of `trading_halts`; audit `instrument.resumed`; event `markets.instrument_resumed`
 */
export async function endHalts(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const now = ctx.deps.clock.now();
    const due = await tx
      .select({ id: instruments.id })
      .from(instruments)
      .where(and(eq(instruments.status, 'halted'), lte(instruments.haltedUntil, now)))
      .limit(END_MAX);
    for (const instrument of await lockRows(
      tx,
      instruments,
      due.map(({ id }) => id),
    )) {
      const { status, haltedUntil } = instrument;
      if (status === 'halted' && haltedUntil !== null && haltedUntil <= now) {
        const by = { reason: 'The halt was set to end then', actedBy: null, approvalId: null };
        await resume(tx, ctx, instrument, by);
      }
    }
  });
}

type Resumption = {
  readonly reason: string;
  readonly actedBy: Id | null;
  readonly approvalId: Id | null;
};

async function resume(tx: Tx, ctx: Ctx, before: Instrument, by: Resumption): Promise<void> {
  const [after] = await tx
    .update(instruments)
    .set({
      status: 'active',
      haltedUntil: null,
      version: before.version + 1,
      ...(by.approvalId === null ? {} : { changeApprovalId: by.approvalId }),
    })
    .where(eq(instruments.id, before.id))
    .returning();
  await tx.insert(tradingHalts).values({
    id: newId(),
    instrumentId: before.id,
    action: 'resumed',
    ...by,
    occurredAt: ctx.deps.clock.now(),
  });
  await record(tx, ctx, {
    event: MARKETS_EVENTS['instrument.resumed'],
    resource: { type: 'instrument', id: before.id },
    subjectUserId: null,
    before,
    after: { ...present(after, 'the instrument was locked'), reason: by.reason },
  });
  await publish(tx, ctx, [
    {
      type: 'markets.instrument_resumed',
      userId: null,
      customerVisible: false,
      data: { instrumentId: before.id, symbol: before.symbol },
    },
  ]);
}

/** The halt that stands now; an instrument that was halted before halts were kept has none. */
async function standingHalt(tx: Tx, instrumentId: Id): Promise<Id | null> {
  const [halt] = await tx
    .select({ id: tradingHalts.id })
    .from(tradingHalts)
    .where(eq(tradingHalts.instrumentId, instrumentId))
    .orderBy(desc(tradingHalts.id))
    .limit(1);
  return halt?.id ?? null;
}
