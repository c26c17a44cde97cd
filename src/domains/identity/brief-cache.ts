import type { Id } from '../../kernel/id.ts';
import type { Clock } from '../../kernel/time.ts';

export type BriefCache<Value> = {
  readonly get: (id: Id) => Promise<Value>;
  /** The next `get` reads afresh, whatever is being read now. */
  readonly forget: (id: Id) => void;
};

type Entry<Value> = { readonly askedMs: number; readonly value: Promise<Value> };

const MAX_ENTRIES = 50_000;

/**
 * Keeps what `load` read for at most `maxAgeMs`, counted from before it was read, so that a change is
 * seen everywhere within that time; parallel callers share one read.
 */
export function briefCache<Value>(
  clock: Clock,
  maxAgeMs: number,
  load: (id: Id) => Promise<Value>,
): BriefCache<Value> {
  const entries = new Map<Id, Entry<Value>>();
  return {
    forget: (id) => {
      entries.delete(id);
    },
    get: (id) => {
      const nowMs = clock.realMs();
      const known = entries.get(id);
      if (known !== undefined && nowMs - known.askedMs < maxAgeMs) {
        return known.value;
      }
      const oldest = entries.size >= MAX_ENTRIES ? entries.keys().next().value : undefined;
      if (oldest !== undefined) {
        entries.delete(oldest);
      }
      const entry = { askedMs: nowMs, value: load(id) };
      entries.delete(id);
      entries.set(id, entry);
      entry.value.catch(() => {
        if (entries.get(id) === entry) {
          entries.delete(id);
        }
      });
      return entry.value;
    },
  };
}
