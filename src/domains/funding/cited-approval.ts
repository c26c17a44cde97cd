import { eq } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import type { Tx } from '../../platform/db/client.ts';
import { approvals } from '../../platform/db/schema.ts';
import { refuseFunding } from './errors.ts';

/**
 * The approval a caller cites as evidence, which must have taken effect on this very subject.
 * @errors approval_unknown (another action or subject counts as none), approval_not_granted
 */
export async function requireExecuted(
  tx: Tx,
  cited: { readonly approvalId: Id; readonly action: string; readonly subjectId: Id },
): Promise<Approval> {
  const [approval] = await tx.select().from(approvals).where(eq(approvals.id, cited.approvalId));
  if (approval?.action !== cited.action || approval.subjectId !== cited.subjectId) {
    throw refuseFunding('approval_unknown');
  }
  if (approval.status !== 'executed') {
    throw refuseFunding('approval_not_granted', { detail: `The approval is ${approval.status}.` });
  }
  return approval;
}
