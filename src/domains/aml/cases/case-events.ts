import { and, eq, type InferSelectModel, ne } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { assert, present } from '../../../kernel/assert.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, sealText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { amlCaseEvents, amlCases } from './schema.ts';

export type AmlCase = InferSelectModel<typeof amlCases>;

export type CaseStep = {
  readonly type:
    | 'opened'
    | 'assigned'
    | 'commented'
    | 'status'
    | 'alert_linked'
    | 'subject_added'
    | 'file_added'
    | 'escalated'
    | 'frozen'
    | 'lifted'
    | 'restricted'
    | 'released'
    | 'money_in_flight'
    | 'closing_requested'
    | 'closing_refused'
    | 'closed'
    | 'reported';
  /** Codes and ids only. */
  readonly data?: { readonly [key: string]: Json };
  readonly body?: string;
};

/**
 * Writes a step of a case into its history; whoever calls this records the change itself.
 * @effects a row of `aml_case_events`
 */
export async function addCaseStep(
  tx: Tx,
  ctx: Ctx,
  { id: caseId, userId }: Pick<AmlCase, 'id' | 'userId'>,
  step: CaseStep,
): Promise<Id> {
  const id = newId();
  await tx.insert(amlCaseEvents).values({
    id,
    caseId,
    type: step.type,
    actor: actorIdOf(ctx.actor),
    at: ctx.deps.clock.now(),
    data: step.data ?? {},
    body:
      step.body === undefined ? null : sealText(await caseKey(tx, ctx, userId), caseBodyPlace(id), step.body),
  });
  return id;
}

/** What is written of a case goes with the key of the person it began with; of nobody, with the house's. */
export async function caseKey(tx: Tx, ctx: Ctx, userId: Id | null): Promise<DataKey> {
  return userId === null ? ctx.deps.keyring.house : ctx.deps.personKeys.of(tx, userId);
}

/** What the sealed text of a step is bound to. */
export function caseBodyPlace(eventId: Id) {
  return { table: 'aml_case_events', column: 'body', rowId: eventId };
}

/** The open case of a kind about a person, locked, if there is one. */
export async function findOpenCase(tx: Tx, userId: Id, kind: string): Promise<AmlCase | undefined> {
  const [open] = await tx
    .select({ id: amlCases.id })
    .from(amlCases)
    .where(and(eq(amlCases.userId, userId), eq(amlCases.kind, kind), ne(amlCases.status, 'closed')))
    .orderBy(amlCases.id)
    .limit(1);
  const locked = open === undefined ? undefined : await lockRow(tx, amlCases, open.id);
  return locked?.status === 'closed' ? undefined : locked;
}

/**
 * Changes a case that the caller has locked.
 * @shape before and after, for the record
 */
export async function changeCase(
  tx: Tx,
  before: AmlCase,
  change: Partial<typeof amlCases.$inferInsert>,
): Promise<AmlCase> {
  assert(before.status !== 'closed', 'a closed case stays as it is');
  const [after] = await tx
    .update(amlCases)
    .set({ ...change, version: before.version + 1 })
    .where(eq(amlCases.id, before.id))
    .returning();
  return present(after, 'the case was locked');
}
