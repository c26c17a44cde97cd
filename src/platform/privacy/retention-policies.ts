import type { InferSelectModel } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Deps } from '../context.ts';
import type { Tx } from '../db/client.ts';
import type { RecordClass } from './record-classes.ts';
import { retentionPolicies } from './schema.ts';

export type RetentionPolicy = InferSelectModel<typeof retentionPolicies>;

/** How long the classes are kept just now. @units months */
export type KeptMonths = (recordClass: RecordClass) => number;

const MONTHS_OF_YEAR = 12;

/**
 * Reads the policies; one without months follows the installation's setting.
 * @errors an assertion where a class has no policy: nothing of it is ever due (I9)
 */
export async function readKeptMonths(tx: Tx, deps: Deps): Promise<KeptMonths> {
  const rows = await tx.select().from(retentionPolicies);
  const months = new Map(rows.map((policy) => [policy.recordClass, monthsOf(policy, deps)]));
  return (recordClass) => present(months.get(recordClass), `the class ${recordClass} has a retention policy`);
}

/** How long one policy keeps. @units months */
export function monthsOf(policy: Pick<RetentionPolicy, 'months'>, deps: Deps): number {
  return policy.months ?? deps.retentionYears * MONTHS_OF_YEAR;
}
