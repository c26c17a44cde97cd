import type { Id } from '../../kernel/id.ts';
import type { Listener } from '../../platform/db/listener.ts';

export type BriefCache<Value> = {
  /** What is known and may still be believed, without waiting; undefined where nothing is. */
  readonly peek: (id: Id) => Value | undefined;
  readonly get: (id: Id) => Promise<Value | undefined>;
  /** The next `get` reads afresh, whatever is being read now. */
  readonly forget: (id: Id) => void;
  /** The same for all that belongs to a person. */
  readonly forgetOwner: (userId: Id) => void;
};

export type BriefCacheParts<Value> = {
  /** What says whether a change would have been heard. */
  readonly listener: Pick<Listener, 'stretch' | 'proven'>;
  readonly load: (id: Id) => Promise<Value | undefined>;
  readonly ownerOf: (value: Value) => Id;
};

type Entry<Value> = {
  readonly askedMs: number;
  /** The stretch of hearing in which it was asked, 0 for none. */
  readonly stretch: number;
  readonly loading: Promise<Value | undefined>;
  value: Value | undefined;
};

/** How old a value may be that is believed without proof. */
const MAX_AGE_MS = 900;
/** How old it may be with proof: a backstop for what no trigger tells. */
const LONGEST_MS = 60_000;
const MAX_ENTRIES = 50_000;

/**
 * Keeps what `load` read for as long as the listener proves that no change went unheard, and for at most
 * 0.9 seconds, counted from before it was read, without such proof. Parallel callers share one read. That
 * a thing is not there is never believed for longer: nothing tells of its making.
 */
export function briefCache<Value>(parts: BriefCacheParts<Value>): BriefCache<Value> {
  const entries = new Map<Id, Entry<Value>>();
  const owned = ownership();
  const under = new Set<Id>();

  const forget = (id: Id): void => {
    const entry = entries.get(id);
    if (entry === undefined) {
      return;
    }
    entries.delete(id);
    under.delete(id);
    if (entry.value !== undefined) {
      owned.remove(parts.ownerOf(entry.value), id);
    }
  };
  const keep = (id: Id, entry: Entry<Value>, value: Value | undefined): void => {
    // What was forgotten while it was read is not kept: it may be from before the change.
    if (entries.get(id) !== entry) {
      return;
    }
    under.delete(id);
    entry.value = value;
    if (value !== undefined) {
      owned.add(parts.ownerOf(value), id);
    }
  };
  const read = (id: Id): Promise<Value | undefined> => {
    forget(id);
    const oldest = entries.size >= MAX_ENTRIES ? entries.keys().next().value : undefined;
    if (oldest !== undefined) {
      forget(oldest);
    }
    const asked = { askedMs: performance.now(), stretch: parts.listener.stretch() };
    const loading = parts.load(id);
    const entry: Entry<Value> = { ...asked, loading, value: undefined };
    entries.set(id, entry);
    under.add(id);
    loading.then(
      (value) => keep(id, entry, value),
      () => (entries.get(id) === entry ? forget(id) : undefined),
    );
    return loading;
  };
  return {
    peek: (id) => {
      const entry = entries.get(id);
      return entry?.value !== undefined && isBelieved(entry, parts.listener) ? entry.value : undefined;
    },
    get: (id) => {
      const entry = entries.get(id);
      return entry !== undefined && isBelieved(entry, parts.listener) ? entry.loading : read(id);
    },
    forget,
    forgetOwner: (userId) => {
      // Whose a value is that is being read is not known yet.
      for (const id of [...under, ...owned.of(userId)]) {
        forget(id);
      }
    },
  };
}

function isBelieved<Value>(entry: Entry<Value>, listener: BriefCacheParts<Value>['listener']): boolean {
  const ageMs = performance.now() - entry.askedMs;
  return (
    ageMs < MAX_AGE_MS ||
    (entry.value !== undefined &&
      ageMs < LONGEST_MS &&
      entry.stretch === listener.stretch() &&
      listener.proven())
  );
}

/** What belongs to whom. */
function ownership() {
  const sets = new Map<Id, Set<Id>>();
  return {
    of: (owner: Id): readonly Id[] => [...(sets.get(owner) ?? [])],
    add: (owner: Id, id: Id): void => {
      sets.set(owner, (sets.get(owner) ?? new Set()).add(id));
    },
    remove: (owner: Id, id: Id): void => {
      const held = sets.get(owner);
      held?.delete(id);
      if (held?.size === 0) {
        sets.delete(owner);
      }
    },
  };
}
