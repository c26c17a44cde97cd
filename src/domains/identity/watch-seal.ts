import { addMs } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import type { Job } from '../../platform/domain.ts';
import { notifyAdmins } from './admin-people.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { readNewestSeal } from './seal-break-glass.ts';

/** Time enough to bring two envelope holders together. */
const AHEAD_MS = 30 * 24 * 3_600_000;

/**
 * Reminds the admins of a seal that was opened, has expired or soon will; not of one that was revoked, and
 * not where there never was one.
 * @effects perhaps audit `break_glass.unready` and a notice to each admin
 */
export async function watchSeal(ctx: Ctx): Promise<void> {
  const seal = await readNewestSeal(ctx);
  if (seal === undefined || seal.revokedAt !== null) {
    return;
  }
  if (seal.openedAt !== null || seal.expiresAt <= addMs(ctx.deps.clock.realNow(), AHEAD_MS)) {
    await transact(ctx, 'engine', async (tx) => {
      await record(tx, ctx, {
        event: IDENTITY_EVENTS['break_glass.unready'],
        resource: { type: 'seal', id: seal.id },
        subjectUserId: seal.userId,
        after: { expiresAt: seal.expiresAt, openedAt: seal.openedAt },
      });
      await notifyAdmins(tx, ctx, 'break_glass_unready');
    });
  }
}

/** Mondays, before work begins. */
export const watchSealJob: Job = { name: 'identity.watch-seal', cron: '23 5 * * 1', run: watchSeal };
