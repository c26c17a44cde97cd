import { actorIdOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { AML_EVENTS } from '../audit.ts';
import { type AmlCase, addCaseStep } from './case-events.ts';
import { isSubject } from './lock-case.ts';
import { amlCaseSubjects } from './schema.ts';

/**
 * Makes somebody one of those a case is about; once. The caller has locked the case.
 * @effects perhaps `aml_case_subjects`, `aml_case_events`; audit `aml_case.changed`
 */
export async function addSubject(tx: Tx, ctx: Ctx, into: AmlCase, userId: Id): Promise<void> {
  if (await isSubject(tx, into.id, userId)) {
    return;
  }
  await tx
    .insert(amlCaseSubjects)
    .values({ caseId: into.id, userId, addedBy: actorIdOf(ctx.actor), addedAt: ctx.deps.clock.now() });
  await addCaseStep(tx, ctx, into, { type: 'subject_added', data: { subjectId: userId } });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_case.changed'],
    resource: { type: 'aml_case', id: into.id },
    subjectUserId: userId,
    after: { ...into, step: 'subject_added', subjectId: userId },
  });
}
