import { and, eq, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { AML_EVENTS } from '../audit.ts';
import { addCaseStep, findOpenCase } from './case-events.ts';
import { amlCaseEvents } from './schema.ts';

/**
 * Notes in the case of a frozen customer that money of theirs may be on its way; once for each withdrawal. The
 * caller holds the gate.
 * @effects perhaps a row of `aml_case_events`; audit `aml_case.changed`
 * @shape false where the case says so already
 */
export async function noteMoneyInFlight(tx: Tx, ctx: Ctx, userId: Id, withdrawalId: Id): Promise<boolean> {
  const open = await findOpenCase(tx, userId, 'sanctions');
  if (open === undefined) {
    return true;
  }
  const [noted] = await tx
    .select({ id: amlCaseEvents.id })
    .from(amlCaseEvents)
    .where(
      and(
        eq(amlCaseEvents.caseId, open.id),
        eq(amlCaseEvents.type, 'money_in_flight'),
        sql`${amlCaseEvents.data} ->> 'withdrawalId' = ${withdrawalId}`,
      ),
    )
    .limit(1);
  if (noted !== undefined) {
    return false;
  }
  await addCaseStep(tx, ctx, open, { type: 'money_in_flight', data: { withdrawalId } });
  await record(tx, ctx, {
    event: AML_EVENTS['aml_case.changed'],
    resource: { type: 'aml_case', id: open.id },
    subjectUserId: userId,
    after: { ...open, step: 'money_in_flight' },
  });
  return true;
}
