import { and, eq, notExists, type SQL, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseAml } from '../errors.ts';
import type { AmlCase } from './case-events.ts';
import { amlCaseSubjects, amlCases } from './schema.ts';

/** Staff who are part of a case must not learn that it exists (no tipping off). */
export function caseNotAboutSelf(tx: Tx, ctx: Ctx): SQL | undefined {
  const personId = personOf(ctx.actor);
  return personId === null
    ? undefined
    : notExists(
        tx
          .select({ one: sql`1` })
          .from(amlCaseSubjects)
          .where(and(eq(amlCaseSubjects.caseId, amlCases.id), eq(amlCaseSubjects.userId, personId))),
      );
}

/** One case; none that the reader is part of. @errors not_found */
export async function findCase(tx: Tx, ctx: Ctx, caseId: Id): Promise<AmlCase> {
  const [found] = await tx
    .select()
    .from(amlCases)
    .where(and(eq(amlCases.id, caseId), caseNotAboutSelf(tx, ctx)));
  if (found === undefined) {
    throw refuse('not_found');
  }
  return found;
}

/**
 * Locks a case that goes on; the locks of people and alerts come before it.
 * @errors not_found, case_closed
 */
export async function lockCase(tx: Tx, ctx: Ctx, caseId: Id): Promise<AmlCase> {
  await findCase(tx, ctx, caseId);
  const locked = present(await lockRow(tx, amlCases, caseId), 'cases are never deleted');
  if (locked.status === 'closed') {
    throw refuseAml('case_closed');
  }
  return locked;
}

/** Whether somebody is one of those a case is about. */
export async function isSubject(tx: Tx, caseId: Id, userId: Id): Promise<boolean> {
  const [row] = await tx
    .select({ userId: amlCaseSubjects.userId })
    .from(amlCaseSubjects)
    .where(and(eq(amlCaseSubjects.caseId, caseId), eq(amlCaseSubjects.userId, userId)));
  return row !== undefined;
}
