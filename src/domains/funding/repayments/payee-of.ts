import { eq } from 'drizzle-orm';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Ctx } from '../../../platform/context.ts';
import { equalSecrets } from '../../../platform/crypto/keyring.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { refuseFunding } from '../errors.ts';
import { partyOf, payerOf } from '../paid-back-to.ts';
import type { PaymentParty } from '../providers/payout-provider.ts';
import { opened } from '../refuse-if-changed.ts';
import { refuseVoter } from '../refuse-payer.ts';
import { deposits } from '../schema.ts';
import { ownerOf, type Repayment } from './repayment-status.ts';

/**
 * Whom a repayment is paid to: the payer on the line that brought the money, opened and hashed anew. Nobody can name
 * another: there is no other place that says who it is.
 * @errors destination_changed
 */
export async function payeeOf(
  tx: Tx,
  ctx: Ctx,
  { statementLineId, payerHash }: Repayment,
): Promise<PaymentParty> {
  const known = statementLineId === null ? null : ((await opened(payerOf(tx, ctx, statementLineId))) ?? null);
  const party = known === null ? null : partyOf(known.payer);
  if (known === null || party === null || payerHash === null || !equalSecrets(known.hash, payerHash)) {
    throw refuseFunding('destination_changed');
  }
  return party;
}

/**
 * Whether a file can pay a repayment back: the line that brought the money names an account of its payer, who paid the
 * bank itself. What came over a provider is the provider's to give back: its line names the provider.
 */
export async function isPayableByFile(
  tx: Tx,
  ctx: Ctx,
  { depositId, statementLineId }: Pick<Repayment, 'depositId' | 'statementLineId'>,
): Promise<boolean> {
  const [deposit] =
    depositId === null
      ? []
      : await tx
          .select({ providerEventId: deposits.providerEventId })
          .from(deposits)
          .where(eq(deposits.id, depositId));
  if (statementLineId === null || (deposit !== undefined && deposit.providerEventId !== null)) {
    return false;
  }
  const known = await opened(payerOf(tx, ctx, statementLineId));
  return known != null && partyOf(known.payer) !== null;
}

/**
 * Whether the acting person may pay a repayment as it stands: it is not theirs, it is what two people agreed to send
 * back and to whom, and they were not one of those who agreed.
 * @errors self_action, approved_request_changed, destination_changed, approver_cannot_pay_out
 */
export async function refuseRepayer(tx: Tx, ctx: Ctx, row: Repayment): Promise<void> {
  const owner = await ownerOf(tx, row);
  if (owner !== null) {
    refuseSelfAction(ctx, owner);
  }
  const [found] = await tx.select().from(approvals).where(eq(approvals.id, row.approvalId));
  const { status, subjectId, payload } = present(found, 'a repayment has its approval');
  const agreed = payload as { readonly [key: string]: unknown };
  const isAsAgreed =
    status === 'executed' &&
    subjectId === (row.depositId ?? row.receiptId) &&
    agreed.asset === row.asset &&
    (agreed.takeBack ?? agreed.amount) === formatAmount(row.amount) &&
    agreed.statementLineId === row.statementLineId &&
    agreed.payerHash === hexOf(row.payerHash);
  if (!isAsAgreed) {
    throw refuseFunding('approved_request_changed');
  }
  await payeeOf(tx, ctx, row);
  await refuseVoter(tx, ctx, row.approvalId);
}

function hexOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}
