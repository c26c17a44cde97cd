import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { rateCustomer } from '../risk/rate-customer.ts';
import { ratingOf } from '../risk/standing.ts';
import type { RiskLevel } from './rules.ts';

/** How a person is rated; null where nobody has rated them yet. */
export async function riskOf(tx: Tx, userId: Id): Promise<RiskLevel | null> {
  return (await ratingOf(tx, userId))?.level ?? null;
}

/**
 * Rates a person by what they hand in, in the same transaction, so that the review never runs ahead of it.
 * @effects as `rateCustomer`
 */
export async function rateSubmitted(tx: Tx, ctx: Ctx, userId: Id): Promise<RiskLevel | null> {
  await rateCustomer(tx, ctx, userId, { cause: 'application' });
  return riskOf(tx, userId);
}
