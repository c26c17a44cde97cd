import { and, desc, eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { restrictionsOf } from '../../identity/index.ts';
import { amlAlerts } from '../schema.ts';
import type { AmlAlert } from './alert-events.ts';
import { type AlertItem, itemsOf } from './alert-items.ts';

/**
 * The closed alert that said all of this already, of a person who is frozen for it: a confirmed match is found
 * again by every screening, and is not new. Whatever it did not name is.
 */
export async function knownTrueMatch(
  tx: Tx,
  found: {
    readonly userId: Id | null;
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
  const standing = await restrictionsOf(tx, found.userId);
  if (closed === undefined || standing.every(({ cause }) => cause !== 'sanctions')) {
    return undefined;
  }
  const named = new Set((await itemsOf(tx, closed.id)).map(stateOf));
  return items.every((item) => named.has(stateOf(item))) ? closed : undefined;
}

function stateOf(item: AlertItem): string {
  return [item.listId, item.sourceId, item.party, Buffer.from(item.screeningHash).toString('hex')].join('\n');
}
