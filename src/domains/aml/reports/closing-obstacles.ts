import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { ClosingObstacle } from '../../../platform/domain.ts';

/** What the authorities wait for keeps a relationship open, in the words that are used for any review. */
export async function reportObstacles(tx: Tx, userId: Id): Promise<readonly ClosingObstacle[]> {
  const [open] = await tx.execute<{ waiting: boolean }>(sql`
    select exists (select 1 from aml_case_subjects s
      where s.user_id = ${userId} and (
        exists (select 1 from suspicious_reports r
          where r.case_id = s.case_id and r.status in ('draft', 'ready', 'approved'))
        or exists (select 1 from sanctions_notices n where n.case_id = s.case_id and n.status <> 'sent')
      )) as waiting`);
  return open?.waiting === true ? [{ code: 'under_review', detail: 'The account is under review' }] : [];
}
