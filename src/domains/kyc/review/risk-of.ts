import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { inputsOf } from '../risk/inputs-of.ts';
import { rate } from '../risk/rate.ts';
import { rateCustomer } from '../risk/rate-customer.ts';
import { activeMatrix, ratingOf, standingOf } from '../risk/standing.ts';
import type { KycApplication } from '../store.ts';
import type { RiskLevel } from './rules.ts';

/** How a person is rated; null where nobody has rated them yet. */
export async function riskOf(tx: Tx, userId: Id): Promise<RiskLevel | null> {
  return (await ratingOf(tx, userId))?.level ?? null;
}

/**
 * How a person will be rated once what waits is approved: what they were approved with before counts no longer then,
 * and must not keep out whoever can be served by now. Null where nobody can rate them.
 */
export async function riskOnceApproved(
  tx: Tx,
  ctx: Ctx,
  { id, userId }: Pick<KycApplication, 'id' | 'userId'>,
): Promise<RiskLevel | null> {
  const gathered = await inputsOf(tx, ctx, userId, id);
  const raisedTo = (await standingOf(tx, userId))?.raisedTo ?? null;
  const { content } = await activeMatrix(tx);
  return gathered === undefined ? null : rate(content, gathered.inputs, raisedTo).level;
}

/**
 * Rates a person by what they hand in, in the same transaction, so that the review never runs ahead of it.
 * @effects as `rateCustomer`
 */
export async function rateSubmitted(tx: Tx, ctx: Ctx, userId: Id): Promise<RiskLevel | null> {
  await rateCustomer(tx, ctx, userId, { cause: 'application' });
  return riskOf(tx, userId);
}
