import { asc, eq, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { parseInstant } from '../../../kernel/time.ts';
import { openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { caseBodyPlace } from './case-events.ts';
import { caseFileNamePlace } from './case-files.ts';
import { amlCaseEvents, amlCaseFiles, amlCaseSubjects, amlCases } from './schema.ts';

/** The cases about a person: never shown to them (no tipping off). While one is open, everything is kept. */
export const personalCases: PersonalData = {
  name: 'aml_cases',
  recordClass: 'supervision',
  tables: ['aml_cases', 'aml_case_subjects'],
  restricted: true,
  sections: {
    cases: personalRows(amlCases, { keys: ['id'] }),
    partIn: personalRows(amlCaseSubjects, { keys: ['caseId'] }),
    steps: personalRows(amlCaseEvents, {
      by: 'caseId',
      parents: caseIdsOf,
      keys: ['at', 'id'],
      more: (rows, { key }) =>
        rows.map(({ id, body }) => ({
          body: key === undefined || body === null ? null : openText(key, caseBodyPlace(id), body),
        })),
    }),
    files: personalRows(amlCaseFiles, {
      by: 'caseId',
      parents: caseIdsOf,
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, name }) => ({
          name: key === undefined ? null : openText(key, caseFileNamePlace(id), name),
        })),
    }),
  },
  keptSince: async (tx, userId) => {
    const [last] = await tx.execute<{ at: string | null }>(sql`
      select max(coalesce(c.closed_at, now()))::text as at
      from aml_case_subjects s join aml_cases c on c.id = s.case_id where s.user_id = ${userId}`);
    return last?.at ? parseInstant(last.at) : null;
  },
};

/** The cases that began with a person: what is written in them is under that person's key. */
async function caseIdsOf(tx: Tx, userId: Id): Promise<readonly Id[]> {
  const rows = await tx
    .select({ id: amlCases.id })
    .from(amlCases)
    .where(eq(amlCases.userId, userId))
    .orderBy(asc(amlCases.id));
  return rows.map(({ id }) => id);
}
