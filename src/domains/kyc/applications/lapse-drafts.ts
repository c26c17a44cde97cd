import { and, eq, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { KYC_EVENTS } from '../audit.ts';
import { kycApplications } from '../schema.ts';
import { addApplicationStep } from './application-events.ts';
import { kycApplicationEvents } from './schema.ts';

/** How long a draft waits for its applicant. @units ms */
const LAPSES_AFTER_MS = 90 * 86_400_000;

/** How many lapse in one run; the next goes on. */
const BATCH = 500;

/** Withdraws drafts that nobody has touched for a long time, so that nothing personal is kept half declared. */
export const lapseDraftsJob: Job = { name: 'kyc.lapse-drafts', cron: '23 3 * * *', run: lapseDrafts };

/**
 * @effects `kyc_applications`, `kyc_application_events`; audit `kyc_application.withdrawn`
 */
export async function lapseDrafts(ctx: Ctx): Promise<void> {
  const before = addMs(ctx.deps.clock.now(), -LAPSES_AFTER_MS);
  const untouched = sql`not exists (select 1 from ${kycApplicationEvents}
    where ${kycApplicationEvents.applicationId} = ${kycApplications.id} and ${kycApplicationEvents.at} > ${before})`;
  const stale = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: kycApplications.id })
      .from(kycApplications)
      .where(
        and(eq(kycApplications.status, 'draft'), sql`${kycApplications.createdAt} <= ${before}`, untouched),
      )
      .orderBy(kycApplications.id)
      .limit(BATCH),
  );
  for (const { id } of stale) {
    await lapse(ctx, id);
  }
}

async function lapse(ctx: Ctx, applicationId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const before = await lockRow(tx, kycApplications, applicationId);
    if (before?.status !== 'draft') {
      return;
    }
    const [row] = await tx
      .update(kycApplications)
      .set({ status: 'withdrawn', decidedAt: ctx.deps.clock.now(), version: before.version + 1 })
      .where(eq(kycApplications.id, applicationId))
      .returning();
    const after = present(row, 'the application was locked');
    await addApplicationStep(tx, ctx, after, {
      type: 'withdrawn',
      from: 'draft',
      detail: { cause: 'lapsed' },
    });
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_application.withdrawn'],
      resource: { type: 'kyc_application', id: applicationId },
      subjectUserId: before.userId,
      before,
      after,
    });
  });
}
