/**
 * Where money that came over a bank goes back to: whoever the bank named when it came. The line is evidence that no
 * login rewrites; its keyed hash is put before the checkers, and the debit that pays it back is held against it.
 */
import { eq, sql } from 'drizzle-orm';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { isSameHolder } from './holder-name.ts';
import { counterpartyOf } from './statement-store.ts';
import { statementDebits } from './work/schema.ts';

/** The keyed hash of a line's other side, opened anew; null without a line. @errors SealError */
export async function payerHashOf(tx: Tx, ctx: Ctx, lineId: Id | null): Promise<string | null> {
  const payer = lineId === null ? null : await counterpartyOf(tx, ctx, lineId);
  if (payer === null) {
    return null;
  }
  const { name, account, bank = null } = payer;
  const hash = ctx.deps.keyring.blindIndex('refund.payer', canonicalJson({ name, account, bank }));
  return Buffer.from(hash).toString('hex');
}

/**
 * Whether a debit pays back, by a journal that sends money back, somebody else than who had paid, or does not say whom.
 * What came over a provider, or was vouched for by people alone, has no payer to compare with.
 * @errors SealError
 */
export async function goesElsewhere(tx: Tx, ctx: Ctx, debitId: Id, journalId: Id): Promise<boolean> {
  const came = await lineSentBackBy(tx, journalId);
  if (came === null) {
    return false;
  }
  const [debit] = await tx
    .select({ lineId: statementDebits.statementLineId })
    .from(statementDebits)
    .where(eq(statementDebits.id, debitId));
  const payer = await counterpartyOf(tx, ctx, came);
  const paid = debit === undefined ? null : await counterpartyOf(tx, ctx, debit.lineId);
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
