import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { AmlAlert } from '../alerts/alert-events.ts';
import { itemsOf, type KeptItem } from '../alerts/alert-items.ts';
import { lockOpenAlert } from '../alerts/lock-alert.ts';
import { refuseAml } from '../errors.ts';
import { whitelistItems } from './whitelist-items.ts';

/** A listed entry, as an alert names it. */
type NamedEntry = { readonly listId: Id; readonly sourceId: string; readonly party: string };

export type WhitelistAddition = {
  readonly alertId: Id;
  readonly entries: readonly NamedEntry[];
  readonly days: number;
  readonly reason: string;
};

/**
 * Asks a second person to agree that whom an open alert is about is not some of the entries it names. The alert
 * stays open, and the gate as it is: what else it names is still to be looked at, and its closing is another step.
 * @effects one row of `approvals`; audit `restricted_approval.requested`
 * @errors not_found, alert_resolved, self_review, alert_confirmed, whitelist_entry_unknown, approval_pending_exists
 */
export async function requestWhitelistEntries(ctx: Ctx, addition: WhitelistAddition): Promise<Approval> {
  const askerId = present(personOf(ctx.actor), 'an entry is asked for by a person');
  return transact(ctx, 'staff', async (tx) => {
    const { alert } = await lockOpenAlert(tx, addition.alertId);
    if (alert.userId === askerId) {
      throw refuseAml('self_review');
    }
    refuseConfirmed(alert);
    const items = await namedItems(tx, alert, addition.entries);
    return requestApproval(tx, ctx, {
      action: addWhitelistAction.action,
      subjectType: 'aml_alert',
      subjectId: alert.id,
      subjectUserId: alert.userId,
      payload: {
        entries: addition.entries.map((entry) => ({ ...entry })),
        evidence: stateOf(items),
        whitelistDays: addition.days,
      },
      quorum: 1,
      checkerRoles: ['compliance_officer', 'mlro'],
      reason: addition.reason,
    });
  });
}

/** Runs when a second person agrees: of these entries, in the states and as the person was when it was asked. */
export const addWhitelistAction: ApprovalAction = {
  action: 'aml_whitelist.add',
  restricted: true,
  execute: async (ctx, approved) => {
    const tx = present(ctx.tx, 'approved actions run in the transaction of the vote');
    const { alert } = await lockOpenAlert(tx, approved.subjectId);
    refuseConfirmed(alert);
    const entries = approved.payload.entries as readonly (NamedEntry & { [key: string]: Json })[];
    const items = await namedItems(tx, alert, entries);
    if (approved.payload.evidence !== stateOf(items)) {
      throw refuseAml('alert_changed');
    }
    await whitelistItems(tx, ctx, alert, items, approved);
  },
};

/** Whom somebody just confirmed is not called another meanwhile. @errors alert_confirmed */
function refuseConfirmed({ proposedDisposition }: AmlAlert): void {
  if (proposedDisposition === 'true_match') {
    throw refuseAml('alert_confirmed');
  }
}

/** What an alert holds of these entries, each once. @errors whitelist_entry_unknown */
async function namedItems(
  tx: Tx,
  alert: AmlAlert,
  entries: readonly NamedEntry[],
): Promise<readonly KeptItem[]> {
  const named = new Set(entries.map(keyOf));
  // What was found before the states of people were kept covers nobody.
  const items = (await itemsOf(tx, alert.id)).filter(
    (item) => named.has(keyOf(item)) && item.subjectDigest !== null,
  );
  if (alert.userId === null || items.length < named.size) {
    throw refuseAml('whitelist_entry_unknown');
  }
  return items;
}

function keyOf({ listId, sourceId, party }: NamedEntry): string {
  return [listId, party, sourceId].join('\n');
}

/** What screening read of the entries and of the person. @units hexadecimal */
function stateOf(items: readonly KeptItem[]): string {
  const states = items.map((item) =>
    [keyOf(item), hexOf(item.screeningHash), hexOf(item.subjectDigest ?? new Uint8Array())].join('\n'),
  );
  return hexOf(sha256(canonicalJson(states.toSorted())));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
