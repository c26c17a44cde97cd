import { and, asc, count, eq, isNotNull } from 'drizzle-orm';
import { canonicalJson } from '../../../kernel/canonical-json.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { ruleHitAlerts } from '../monitoring/schema.ts';
import { monitoringVendorRequests, vendorRequests } from '../vendors/schema.ts';
import type { AmlAlert } from './alert-events.ts';
import { itemsOf, type KeptItem } from './alert-items.ts';

/**
 * What binds a decision to all that was there to look at: how grave the alert is, the listed entries and the person in
 * the states they had, what rules and vendors found, and of a payer each payment. The same found again changes nothing.
 * @units hexadecimal
 */
export async function evidenceDigest(tx: Tx, alert: AmlAlert): Promise<string> {
  // Hits are never taken out of an alert, so their number says which they are.
  const [hits] = await tx
    .select({ count: count() })
    .from(ruleHitAlerts)
    .where(eq(ruleHitAlerts.alertId, alert.id));
  const [assessments] = await tx
    .select({ count: count() })
    .from(monitoringVendorRequests)
    .where(eq(monitoringVendorRequests.alertId, alert.id));
  const vendors = await tx
    .selectDistinct({ digest: vendorRequests.matchDigest })
    .from(vendorRequests)
    .where(and(eq(vendorRequests.alertId, alert.id), isNotNull(vendorRequests.matchDigest)))
    .orderBy(asc(vendorRequests.matchDigest));
  return hexOf(
    sha256(
      canonicalJson({
        severity: alert.severity,
        effect: alert.effect,
        points: alert.points,
        items: (await itemsOf(tx, alert.id)).map(stateOf).toSorted(),
        hits: hits?.count ?? 0,
        assessments: assessments?.count ?? 0,
        vendors: vendors.map(({ digest }) => hexOf(digest ?? new Uint8Array())),
        payments: alert.kind === 'third_party' ? alert.occurrences : 0,
      }),
    ),
  );
}

function stateOf(item: KeptItem): string {
  const { listId, sourceId, party, screeningHash, subjectDigest } = item;
  return [listId, sourceId, party, hexOf(screeningHash), hexOf(subjectDigest ?? new Uint8Array())].join('\n');
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
