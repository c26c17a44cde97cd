import type { Id } from '../../kernel/id.ts';

const REFERENCE = /^([0-9A-F]{8})([0-9A-F]{4})([0-9A-F]{4})([0-9A-F]{4})([0-9A-F]{12})$/;

/**
 * What the bank knows a payout by. It follows from the withdrawal alone, so that a payout begun twice,
 * by whatever way, is one to the bank as well.
 * @shape 32 characters, within the 35 of an end-to-end id
 * @source ISO 20022 Max35Text
 */
export function payoutReferenceOf(withdrawalId: Id): string {
  return withdrawalId.replaceAll('-', '').toUpperCase();
}

/** The payout a reference would be of, whether or not there is one; undefined where it is of none. */
export function payoutOfReference(reference: string): Id | undefined {
  const parts = REFERENCE.exec(reference)?.slice(1);
  return parts === undefined ? undefined : (parts.join('-').toLowerCase() as Id);
}
