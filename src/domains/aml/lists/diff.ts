import { createHash } from 'node:crypto';
import type { ReadEntity } from './read-list.ts';

export type ListDiff = {
  readonly added: number;
  /** Source ids of what is said otherwise. */
  readonly changed: readonly string[];
  /** Source ids of what is no longer there. */
  readonly removed: readonly string[];
  /** SHA-256 over all of it. */
  readonly hash: Uint8Array;
};

/** The difference of a version's entries from those of the one before. @shape before: source id to entity hash */
export function diffOf(before: ReadonlyMap<string, string>, entities: readonly ReadEntity[]): ListDiff {
  const digest = createHash('sha256');
  const now = new Set(entities.map(({ sourceId }) => sourceId));
  const differing = entities.filter(({ sourceId, hash }) => before.get(sourceId) !== hash).sort(bySourceId);
  for (const { sourceId, hash } of differing) {
    digest.update(`${before.has(sourceId) ? '~' : '+'}${JSON.stringify(sourceId)} ${hash}\n`);
  }
  const changed = differing.filter(({ sourceId }) => before.has(sourceId)).map(({ sourceId }) => sourceId);
  const removed = [...before.keys()].filter((sourceId) => !now.has(sourceId)).sort();
  for (const sourceId of removed) {
    digest.update(`-${JSON.stringify(sourceId)} ${before.get(sourceId) ?? ''}\n`);
  }
  return {
    added: differing.length - changed.length,
    changed,
    removed,
    hash: new Uint8Array(digest.digest()),
  };
}

function bySourceId(one: ReadEntity, other: ReadEntity): number {
  if (one.sourceId === other.sourceId) {
    return 0;
  }
  return one.sourceId < other.sourceId ? -1 : 1;
}
