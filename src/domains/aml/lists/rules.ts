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

/**
 * What may become of a version; `heldCount` entries of it take something off the list.
 * @units maxShrinkBps of the entries before; exactly that share may go
 */
export function planImport(
  limits: { readonly maxShrinkBps: number; readonly minEntities: number },
  beforeCount: number,
  entityCount: number,
  removedCount: number,
  heldCount: number,
): ImportPlan {
  if (entityCount < limits.minEntities) {
    return { kind: 'refuse', refusal: 'list_too_small' };
  }
  if (removedCount * 10_000 > beforeCount * limits.maxShrinkBps) {
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
