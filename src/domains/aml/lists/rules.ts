/**
 * What an imported version changes, and whether it may become active. Pure. Who is on a list is its publisher's to
 * say; that a name is gone is believed of the publisher's own address, or of two people.
 */
import type { ListPurpose } from './entity.ts';

/** Where the files came from: an officer's upload, the publisher's address, the operator's command line. */
export type ListSource = 'upload' | 'fetch' | 'command';

export type ImportPlan =
  /** All of it becomes active. */
  | { readonly kind: 'activate' }
  /** It lost more than is plausible: nothing of it becomes active. */
  | { readonly kind: 'refuse'; readonly refusal: 'list_shrunk' | 'list_too_small' }
  /** What it brings becomes active at once; what it lost stays until a second person agreed. */
  | { readonly kind: 'hold' };

/** How much there was of something, and how much there is. */
export type Amounts = { readonly before: number; readonly now: number };

/**
 * What may become of a version; `heldCount` entries of it take something off the list, and `contents` is what it holds
 * besides entries, such as names: a file that lost those finds people no more, with every entry in its place.
 * @units maxShrinkBps of what there was before; exactly that share may go
 */
export function planImport(
  limits: { readonly maxShrinkBps: number; readonly minEntities: number },
  beforeCount: number,
  entityCount: number,
  removedCount: number,
  heldCount: number,
  contents: readonly Amounts[] = [],
): ImportPlan {
  if (entityCount < limits.minEntities) {
    return { kind: 'refuse', refusal: 'list_too_small' };
  }
  const lost = contents.map(({ before, now }) => ({ before, lost: before - now }));
  const shrunk = [{ before: beforeCount, lost: removedCount }, ...lost].some(
    (amount) => amount.lost * 10_000 > amount.before * limits.maxShrinkBps,
  );
  if (shrunk) {
    return { kind: 'refuse', refusal: 'list_shrunk' };
  }
  return { kind: heldCount > 0 ? 'hold' : 'activate' };
}

/** Why an entry is on its list: its own purpose where the list mixes several. */
export function purposeOf(
  list: { readonly purpose: ListPurpose },
  entity: { readonly purpose?: ListPurpose },
): ListPurpose {
  return entity.purpose ?? list.purpose;
}

/**
 * What a hit on an entry does. A list set to `review` never stops anybody; on one that stops, an entry that is there
 * for an office or a report does not either.
 */
export function effectOf(
  list: { readonly effect: string; readonly purpose: ListPurpose },
  entity: { readonly purpose?: ListPurpose },
): 'stop' | 'review' {
  const own = entity.purpose;
  const stops = own === undefined || own === 'sanctions' || own === 'internal';
  return list.effect === 'stop' && stops ? 'stop' : 'review';
}
