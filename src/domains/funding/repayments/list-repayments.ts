import { and, desc, eq, lt } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { recordReads } from '../../identity/index.ts';
import { refuseOwnRepayment } from '../refuse-own-evidence.ts';
import { counterpartyOf } from '../statement-store.ts';
import { repayments } from '../work/schema.ts';
import { REPAYMENT_EVENTS } from './audit.ts';
import { ownerOf, type Repayment } from './repayment-status.ts';

export type RepaymentQuery = PageRequest & { readonly status?: Repayment['status'] | undefined };

/** Money that goes back to whoever had paid it, newest first. @errors invalid_cursor */
export async function listRepayments(ctx: Ctx, query: RepaymentQuery): Promise<Page<Repayment>> {
  const key = ctx.deps.keyring.cursorKey;
  const listing = `repayments ${query.status ?? ''}`;
  const [before] = query.cursor === undefined ? [] : readCursor(key, listing, query.cursor);
  const rows = await transact(ctx, 'staff', (tx) =>
    tx
      .select()
      .from(repayments)
      .where(
        and(
          query.status === undefined ? undefined : eq(repayments.status, query.status),
          before === undefined ? undefined : lt(repayments.id, before),
        ),
      )
      .orderBy(desc(repayments.id))
      .limit(query.limit + 1),
  );
  return cutPage(key, listing, rows, query.limit, (row) => [row.id]);
}

/**
 * One repayment with whom it goes back to, as the bank named them: what those who pay it by hand or look into it need.
 * @effects audit `repayment.read`
 * @errors not_found, self_action
 */
export async function getRepayment(ctx: Ctx, repaymentId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [row] = await tx.select().from(repayments).where(eq(repayments.id, repaymentId));
    if (row === undefined) {
      throw refuse('not_found');
    }
    await refuseOwnRepayment(tx, ctx, row.id);
    const payer = row.statementLineId === null ? null : await counterpartyOf(tx, ctx, row.statementLineId);
    await recordReads(tx, ctx, [
      {
        event: REPAYMENT_EVENTS['repayment.read'],
        resource: { type: 'repayment', id: row.id },
        subjectUserId: await ownerOf(tx, row),
        after: row,
      },
    ]);
    const payee = payer && { name: payer.name, account: payer.account, bank: payer.bank ?? null };
    return { ...row, payee };
  });
}
