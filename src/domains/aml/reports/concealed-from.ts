import { eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { amlCaseSubjects } from '../cases/schema.ts';
import { sanctionsNotices, suspiciousReports } from './schema.ts';

/** What the authorities are told of the cases that one of the staff is part of. */
export async function concealedReports(tx: Tx, personId: Id): Promise<readonly Id[]> {
  const mine = eq(amlCaseSubjects.userId, personId);
  const reports = await tx
    .select({ id: suspiciousReports.id })
    .from(suspiciousReports)
    .innerJoin(amlCaseSubjects, eq(amlCaseSubjects.caseId, suspiciousReports.caseId))
    .where(mine);
  const notices = await tx
    .select({ id: sanctionsNotices.id })
    .from(sanctionsNotices)
    .innerJoin(amlCaseSubjects, eq(amlCaseSubjects.caseId, sanctionsNotices.caseId))
    .where(mine);
  return [...reports, ...notices].map(({ id }) => id);
}
