import { asc, eq, inArray, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { parseInstant } from '../../../kernel/time.ts';
import { openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { amlCases } from '../cases/schema.ts';
import { contentOf } from './notice-store.ts';
import { openContent, reportPlace } from './report-store.ts';
import { sanctionsNotices, suspiciousReports } from './schema.ts';

/** What the authorities are told of a person: never shown to them. While one waits, everything is kept. */
export const personalReports: PersonalData = {
  name: 'aml_reports',
  recordClass: 'supervision',
  tables: ['suspicious_reports'],
  restricted: true,
  sections: {
    reports: personalRows(suspiciousReports, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map((report) => ({
          content: key === undefined ? null : openContent(key, report),
          decisionReason:
            key === undefined || report.decisionReason === null
              ? null
              : openText(key, reportPlace(report.id, 'decision_reason'), report.decisionReason),
        })),
    }),
    notices: personalRows(sanctionsNotices, {
      by: 'caseId',
      parents: caseIdsOf,
      keys: ['id'],
      more: (rows, { ctx }) => rows.map((notice) => ({ content: contentOf(ctx, notice) })),
    }),
  },
  keptSince: async (tx, userId) => {
    const [last] = await tx.execute<{ at: string | null }>(sql`
      select max(at)::text as at from (
        select case when r.status in ('draft', 'ready', 'approved') then now()
            else coalesce(r.filed_at, r.decided_at, r.created_at) end as at
          from aml_case_subjects s join suspicious_reports r on r.case_id = s.case_id where s.user_id = ${userId}
        union all
        select case when n.status = 'sent' then n.sent_at else now() end
          from aml_case_subjects s join sanctions_notices n on n.case_id = s.case_id where s.user_id = ${userId}
      ) as told`);
    return last?.at ? parseInstant(last.at) : null;
  },
  // A notice is under the house's key: what it says of the person goes with theirs.
  erase: async (tx, _ctx, userId) => {
    const cases = await caseIdsOf(tx, userId);
    if (cases.length > 0) {
      await tx
        .update(sanctionsNotices)
        .set({ content: null })
        .where(inArray(sanctionsNotices.caseId, [...cases]));
    }
  },
};

/** The cases that began with a person. */
async function caseIdsOf(tx: Tx, userId: Id): Promise<readonly Id[]> {
  const rows = await tx
    .select({ id: amlCases.id })
    .from(amlCases)
    .where(eq(amlCases.userId, userId))
    .orderBy(asc(amlCases.id));
  return rows.map(({ id }) => id);
}
