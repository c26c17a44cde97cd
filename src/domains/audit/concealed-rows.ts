import { inArray } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { approvals } from '../../platform/db/schema.ts';
import { concealedFrom } from '../../platform/privacy/concealed-from.ts';

/** Ids of what a reader of the log is part of without being named on it, and of the approvals about it. */
export async function concealedRows(tx: Tx, ctx: Ctx, reader: Id | null): Promise<readonly Id[]> {
  const things = [...(await concealedFrom(tx, ctx, reader))];
  if (things.length === 0) {
    return [];
  }
  const asked = await tx
    .select({ id: approvals.id })
    .from(approvals)
    .where(inArray(approvals.subjectId, things));
  return [...things, ...asked.map(({ id }) => id)];
}
