import { eq, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import type { RescreeningRun } from '../rescreening/runs.ts';
import { rescreeningRuns } from '../rescreening/schema.ts';
import type { SanctionsNotice } from './notice-store.ts';
import { NOTICE_MS } from './open-sanctions-notice.ts';
import { sanctionsNotices } from './schema.ts';

/**
 * Writes down that a run held everybody against the lists and found nobody, with its figures, to be sent as a
 * report that there is none. Whoever it seemed to find has to be known to be somebody else, whoever could not be
 * compared has to be looked at, and nobody at all may be confirmed.
 * @effects a row of `sanctions_notices`; audit `sanctions_notice.nil_drafted`
 * @errors not_found, run_not_finished, run_not_over_everybody, nil_report_exists, run_found_matches
 */
export async function createNilReport(ctx: Ctx, runId: Id): Promise<SanctionsNotice> {
  const writerId = present(personOf(ctx.actor), 'a notice is written by a person');
  return transact(ctx, 'staff', async (tx) => {
    // Of two at once the second sees what the first wrote.
    await lockExclusive(tx, [`aml.nil_report:${runId}`]);
    const [run] = await tx.select().from(rescreeningRuns).where(eq(rescreeningRuns.id, runId));
    if (run === undefined) {
      throw refuse('not_found');
    }
    const finishedAt = run.finishedAt;
    if (finishedAt === null) {
      throw refuseAml('run_not_finished');
    }
    if (!run.isFull && run.cause !== 'list_change') {
      throw refuseAml('run_not_over_everybody');
    }
    await refuseTold(tx, runId);
    const figures = await figuresOf(tx, run);
    if (figures.notCleared > 0 || (await isAnybodyConfirmed(tx))) {
      throw refuseAml('run_found_matches');
    }
    const at = ctx.deps.clock.now();
    const [inserted] = await tx
      .insert(sanctionsNotices)
      .values({
        id: newId(),
        kind: 'nil',
        status: 'drafted',
        runId,
        figures,
        dueAt: addMs(finishedAt, NOTICE_MS),
        createdAt: at,
        draftedAt: at,
        draftedBy: writerId,
      })
      .returning();
    const notice = present(inserted, 'the notice was inserted');
    await record(tx, ctx, {
      event: AML_EVENTS['sanctions_notice.nil_drafted'],
      resource: { type: 'sanctions_notice', id: notice.id },
      subjectUserId: null,
      after: notice,
    });
    return notice;
  });
}

/** @errors nil_report_exists */
async function refuseTold(tx: Tx, runId: Id): Promise<void> {
  const [known] = await tx
    .select({ id: sanctionsNotices.id })
    .from(sanctionsNotices)
    .where(eq(sanctionsNotices.runId, runId));
  if (known !== undefined) {
    throw refuseAml('nil_report_exists');
  }
}

/** Whoever is frozen is found for good, whether or not this run looked at them. */
async function isAnybodyConfirmed(tx: Tx): Promise<boolean> {
  const [confirmed] = await tx.execute(
    sql`select 1 from customer_gates where screening = 'confirmed' limit 1`,
  );
  return confirmed !== undefined;
}

/** Counts and versions only: a report that there is none names nobody. */
async function figuresOf(tx: Tx, run: RescreeningRun) {
  const [counted] = await tx.execute<{ people: number; found: number; not_cleared: number }>(sql`
    select count(distinct r.user_id)::int as people,
      count(distinct r.user_id) filter (where r.screening_id is not null)::int as found,
      count(distinct r.user_id) filter (where exists (
        select 1 from aml_alerts a where a.user_id = r.user_id
          and (a.kind in ('sanctions', 'provider') and r.screening_id is not null
              and (a.status <> 'resolved' or a.disposition is distinct from 'false_positive')
            or a.kind = 'screening_error' and a.status <> 'resolved')))::int as not_cleared
    from rescreening_results r where r.run_id = ${run.id}`);
  const [set] = await tx.execute<{ versions: Record<string, string> }>(sql`
    select versions from screening_list_sets where hash = ${run.listSet}`);
  return {
    cause: run.cause,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    people: counted?.people ?? 0,
    found: counted?.found ?? 0,
    notCleared: counted?.not_cleared ?? 0,
    listVersions: set?.versions ?? {},
  };
}
