import { eq, sql } from 'drizzle-orm';
import { personOf, type Role } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseFunding } from '../errors.ts';
import { RECONCILIATION_EVENTS } from './audit.ts';
import type { BreakRow } from './plan-breaks.ts';
import { reconciliationBreakNotes, reconciliationBreaks } from './schema.ts';

/** Who may look after a break. */
export const BREAK_OWNERS = ['operations', 'compliance_officer', 'mlro'] as const satisfies readonly Role[];

/**
 * Gives a break to somebody, or writes down what was found out about it.
 * @effects the break, perhaps a row of `reconciliation_break_notes`; audit `reconciliation_break.changed`
 * @errors not_found, version_mismatch, break_resolved, break_owner_unsuitable
 */
export async function changeBreak(
  ctx: Ctx,
  breakId: Id,
  change: { readonly ownerId?: Id | null | undefined; readonly note?: string | undefined },
): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const before = await lockOpenBreak(tx, breakId);
    if (before.version !== ctx.ifMatch) {
      throw refuse('version_mismatch');
    }
    if (change.ownerId != null && !(await mayOwn(tx, change.ownerId))) {
      throw refuseFunding('break_owner_unsuitable');
    }
    if (change.note !== undefined) {
      await addNote(tx, ctx, breakId, change.note);
    }
    const ownerId = change.ownerId === undefined ? before.ownerId : change.ownerId;
    const after = await updateBreak(tx, before, { ownerId });
    await record(tx, ctx, {
      event: RECONCILIATION_EVENTS['reconciliation_break.changed'],
      resource: { type: 'reconciliation_break', id: breakId },
      subjectUserId: null,
      before,
      after: { ...after, noted: change.note !== undefined },
    });
  });
}

/** A break under its lock that is not resolved. @errors not_found, break_resolved */
export async function lockOpenBreak(tx: Tx, breakId: Id): Promise<BreakRow> {
  const row = await lockRow(tx, reconciliationBreaks, breakId);
  if (row === undefined) {
    throw refuse('not_found');
  }
  if (row.status === 'resolved') {
    throw refuseFunding('break_resolved');
  }
  return row;
}

/** What the acting person wrote about a break. */
export async function addNote(tx: Tx, ctx: Ctx, breakId: Id, note: string): Promise<void> {
  const authorId = present(personOf(ctx.actor), 'a note is written by a person');
  const createdAt = ctx.deps.clock.now();
  await tx.insert(reconciliationBreakNotes).values({ id: newId(), breakId, authorId, note, createdAt });
}

/** Moves a locked break on. */
export async function updateBreak(
  tx: Tx,
  before: BreakRow,
  set: Partial<Pick<BreakRow, 'ownerId' | 'status' | 'resolution' | 'resolvedAt' | 'approvalId'>>,
): Promise<BreakRow> {
  const [row] = await tx
    .update(reconciliationBreaks)
    .set({ ...set, version: before.version + 1 })
    .where(eq(reconciliationBreaks.id, before.id))
    .returning();
  return present(row, 'the break was locked');
}

async function mayOwn(tx: Tx, userId: Id): Promise<boolean> {
  const roles = sql.param([...BREAK_OWNERS]);
  const rows = await tx.execute(sql`
    select 1 from role_grants where user_id = ${userId} and role::text = any (${roles}::text[]) limit 1`);
  return rows.length > 0;
}
