import { and, eq, type InferSelectModel, inArray, sql } from 'drizzle-orm';
import { personOf, type Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../audit/record.ts';
import type { Ctx } from '../context.ts';
import { sha256 } from '../crypto/keyring.ts';
import type { Tx } from '../db/client.ts';
import { approvals } from '../db/schema.ts';
import { refuse } from '../http/refuse.ts';
import { approvalEvent } from './audit.ts';

export type Approval = InferSelectModel<typeof approvals>;

export type ApprovalRequest = {
  readonly action: string;
  readonly subjectType: string;
  readonly subjectId: Id;
  /** The person it concerns, who may never be a checker. */
  readonly subjectUserId: Id | null;
  /** What will be done, without personal data; its hash is checked again at execution. */
  readonly payload: { readonly [key: string]: Json };
  readonly quorum: number;
  readonly checkerRoles: readonly Role[];
  readonly reason: string;
  /** Who asked, where that is not who acts: a machine puts a person's wish before others again. */
  readonly makerId?: Id;
  readonly expiresInMs?: number;
};

const DEFAULT_EXPIRY_MS = 72 * 3_600_000;

/** A subject waits for one approval of an action at a time. */
const OPEN = ['pending', 'approved'] as const;

/**
 * Puts an action before other people. The acting person is its maker. Nobody waits here for a vote that is being cast:
 * it holds its approval while it locks what the maker may have locked by now.
 * @effects one row of `approvals`; audit `approval.requested`, or `restricted_approval.requested`
 * @errors approval_pending_exists
 */
export async function requestApproval(tx: Tx, ctx: Ctx, request: ApprovalRequest): Promise<Approval> {
  await refuseWhilePending(tx, request);
  const createdAt = ctx.deps.clock.realNow();
  const [approval] = await tx
    .insert(approvals)
    .values({
      id: newId(),
      action: request.action,
      subjectType: request.subjectType,
      subjectId: request.subjectId,
      subjectUserId: request.subjectUserId,
      payload: request.payload,
      payloadHash: payloadHash(request.payload),
      makerId: present(request.makerId ?? personOf(ctx.actor), 'an approval is requested by a person'),
      quorum: request.quorum,
      checkerRoles: [...request.checkerRoles],
      status: 'pending',
      reason: request.reason,
      createdAt,
      expiresAt: addMs(createdAt, request.expiresInMs ?? DEFAULT_EXPIRY_MS),
    })
    .onConflictDoNothing({
      target: [approvals.action, approvals.subjectId],
      where: sql`${approvals.status} in ('pending', 'approved')`,
    })
    .returning();
  if (approval === undefined) {
    throw refuse('approval_pending_exists');
  }
  await record(tx, ctx, {
    event: approvalEvent(ctx.deps.approvalActions, 'requested', request.action),
    resource: { type: 'approval', id: approval.id },
    subjectUserId: request.subjectUserId,
    after: approval,
  });
  return approval;
}

/** Read and not locked. @errors approval_pending_exists */
async function refuseWhilePending(tx: Tx, { action, subjectId }: ApprovalRequest): Promise<void> {
  const [pending] = await tx
    .select({ id: approvals.id })
    .from(approvals)
    .where(
      and(eq(approvals.action, action), eq(approvals.subjectId, subjectId), inArray(approvals.status, OPEN)),
    );
  if (pending !== undefined) {
    throw refuse('approval_pending_exists');
  }
}

/** Binds a decision to what was shown to the checkers. */
export function payloadHash(payload: { readonly [key: string]: Json }): Uint8Array {
  return sha256(canonicalJson(payload));
}
