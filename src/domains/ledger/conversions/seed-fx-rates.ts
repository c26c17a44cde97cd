import { type Amount, formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { LEDGER_EVENTS } from '../audit.ts';
import { approvedRates } from './rate-source.ts';
import { fxRates } from './schema.ts';

export type SeedRate = {
  readonly base: string;
  readonly quote: string;
  readonly rate: Amount;
  readonly spreadBps: number;
  readonly validUntil: Instant;
};

/**
 * Sets rates of pairs that have none yet. One that is there stays: changing a rate is for two people.
 * @effects rows of `fx_rates`; audit `fx_rate.seeded` for each new one
 */
export async function seedFxRates(tx: Tx, ctx: Ctx, rates: readonly SeedRate[]): Promise<void> {
  const now = ctx.deps.clock.now();
  for (const { rate, ...seed } of rates) {
    if ((await approvedRates.newestOf(tx, { from: seed.base, to: seed.quote })) !== undefined) {
      continue;
    }
    const [row] = await tx
      .insert(fxRates)
      .values({ ...seed, id: newId(), rate: formatAmount(rate), source: 'seed', asOf: now, createdAt: now })
      .returning();
    const added = present(row, 'the rate was inserted');
    await record(tx, ctx, {
      event: LEDGER_EVENTS['fx_rate.seeded'],
      resource: { type: 'fx_rate', id: added.id },
      subjectUserId: null,
      after: added,
    });
  }
}
