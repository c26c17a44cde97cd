import type { Id } from '../../kernel/id.ts';

/**
 * What the bank knows a payout by. It follows from the withdrawal alone, so that a payout begun twice,
 * by whatever way, is one to the bank as well.
 * @shape 32 characters, within the 35 of an end-to-end id
 * @source ISO 20022 Max35Text
 */
export function payoutReferenceOf(withdrawalId: Id): string {
  return withdrawalId.replaceAll('-', '').toUpperCase();
}
