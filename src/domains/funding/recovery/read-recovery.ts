import { desc } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Recovery } from '../../../platform/recovery/mode.ts';
import { recoveries } from '../../../platform/recovery/schema.ts';

/** Whether the installation is in recovery, and the latest recovery there was. */
export async function readRecovery(
  ctx: Ctx,
): Promise<{ readonly open: boolean; readonly latest: Recovery | null }> {
  return transact(ctx, 'staff', async (tx) => {
    const [latest] = await tx.select().from(recoveries).orderBy(desc(recoveries.startedAt)).limit(1);
    return { open: latest !== undefined && latest.endedAt === null, latest: latest ?? null };
  });
}
