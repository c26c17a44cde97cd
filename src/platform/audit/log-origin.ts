/**
 * A log that goes on under another name. The tree stays; checkpoints of the earlier name verify as before,
 * because its keys stay with the log, and nothing under the new name contradicts what was given out.
 */
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { assert, present } from '../../kernel/assert.ts';
import type { Ctx } from '../context.ts';
import { lockExclusive } from '../db/locks.ts';
import { systemMarks } from '../db/schema.ts';

const MARK = 'audit_log';

const Named = z.looseObject({
  origin: z.string(),
  verifierKeys: z.array(z.string()),
  origins: z.array(z.unknown()).default([]),
});

/**
 * Gives the log a new name from this size on; the next sealer must bear it.
 * @units heldElsewhere: the largest tree somebody holds a checkpoint of under the old name, where known
 * @effects `system_marks.audit_log`, in the caller's transaction
 */
export async function continueUnderNewOrigin(
  ctx: Ctx,
  to: {
    readonly origin: string;
    readonly fromSize: number;
    readonly heldElsewhere: number | null;
    readonly reason: string;
  },
): Promise<void> {
  const tx = present(ctx.tx, 'a name changes in the transaction of its decision');
  await lockExclusive(tx, [`mark:${MARK}`]);
  const [mark] = await tx.select().from(systemMarks).where(eq(systemMarks.name, MARK));
  // A log that never was signed has no name to give up.
  if (mark === undefined) {
    return;
  }
  const known = Named.parse(mark.value);
  assert(known.origin !== to.origin, 'the new name is another one');
  const { origin, verifierKeys } = known;
  const { fromSize, heldElsewhere, reason } = to;
  const earlier = { origin, verifierKeys, untilSize: fromSize, heldElsewhere, reason };
  const value = { ...known, origin: to.origin, origins: [...known.origins, earlier] };
  await tx
    .update(systemMarks)
    .set({ value, markedAt: ctx.deps.clock.realNow() })
    .where(eq(systemMarks.name, MARK));
}
