import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { cancelApprovals, lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { changeGate, lockGateExclusively } from '../identity/index.ts';
import { refuseKyc } from './errors.ts';
import { askSenior } from './review/ask-senior.ts';
import { judge } from './review/judge.ts';
import { type SentBack, sendBack } from './review/settle-items.ts';
import {
  type ApplicantReason,
  approveLocked,
  type KycOutcome,
  writeDecision,
} from './review/write-decision.ts';
import { isDecidable } from './rules.ts';
import { kycApplications } from './schema.ts';
import { findApplication, type KycApplication } from './store.ts';

export type DecisionMore = {
  readonly reasonCode?: ApplicantReason | undefined;
  /** What has to be shown again; every document that was not accepted unless given. */
  readonly items?: readonly SentBack[] | undefined;
};

/**
 * A reviewer's decision. Approval needs a clear screening and, where one reviewer is not enough, the agreement of a
 * senior person, for which it then waits; the gate changes in the same transaction as the decision, so that the
 * next money transaction obeys it. Who asked for a higher level keeps what they have where that is refused.
 * @effects `kyc_applications`, `kyc_items`, `kyc_decisions`, `customer_gates`; audit; event
 *   `kyc.application_decided`; or one row of `approvals`
 * @errors not_found, self_review, application_not_submitted, screening_not_clear, items_sent_back, items_missing,
 *   risk_not_rated, risk_prohibited, approval_pending_exists
 * @shape the application, or the approval that it waits for
 */
export async function decideApplication(
  ctx: Ctx,
  applicationId: Id,
  outcome: KycOutcome,
  reason: string,
  more: DecisionMore = {},
): Promise<{ readonly application: KycApplication } | { readonly approval: Approval }> {
  const reviewerId = present(personOf(ctx.actor), 'a reviewer is a person');
  return transact(ctx, 'staff', async (tx) => {
    const { userId } = await findApplication(tx, applicationId);
    if (userId === reviewerId) {
      throw refuseKyc('self_review');
    }
    const waiting = await lockOpenApprovals(tx, applicationId);
    await lockGateExclusively(tx, userId);
    const application = present(await lockRow(tx, kycApplications, applicationId), 'the application exists');
    if (!isDecidable(application.status)) {
      throw refuseKyc('application_not_submitted');
    }
    const judgement = await judge(tx, ctx, application);
    if (outcome === 'approved') {
      if (judgement.blocked !== null) {
        throw refuseKyc(judgement.blocked);
      }
      if (judgement.senior.length > 0) {
        return { approval: await askSenior(tx, ctx, application, judgement, reason) };
      }
      const decision = { reason, reviewerId, approvalId: null, judgement };
      return { application: await approveLocked(tx, ctx, application, decision) };
    }
    await cancelApprovals(tx, ctx, waiting);
    const sentBack =
      outcome === 'resubmission_required'
        ? await sendBack(tx, ctx, application, more.items, judgement.missing)
        : [];
    if (!application.isUpgrade) {
      await changeGate(tx, ctx, userId, { kycStatus: outcome });
    }
    const reasonCode =
      more.reasonCode ?? (outcome === 'rejected' ? 'not_eligible' : 'information_incomplete');
    const evidence = { ...judgement.evidence, sentBack };
    const decision = { outcome, reason, reasonCode, reviewerId, approvalId: null };
    return {
      application: await writeDecision(tx, ctx, application, {
        ...decision,
        judgement: { ...judgement, evidence },
      }),
    };
  });
}
