/** A paper of which two pictures may be kept: of a card with two sides, either may say its number and its last day. Pure. */
import type { kycDocuments } from './schema.ts';

export type Paper = Pick<
  typeof kycDocuments.$inferSelect,
  'id' | 'type' | 'partyId' | 'applicationId' | 'expiresOn' | 'status' | 'side' | 'numberIndex'
>;

type Side = Omit<Paper, 'id'>;

/**
 * The day until which the whole paper is good, by either side; the earlier one where they differ. Null where none
 * says a day.
 * @shape all holds the other documents of its application
 * @units YYYY-MM-DD
 */
export function wholeUntil(document: Side, all: readonly Side[]): string | null {
  const others = all.filter((other) => areSidesOfOne(document, other));
  const days = [document, ...others].flatMap(({ expiresOn }) => expiresOn ?? []);
  return days.toSorted()[0] ?? null;
}

/** Whether another picture is the other side of one card; what says no number may be the other side of any. */
export function areSidesOfOne(one: Side, other: Side): boolean {
  const sides = [one.side, other.side];
  const isOneNumber =
    one.numberIndex === null ||
    other.numberIndex === null ||
    Buffer.from(one.numberIndex).equals(other.numberIndex);
  return (
    sides.includes('front') &&
    sides.includes('back') &&
    one.applicationId === other.applicationId &&
    one.type === other.type &&
    one.partyId === other.partyId &&
    (other.status === 'uploaded' || other.status === 'accepted') &&
    isOneNumber
  );
}
