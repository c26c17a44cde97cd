/**
 * Under whose key the personal part of a row is: the key of who acted where a person did, else that of the
 * person whose affairs the row concerns, so that destroying it reaches the address from which they signed in.
 * What concerns nobody who has a key is under the house's.
 */
import type { Id } from '../../kernel/id.ts';
import type { DataKey } from '../crypto/seal.ts';

/** Whose the personal part is; null where it is nobody's. */
export function ownerOf(actorUserId: Id | null, subjectUserId: Id | null): Id | null {
  return actorUserId ?? subjectUserId;
}

/**
 * What opens the personal part of a row in which no person acted: older ones are under the house's key, and
 * the ciphertext says which of them it needs.
 */
export function keyOfEither(house: DataKey, subject: DataKey | undefined): DataKey {
  return subject === undefined
    ? house
    : { ...subject, others: [...(subject.others ?? []), house, ...(house.others ?? [])] };
}
