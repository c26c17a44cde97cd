import { eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { MARKETS_EVENTS } from './audit.ts';
import { refuseMarkets } from './errors.ts';
import { shown } from './instrument-terms.ts';
import { instruments, tradingHalts } from './schema.ts';
import { instrumentOf, lockListed } from './store.ts';

export type Halt = {
  /** Published with the halt. */
  readonly reason: string;
  /** When it ends by itself; left out, another person ends it. */
  readonly until?: Instant | undefined;
};

/**
 * Stops an instrument from taking orders, or a halt from ending as early as it would have. What rests stays in
 * the book and can be cancelled.
 * @effects `instruments`, one row of `trading_halts`; audit `instrument.halted`; event `markets.instrument_halted`
 * @errors not_found, halt_period_invalid, instrument_not_listed, instrument_delisted, instrument_already_halted
 */
export async function haltInstrument(ctx: Ctx, symbol: string, halt: Halt) {
  const now = ctx.deps.clock.now();
  const haltedUntil = halt.until ?? null;
  return transact(ctx, 'engine', async (tx) => {
    const before = await lockListed(tx, (await instrumentOf(tx, symbol)).id);
    if (haltedUntil !== null && haltedUntil <= now) {
      throw refuseMarkets('halt_period_invalid');
    }
    if (before.status === 'halted' && !isLonger(before.haltedUntil, haltedUntil)) {
      throw refuseMarkets('instrument_already_halted');
    }
    const [row] = await tx
      .update(instruments)
      .set({ status: 'halted', haltedUntil, version: before.version + 1 })
      .where(eq(instruments.id, before.id))
      .returning();
    const after = present(row, 'the instrument was locked');
    await tx.insert(tradingHalts).values({
      id: newId(),
      instrumentId: before.id,
      action: 'halted',
      reason: halt.reason,
      haltedUntil,
      actedBy: present(personOf(ctx.actor), 'an instrument is halted by a person'),
      occurredAt: now,
    });
    await record(tx, ctx, {
      event: MARKETS_EVENTS['instrument.halted'],
      resource: { type: 'instrument', id: before.id },
      subjectUserId: null,
      before,
      after: { ...after, reason: halt.reason },
    });
    await publish(tx, ctx, [
      {
        type: 'markets.instrument_halted',
        userId: null,
        customerVisible: false,
        data: { instrumentId: before.id, symbol, reason: halt.reason, haltedUntil },
      },
    ]);
    return shown(after);
  });
}

function isLonger(standing: Instant | null, wanted: Instant | null): boolean {
  return standing !== null && (wanted === null || wanted > standing);
}
