import { eq } from 'drizzle-orm';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets } from '../../platform/crypto/keyring.ts';
import { SealError } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { approvals } from '../../platform/db/schema.ts';
import { type Destination, destinationHash } from './destination.ts';
import { refuseFunding } from './errors.ts';
import { openTravelRule, travelRuleHash } from './kept-travel-rule.ts';
import { beneficiaries } from './schema.ts';
import { destinationOfBeneficiary, destinationOfWithdrawal, type Withdrawal } from './store.ts';
import { APPROVE_WITHDRAWAL, alsoAskedIn, approvalPayload } from './withdrawal-payload.ts';

/**
 * Holds a withdrawal to what was put before its checkers: every figure of the row to the approval's
 * payload, its Travel Rule data, opened and hashed anew, to the hash there, and the payee to the hash in both. The
 * beneficiary's own row must still say the same, so that neither copy can be swapped without notice.
 * @shape the withdrawal's approval
 * @errors approved_request_changed, destination_changed
 */
export async function refuseIfChanged(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<Approval> {
  const approval = await approvalOf(tx, withdrawal);
  if (approval === undefined || !(await isAsAsked(tx, ctx, withdrawal, approval))) {
    throw refuseFunding('approved_request_changed');
  }
  const [beneficiary] = await tx
    .select()
    .from(beneficiaries)
    .where(eq(beneficiaries.id, withdrawal.beneficiaryId));
  if (beneficiary?.userId !== withdrawal.userId) {
    throw refuseFunding('destination_changed');
  }
  const copies = [
    await opened(destinationOfWithdrawal(tx, ctx, withdrawal)),
    await opened(destinationOfBeneficiary(tx, ctx, beneficiary)),
  ];
  if (!copies.every((copy) => isAsRequested(ctx, withdrawal, copy))) {
    throw refuseFunding('destination_changed');
  }
  return approval;
}

async function isAsAsked(tx: Tx, ctx: Ctx, withdrawal: Withdrawal, { payload }: Approval): Promise<boolean> {
  const kept = await opened(openTravelRule(tx, ctx, withdrawal));
  if (kept === undefined) {
    return false;
  }
  const asked = alsoAskedIn(payload);
  const isNamed = asked.travelRuleHash !== undefined;
  const stored = approvalPayload(withdrawal, {
    ...asked,
    travelRuleHash: isNamed ? travelRuleHash(ctx.deps.keyring, kept) : undefined,
  });
  return canonicalJson(payload as Json) === canonicalJson(stored);
}

async function approvalOf(tx: Tx, withdrawal: Withdrawal): Promise<Approval | undefined> {
  if (withdrawal.approvalId === null) {
    return undefined;
  }
  const [approval] = await tx.select().from(approvals).where(eq(approvals.id, withdrawal.approvalId));
  const isIts = approval?.action === APPROVE_WITHDRAWAL && approval.subjectId === withdrawal.id;
  return isIts ? approval : undefined;
}

/** A ciphertext that was put there from elsewhere does not open: that is a changed one. */
export async function opened<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof SealError) {
      return undefined;
    }
    throw error;
  }
}

function isAsRequested(ctx: Ctx, withdrawal: Withdrawal, copy: Destination | undefined): boolean {
  return (
    copy !== undefined && equalSecrets(destinationHash(ctx.deps.keyring, copy), withdrawal.destinationHash)
  );
}
