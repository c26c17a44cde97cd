import { eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { equalSecrets, sha256 } from '../../platform/crypto/keyring.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { gateRefusal, lockGates } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { freshenPayouts, refuseUnscreened } from './freshen-payouts.ts';
import {
  accountOfFile,
  isRepayment,
  isWithdrawal,
  ownersOf,
  type Payment,
  type PayoutFile,
  paidBy,
  payoutBytes,
} from './payout-file.ts';
import { isVoid, keepDownload } from './payouts/file-history.ts';
import { refusePaid } from './repayments/refuse-paid.ts';
import { freshenRepayments, refuseHeld } from './repayments/screen-repayments.ts';
import { payoutFiles, withdrawals } from './schema.ts';
import { refuseIfDebited } from './statement-debits.ts';
import { repayments } from './work/schema.ts';

/**
 * The file for the bank, the same bytes each time. If a payee, an amount or the account were changed
 * since, or a person was erased, it is refused instead of made anew; and while a payee's customer may not pay
 * out, so that what was made before they were stopped does not leave after it. So is one of which a payment is no
 * longer under way: its money may be free again, or have left. Freshen it first, in transactions of their own.
 * @effects one row of `payout_file_downloads`; audit `payout_file.downloaded`
 * @errors not_found, payout_file_void, payout_file_stopped, payout_on_statement, payout_may_leave,
 *   approver_cannot_pay_out, screening_behind,
 *   repayment_held, destination_changed, payout_file_changed
 */
export async function downloadPayoutFile(
  ctx: Ctx,
  fileId: Id,
): Promise<{ readonly bytes: Uint8Array; readonly name: string }> {
  return transact(ctx, 'engine', async (tx) => {
    const [file] = await tx.select().from(payoutFiles).where(eq(payoutFiles.id, fileId));
    if (file === undefined) {
      throw refuse('not_found');
    }
    const paid = await lockPayable(tx, ctx, file);
    const people = paid.filter(isWithdrawal).map((row) => row.userId);
    const keys = await ctx.deps.personKeys.ofMany(tx, people);
    if (!people.every((userId) => keys.has(userId))) {
      throw refuseFunding('payout_file_changed');
    }
    const bytes = await payoutBytes(tx, ctx, file, await accountOfFile(tx, file), paid);
    if (!equalSecrets(sha256(bytes), file.fileHash)) {
      throw refuseFunding('payout_file_changed');
    }
    await keepDownload(
      tx,
      ctx,
      file.id,
      present(personOf(ctx.actor), 'a payout file is fetched by a person'),
    );
    await record(tx, ctx, {
      event: FUNDING_EVENTS['payout_file.downloaded'],
      resource: { type: 'payout_file', id: file.id },
      subjectUserId: null,
      after: file,
    });
    return { bytes, name: `${file.messageId}.xml` };
  });
}

/**
 * Holds those paid by a file against the lists that became active since it was made: days may lie between.
 * @effects as `freshenPayouts` and `freshenRepayments`, for what has not been settled
 * @errors destination_changed
 */
export async function freshenPayoutFile(ctx: Ctx, fileId: Id): Promise<void> {
  const paid = await transact(ctx, 'engine', (tx) => paidBy(tx, { id: fileId }));
  const begun = paid.filter(({ status }) => status === 'processing' || status === 'in_file');
  await freshenPayouts(ctx, idsOf(begun.filter(isWithdrawal)));
  await freshenRepayments(ctx, idsOf(begun.filter(isRepayment)));
}

function idsOf(payments: readonly Payment[]): readonly Id[] {
  return payments.map(({ id }) => id);
}

/**
 * The payments of a file, in its order, if the bank may be told to make every one of them. Gates first, then the
 * rows: whoever sets one of them free waits for this transaction, and then finds the download.
 * @errors payout_file_void, payout_file_stopped, payout_on_statement, payout_may_leave, approver_cannot_pay_out,
 *   screening_behind, repayment_held
 */
async function lockPayable(tx: Tx, ctx: Ctx, file: PayoutFile): Promise<readonly Payment[]> {
  const known = await paidBy(tx, file);
  const gates = await lockGates(tx, await ownersOf(tx, known));
  const locked = await lockRows(tx, withdrawals, idsOf(known.filter(isWithdrawal)));
  const owed = await lockRows(tx, repayments, idsOf(known.filter(isRepayment)));
  if (await isVoid(tx, file.id)) {
    throw refuseFunding('payout_file_void');
  }
  const settled =
    locked.find(({ status }) => status !== 'processing') ??
    owed.find(({ status, fileId }) => status !== 'in_file' || fileId !== file.id);
  if (settled !== undefined) {
    throw refuseFunding('payout_file_stopped', { detail: `Payment ${settled.id} is ${settled.status}.` });
  }
  if (locked.some(({ userId }) => gateRefusal(gates.get(userId), 'money_out') !== null)) {
    throw refuseFunding('payout_file_stopped');
  }
  await refuseUnscreened(tx, ctx, locked);
  for (const row of locked) {
    await refuseIfDebited(tx, row, 'people');
  }
  await refusePaid(tx, ctx, owed);
  await refuseHeld(tx, owed);
  return paidBy(tx, file);
}
