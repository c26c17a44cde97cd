import { and, asc, gt, sql } from 'drizzle-orm';
import { type ActivitySource, FIRST_ID, NO_ACTIVITY, positionById } from '../../platform/activity.ts';
import { transfers } from './schema.ts';

/** What people moved between their own accounts; play money is nobody's, and tells nothing of anybody. */
const transferSource: ActivitySource = {
  name: 'ledger.transfers',
  read: async (tx, after, limit) => {
    const rows = await tx
      .select()
      .from(transfers)
      .where(
        and(
          gt(transfers.id, after === '' ? FIRST_ID : after),
          sql`exists (select from accounts a where a.id = ${transfers.fromAccountId} and a.type = 'live')`,
        ),
      )
      .orderBy(asc(transfers.id))
      .limit(limit);
    return rows.map((row) => ({
      activity: {
        ...NO_ACTIVITY,
        source: 'ledger.transfers',
        sourceId: row.id,
        kind: 'transfer',
        userId: row.userId,
        accountId: row.fromAccountId,
        occurredAt: row.createdAt,
        asset: row.asset,
        amount: row.amount,
        data: { toAccountId: row.toAccountId },
      },
      position: row.id,
    }));
  },
  positionAt: positionById,
};

/** What the ledger tells of what people did. */
export const ledgerActivity: readonly ActivitySource[] = [transferSource];
