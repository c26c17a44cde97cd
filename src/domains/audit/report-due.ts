/**
 * Looks at everything that has a retention and writes down what is due. It destroys nothing: that takes the
 * agreement of two people to exactly this list.
 */
import { asc, eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { insertRows } from '../../platform/db/insert-rows.ts';
import { transact } from '../../platform/db/transact.ts';
import type { RetentionPiece } from '../../platform/domain.ts';
import { retentionItems, retentionRuns } from '../../platform/privacy/schema.ts';
import { RETENTION_EVENTS } from './retention-events.ts';

type NewItem = typeof retentionItems.$inferInsert;

/** What is due beyond that comes with the next run; of each piece, so that people keep no month from the list. */
const MAX_ITEMS = 5_000;

/**
 * @effects rows of `retention_runs` and `retention_items`; audit `retention_run.reported`
 * @shape the run's id
 */
export async function reportDue(ctx: Ctx): Promise<Id> {
  const runId = newId();
  const items: NewItem[] = [];
  for (const piece of ctx.deps.privacy.retention) {
    await collect(ctx, piece, runId, items);
  }
  const due = items.filter((item) => item.action === 'destroy' && !item.held);
  await transact(ctx, 'engine', async (tx) => {
    const [run] = await tx
      .insert(retentionRuns)
      .values({
        id: runId,
        asOf: ctx.deps.clock.now(),
        requestedBy: personOf(ctx.actor),
        status: 'reported',
        itemCount: items.length,
        dueCount: due.length,
        heldCount: items.filter((item) => item.held).length,
        hash: hashOf(items),
        createdAt: ctx.deps.clock.realNow(),
      })
      .returning();
    await insertRows(tx, retentionItems, items);
    await record(tx, ctx, {
      event: RETENTION_EVENTS['retention_run.reported'],
      resource: { type: 'retention_run', id: runId },
      subjectUserId: null,
      after: present(run, 'the run was inserted'),
    });
  });
  return runId;
}

/** The hash of a run's items as they are stored. */
export async function storedHash(tx: Tx, runId: Id): Promise<Uint8Array> {
  const items = await tx
    .select()
    .from(retentionItems)
    .where(eq(retentionItems.runId, runId))
    .orderBy(asc(retentionItems.id));
  return hashOf(items);
}

/** Each page in a transaction of its own, since there may be many. */
async function collect(ctx: Ctx, piece: RetentionPiece, runId: Id, items: NewItem[]): Promise<void> {
  const action = piece.destroy === undefined ? 'archive' : 'destroy';
  const pageAfter = (after: string | null) => transact(ctx, 'engine', (tx) => piece.due(tx, ctx, after));
  // Counted apart: what holds keep for years must not crowd out what could go.
  const room = { held: MAX_ITEMS, due: MAX_ITEMS };
  for (let page = await pageAfter(null); ; page = await pageAfter(page.next)) {
    for (const item of page.items) {
      const kind = item.held ? 'held' : 'due';
      if (room[kind] > 0) {
        room[kind] -= 1;
        items.push({ ...item, id: newId(), runId, recordClass: piece.recordClass, action });
      }
    }
    if (page.next === null || room.due === 0) {
      return;
    }
  }
}

function hashOf(items: readonly NewItem[]): Uint8Array {
  const inOrder = items.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  return sha256(
    canonicalJson(
      inOrder.map(({ id, recordClass, action, subject, dueSince, held }) => ({
        id,
        recordClass,
        action,
        subject,
        dueSince,
        held,
      })),
    ),
  );
}
