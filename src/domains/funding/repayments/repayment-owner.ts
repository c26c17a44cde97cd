import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';

/**
 * Whose money a repayment is, in a query over `repayments` by that name: of a deposit its customer's, of a receipt theirs
 * whom the vote that sent it back says. A vote of before votes said so is about whoever the line names, whoever paid.
 */
export const repaymentOwner = sql<Id | null>`(
  select coalesce(d.user_id, case when a.payload -> 'ownerId' is null
    then coalesce(a.subject_user_id, w.user_id, n.user_id) else (a.payload ->> 'ownerId')::uuid end)
  from approvals a
    left join deposits d on d.id = repayments.deposit_id
    left join unallocated_receipts u on u.id = repayments.receipt_id
    left join deposits n on n.id = u.deposit_id
    left join bank_statement_lines l on l.id = u.statement_line_id
    left join withdrawals w on w.payout_reference = l.end_to_end_id
  where a.id = repayments.approval_id)`;
