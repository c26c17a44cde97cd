import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { keptUntil, latestOf } from '../../platform/privacy/retention-clock.ts';
import type { KeptMonths } from '../../platform/privacy/retention-policies.ts';
import type { User } from './create-user.ts';

export type PersonRetention = {
  /** From when on nothing on the person need be kept. */
  readonly until: Instant;
  /** When something on the person happened last. */
  readonly lastFact: Instant;
};

/**
 * The retention of a person: all that is held on them is sealed under one key, so it ends with the class
 * that is kept the longest, among those that hold something. An open relationship counts as ending now.
 */
export async function personKeptUntil(
  tx: Tx,
  ctx: Ctx,
  user: User,
  monthsOf: KeptMonths,
): Promise<PersonRetention> {
  const ended = user.closedAt ?? ctx.deps.clock.now();
  let until = keptUntil([ended], monthsOf('customer_file'));
  let lastFact = ended;
  for (const { keptSince, recordClass } of ctx.deps.privacy.personalData) {
    const since = keptSince === undefined ? ended : await keptSince(tx, user.id);
    if (since !== null) {
      lastFact = latestOf([lastFact, since]);
      until = latestOf([until, keptUntil([ended, since], monthsOf(recordClass))]);
    }
  }
  return { until, lastFact };
}
