/**
 * Where money that came over a bank goes back to: whoever the bank named when it came. The line is evidence that no
 * login rewrites and the one place that says who it was; its keyed hash is put before the checkers, and both the file
 * that pays it back and the debit that shows it are held against it.
 */
import { eq, sql } from 'drizzle-orm';
import { electronicFormatIBAN, isValidBIC, isValidIBAN } from 'ibantools';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { bicFitsIban } from './bank-code.ts';
import type { Counterparty } from './camt-053.ts';
import { isSameHolder } from './holder-name.ts';
import type { PaymentParty } from './providers/payout-provider.ts';
import { counterpartyOf } from './statement-store.ts';
import { statementDebits } from './work/schema.ts';

/** The keyed hash of a line's other side, opened anew; null without a line. @errors SealError */
export async function payerHashOf(tx: Tx, ctx: Ctx, lineId: Id | null): Promise<string | null> {
  const known = lineId === null ? null : await payerOf(tx, ctx, lineId);
  return known === null ? null : Buffer.from(known.hash).toString('hex');
}

/** Who paid by a line, with the keyed hash of that; null without a line. @errors SealError */
export async function payerOf(
  tx: Tx,
  ctx: Ctx,
  lineId: Id,
): Promise<{ readonly payer: Counterparty; readonly hash: Uint8Array } | null> {
  const payer = await counterpartyOf(tx, ctx, lineId);
  if (payer === null) {
    return null;
  }
  const { name, account, bank = null } = payer;
  return { payer, hash: ctx.deps.keyring.blindIndex('refund.payer', canonicalJson({ name, account, bank })) };
}

/** As whom a file can pay somebody back; null where the bank did not name an account of a bank, or not whole. */
export function partyOf({ name, account, bank = null }: Counterparty): PaymentParty | null {
  const iban = account === null ? null : electronicFormatIBAN(account);
  const isWhole = name !== null && iban !== null && bank !== null && isValidIBAN(iban) && isValidBIC(bank);
  return isWhole && bicFitsIban(bank, iban) ? { name, iban, bic: bank } : null;
}

/**
 * Whether a debit pays back, by a journal that sends money back, somebody else than who had paid, or does not say whom.
 * What came over a provider, or was vouched for by people alone, has no payer to compare with.
 * @errors SealError
 */
export async function goesElsewhere(tx: Tx, ctx: Ctx, debitId: Id, journalId: Id): Promise<boolean> {
  const came = await lineSentBackBy(tx, journalId);
  const [debit] = await tx
    .select({ lineId: statementDebits.statementLineId })
    .from(statementDebits)
    .where(eq(statementDebits.id, debitId));
  return isPaidElsewhere(tx, ctx, came, debit?.lineId ?? null);
}

/** The same of the line that money came by and the one it left by. @errors SealError */
export async function isPaidElsewhere(tx: Tx, ctx: Ctx, came: Id | null, left: Id | null): Promise<boolean> {
  if (came === null) {
    return false;
  }
  const payer = await counterpartyOf(tx, ctx, came);
  const paid = left === null ? null : await counterpartyOf(tx, ctx, left);
  if (payer?.account != null) {
    return paid?.account !== payer.account;
  }
  return payer?.name == null || paid?.name == null || !isSameHolder(paid.name, payer.name);
}

/** The line that brought what a journal sends back; null where it sends nothing back, or no line brought it. */
async function lineSentBackBy(tx: Tx, journalId: Id): Promise<Id | null> {
  const [row] = await tx.execute<{ line: Id | null }>(sql`
    select coalesce(r.statement_line_id, d.statement_line_id) as line from journals j
      left join unallocated_receipts r on j.reference_type = 'unallocated_receipt' and r.id = j.reference_id
        and r.closing_journal_id = j.id and r.status = 'returned'
      left join deposits d on j.reference_type = 'deposit' and d.id = j.reference_id and exists (
        select 1 from approvals a where a.id::text = j.metadata ->> 'reversalApprovalId'
          and a.subject_id = d.id and a.action = 'deposit.refund')
    where j.id = ${journalId}`);
  return row?.line ?? null;
}
