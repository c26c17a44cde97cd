import type { Tx } from '../../platform/db/client.ts';
import { everMatched } from '../aml/index.ts';
import type { Gate } from '../identity/index.ts';
import { ratingsOf } from '../kyc/index.ts';
import type { PayoutRisk } from './rules.ts';

/** What is known of a customer now that asks for more eyes on a payout. @shape the caller holds the gate's lock */
export async function payoutRiskOf(
  tx: Tx,
  { userId, kycLevel }: Pick<Gate, 'userId' | 'kycLevel'>,
): Promise<PayoutRisk> {
  const rating = (await ratingsOf(tx, [userId])).get(userId)?.level ?? null;
  return { kycLevel, rating, everMatched: await everMatched(tx, userId) };
}
