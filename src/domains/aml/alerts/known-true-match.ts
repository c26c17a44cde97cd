import { and, desc, eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { restrictionsOf } from '../../identity/index.ts';
import { amlAlerts } from '../schema.ts';
import type { AmlAlert } from './alert-events.ts';
import { type AlertItem, itemsOf } from './alert-items.ts';
import { freezesWhenTrue } from './rules.ts';

/**
 * The closed alert that said all of this already, of a person who is frozen for it, or of one whom such a match freezes
 * nobody for, such as a politically exposed person: a confirmed match is found again by every screening, and is not new.
 * Whatever it did not name is; where nobody is frozen, so is another state of the person.
 */
export async function knownTrueMatch(
  tx: Tx,
  found: {
    readonly userId: Id | null;
    readonly kind: string;
    readonly effect: string;
    readonly severity: string;
    readonly dedupKey: string;
    readonly items?: readonly AlertItem[];
  },
): Promise<AmlAlert | undefined> {
  const items = found.items ?? [];
  if (found.userId === null || items.length === 0) {
    return undefined;
  }
  const [closed] = await tx
    .select()
    .from(amlAlerts)
    .where(
      and(
        eq(amlAlerts.userId, found.userId),
        eq(amlAlerts.dedupKey, found.dedupKey),
        eq(amlAlerts.disposition, 'true_match'),
      ),
    )
    .orderBy(desc(amlAlerts.id))
    .limit(1);
  if (closed === undefined) {
    return undefined;
  }
  const freezes = freezesWhenTrue(found) || freezesWhenTrue(closed);
  if (freezes && (await restrictionsOf(tx, found.userId)).every(({ cause }) => cause !== 'sanctions')) {
    return undefined;
  }
  const stateOf = freezes ? entryState : wholeState;
  const named = new Set((await itemsOf(tx, closed.id)).map(stateOf));
  return items.every((item) => named.has(stateOf(item))) ? closed : undefined;
}

function entryState(item: AlertItem): string {
  return [item.listId, item.sourceId, item.party, hexOf(item.screeningHash)].join('\n');
}

function wholeState(item: AlertItem): string {
  return `${entryState(item)}\n${hexOf(item.subjectDigest)}`;
}

function hexOf(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString('hex');
}
