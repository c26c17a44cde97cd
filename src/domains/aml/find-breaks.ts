import type { SQL } from 'drizzle-orm';
import type { Tx } from '../../platform/db/client.ts';
import type { CheckResult } from '../../platform/domain.ts';

/** Runs a check made of two queries: one counts as `seen`, one finds each `object` with its `detail`. */
export async function findBreaks(tx: Tx, count: SQL, breaks: SQL): Promise<CheckResult> {
  const [counted] = await tx.execute<{ seen: number }>(count);
  const rows = await tx.execute<{ object: string; detail: string }>(breaks);
  return { seen: counted?.seen ?? 0, breaks: rows.map(({ object, detail }) => ({ object, detail })) };
}
