import type { SQL } from 'drizzle-orm';
import type { Tx } from './db/client.ts';
import type { CheckResult } from './domain.ts';

/**
 * Runs a check that is two queries: how many objects there are, and which of them are broken.
 * @shape `count` one row with `seen`; `breaks` a row with `object` and `detail` for each
 */
export async function look(tx: Tx, count: SQL, breaks: SQL): Promise<CheckResult> {
  const [counted] = await tx.execute<{ seen: number }>(count);
  const rows = await tx.execute<{ object: string; detail: string }>(breaks);
  return { seen: counted?.seen ?? 0, breaks: rows.map(({ object, detail }) => ({ object, detail })) };
}
