import { eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { amlCaseSubjects } from './schema.ts';

/** The cases that one of the staff is part of, whoever they began with. */
export async function concealedCases(tx: Tx, personId: Id): Promise<readonly Id[]> {
  const rows = await tx
    .select({ id: amlCaseSubjects.caseId })
    .from(amlCaseSubjects)
    .where(eq(amlCaseSubjects.userId, personId));
  return rows.map(({ id }) => id);
}
