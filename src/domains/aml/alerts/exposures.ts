import { and, eq, inArray, ne, or } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Exposure } from '../../../platform/domain.ts';
import { amlAlerts } from '../schema.ts';

/** Kinds that stop nobody, and say that somebody is taken on by more than one. */
const EXPOSING = ['pep', 'adverse_media'];

/**
 * Whether a person, or somebody behind them, may hold an office or have a bad name by an alert that nobody closed, or
 * does by one that two people did. Screening and whoever decides on an application hold the same gate.
 */
export async function alertExposures(tx: Tx, userId: Id): Promise<readonly Exposure[]> {
  const found = await tx
    .selectDistinct({ status: amlAlerts.status })
    .from(amlAlerts)
    .where(
      and(
        eq(amlAlerts.userId, userId),
        inArray(amlAlerts.kind, EXPOSING),
        or(ne(amlAlerts.status, 'resolved'), eq(amlAlerts.disposition, 'true_match')),
      ),
    );
  return found.map(({ status }) => (status === 'resolved' ? 'confirmed' : 'undecided'));
}
