/**
 * What somebody else said and one person brings as a file: a bank's statement, a custodian's report. Whoever imports one
 * could have written it, so that it waits until a second person compared it with what its sender shows, and is void
 * where nobody did. Confirming and giving up bind both to the file as it is kept.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { present } from '../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import type { AuditEvent } from '../../platform/audit/events.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { CHECKERS } from './checkers.ts';
import { refuseFunding } from './errors.ts';

export type FilePayload = { readonly [key: string]: Json };

/** The table that keeps such files, and what is recorded when one counts or ceases to. */
export type FileKind = {
  readonly type: 'bank_statement' | 'custody_report';
  readonly table: PgTable;
  readonly confirmed: AuditEvent;
  readonly voided: AuditEvent;
};

/** Puts it before another person. @effects those of `requestApproval` @errors approval_pending_exists */
export function askAboutFile(
  tx: Tx,
  ctx: Ctx,
  { type }: FileKind,
  asked: {
    readonly to: 'confirm' | 'void';
    readonly id: Id;
    readonly payload: FilePayload;
    readonly reason: string;
  },
): Promise<Approval> {
  return requestApproval(tx, ctx, {
    action: `${type}.${asked.to}`,
    subjectType: type,
    subjectId: asked.id,
    subjectUserId: null,
    payload: asked.payload,
    quorum: 1,
    checkerRoles: CHECKERS,
    reason: asked.reason,
  });
}

/** The vote on such a file: what was shown to the second person is what is kept, or it is refused. */
export function fileVote<Held>(
  { type }: FileKind,
  vote: {
    readonly to: 'confirm' | 'void';
    readonly lock: (tx: Tx, ctx: Ctx, id: Id) => Promise<Held>;
    readonly payloadOf: (held: Held) => FilePayload;
    readonly agreed: (tx: Tx, ctx: Ctx, held: Held, approvalId: Id) => Promise<void>;
    readonly declined?: (tx: Tx, ctx: Ctx, held: Held) => Promise<void>;
  },
): ApprovalAction {
  const { declined } = vote;
  const refused: NonNullable<ApprovalAction['refused']> = async (ctx, approved) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    await declined?.(tx, ctx, await vote.lock(tx, ctx, approved.subjectId));
  };
  return {
    action: `${type}.${vote.to}`,
    // Without such files nothing is reconciled, and recovery ends by a reconciliation.
    inRecovery: true,
    execute: async (ctx, approved) => {
      const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
      const held = await vote.lock(tx, ctx, approved.subjectId);
      if (canonicalJson(vote.payloadOf(held)) !== canonicalJson(approved.payload as Json)) {
        throw refuseFunding('approved_request_changed');
      }
      await vote.agreed(tx, ctx, held, approved.approvalId);
    },
    ...(declined === undefined ? {} : { refused }),
  };
}

/**
 * Says whether a locked file counts.
 * @effects its row; the audit event of its kind
 */
export async function stand<File extends { readonly id: Id }>(
  tx: Tx,
  ctx: Ctx,
  { type, table, confirmed, voided }: FileKind,
  before: File,
  standing: 'confirmed' | 'void',
  voidId: Id | null = null,
): Promise<void> {
  const change: SQL = sql`set standing = ${standing}::statement_standing, void_id = ${voidId}::uuid`;
  const [row] = await tx.execute(sql`update ${table} ${change} where id = ${before.id} returning id`);
  present(row, 'the file was locked');
  await record(tx, ctx, {
    event: standing === 'confirmed' ? confirmed : voided,
    resource: { type, id: before.id },
    subjectUserId: null,
    before,
    after: { ...before, standing, voidId },
  });
}
