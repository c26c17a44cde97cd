import { actorIdOf } from '../../../kernel/actor.ts';
import { newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { KycApplication } from '../store.ts';
import { kycApplicationEvents } from './schema.ts';

export type ApplicationStep = {
  readonly type:
    | 'created'
    | 'edited'
    | 'submitted'
    | 'withdrawn'
    | 'assigned'
    | 'item_decided'
    | 'senior_asked'
    | 'senior_refused'
    | 'provider'
    | 'decided';
  /** The state before, where it changed. */
  readonly from?: KycApplication['status'];
  /** Codes only, never what somebody wrote. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** What a reviewer wrote; its applicant never reads it. */
  readonly note?: string;
};

/** What an applicant may read of the history of their application. */
const FOR_APPLICANTS: ReadonlySet<ApplicationStep['type']> = new Set([
  'created',
  'edited',
  'submitted',
  'withdrawn',
  'decided',
]);

/**
 * Adds a step to the history of an application, with the state it is in now.
 * @effects one row of `kyc_application_events`
 */
export async function addApplicationStep(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  step: ApplicationStep,
): Promise<void> {
  const id = newId();
  const note =
    step.note === undefined
      ? null
      : sealText(await ctx.deps.personKeys.of(tx, application.userId), notePlace(id), step.note);
  await tx.insert(kycApplicationEvents).values({
    id,
    applicationId: application.id,
    userId: application.userId,
    type: step.type,
    fromStatus: step.from ?? null,
    toStatus: application.status,
    actorKind: ctx.actor.kind,
    actorId: actorIdOf(ctx.actor),
    detail: step.detail ?? {},
    note,
    customerVisible: FOR_APPLICANTS.has(step.type),
    at: ctx.deps.clock.now(),
  });
}

/** What a sealed note is bound to. */
export function notePlace(eventId: string) {
  return { table: 'kyc_application_events', column: 'note', rowId: eventId };
}
