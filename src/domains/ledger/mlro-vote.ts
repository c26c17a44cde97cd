import { sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';

/** Whether an MLRO may vote on an approval at all: what it moves may have grown since it was asked. */
export async function admitsMlro(tx: Tx, approvalId: Id): Promise<boolean> {
  const rows = await tx.execute(sql`
    select 1 from approvals where id = ${approvalId} and 'mlro' = any (checker_roles)`);
  return rows.length > 0;
}

/** Whether one of those who approved is an MLRO now. */
export async function isMlroAmong(tx: Tx, checkerIds: readonly Id[]): Promise<boolean> {
  const rows = await tx.execute(sql`
    select 1 from role_grants
    where role = 'mlro' and user_id = any (${sql.param([...checkerIds])}::uuid[]) limit 1`);
  return rows.length > 0;
}
