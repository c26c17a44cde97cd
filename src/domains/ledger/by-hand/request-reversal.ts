import { eq, sql } from 'drizzle-orm';
import { amountOf, formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { correctionDay, holdSignedDays } from '../closed-days.ts';
import { refuseLedger } from '../errors.ts';
import { type NewEntry, postJournals } from '../post-journals.ts';
import { lockSpendable } from '../release-expired.ts';
import { journalReversals, journals, ledgerEntries } from '../schema.ts';
import { assetsTaken, lockTakings, refuseShortfall } from './guard-client-money.ts';
import { movesOf, refuseUnknownMargin, votesByHand } from './hand-votes.ts';
import { lockHolders, obeyLadder } from './holders.ts';
import { undoLots } from './journal-lots.ts';
import { type PostedWallets, personsIn, readWallets, refuseWrongEntries } from './manual-journal.ts';
import { recordPosting } from './record-posting.ts';
import { POSTING_CHECKERS } from './request-journal.ts';

const REVERSE = 'journal.reverse';

/** What two people posted, two people may undo; all else is undone by the domain that made it. */
const BY_HAND = ['approval', 'fee_sweep', 'hold_capture'];

/**
 * Puts the undoing of a journal before another person.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, self_action, journal_not_reversible, journal_reversed, wallet_not_active,
 *   insufficient_funds, house_balance_wrong_side, sweep_leaves_shortfall, approval_pending_exists
 */
export async function requestReversal(
  ctx: Ctx,
  input: { readonly journalId: Id; readonly reason: string },
): Promise<Approval> {
  return transact(ctx, 'staff', async (tx) => {
    const { original, mirrored } = await readReversible(tx, input.journalId);
    const found = await readWallets(tx, ctx, walletIdsOf(mirrored));
    await refuseWrongReversal(tx, ctx, { id: original.id, entries: mirrored }, found);
    const persons = personsIn(found);
    const { quorum } = await votesByHand(tx, ctx, movesOf({ entries: mirrored }, found));
    return requestApproval(tx, ctx, {
      action: REVERSE,
      subjectType: 'journal',
      subjectId: original.id,
      subjectUserId: persons.length === 1 ? present(persons[0], 'there is one') : null,
      payload: reversalPayload(original, mirrored),
      quorum,
      checkerRoles: POSTING_CHECKERS,
      reason: input.reason,
    });
  });
}

/**
 * What the vote on a reversal does: the mirror of every entry, worth the same day, or today where that day's
 * reconciliation is signed, and the lots as they were.
 * What it takes from customers has the votes of whatever else is taken by hand, from who may not pay out the MLRO's. What
 * goes back to them asks no gate: a wrong posting is undone whatever became of its holder.
 */
export const journalReversal: ApprovalAction = {
  action: REVERSE,
  execute: async (ctx, { approvalId, subjectId, payload, checkerIds }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    await holdSignedDays(tx, ctx);
    const { original, mirrored } = await readReversible(tx, subjectId);
    if (canonicalJson(reversalPayload(original, mirrored)) !== canonicalJson(payload as Json)) {
      throw refuseLedger('journal_not_reversible');
    }
    const ids = walletIdsOf(mirrored);
    const named = await readWallets(tx, ctx, ids);
    // Whoever voted first is not the one who executes: nobody it names is among those who agreed.
    if (personsIn(named).some((person) => checkerIds.includes(person))) {
      throw refuse('self_approval');
    }
    await lockTakings(tx, assetsTaken(mirrored, named));
    const holders = await lockHolders(tx, named);
    await obeyLadder(tx, ctx, { entries: mirrored }, { found: named, holders, approvalId, checkerIds });
    const found = await lockSpendable(tx, ctx, ids);
    refuseUnknownMargin({ entries: mirrored }, found);
    await refuseWrongReversal(tx, ctx, { id: original.id, entries: mirrored }, found);
    const posting = {
      id: newId(),
      book: original.book,
      kind: 'reversal',
      referenceType: 'journal',
      referenceId: original.id,
      description: `Reversal: ${original.description}`,
      valueDate:
        original.book === 'live' ? await correctionDay(tx, ctx, original.valueDate) : original.valueDate,
      reversesId: original.id,
      approvalId,
      entries: mirrored,
    } as const;
    await postJournals(tx, ctx, [posting]);
    await undoLots(tx, ctx, lotsReference(original), posting.id);
    await recordPosting(tx, ctx, 'journal.reversed', posting, found);
  },
};

type Original = typeof journals.$inferSelect;

/** @errors not_found, journal_not_reversible, journal_reversed */
async function readReversible(
  tx: Tx,
  journalId: Id,
): Promise<{ readonly original: Original; readonly mirrored: readonly NewEntry[] }> {
  const [original] = await tx.select().from(journals).where(eq(journals.id, journalId));
  if (original === undefined) {
    throw refuse('not_found');
  }
  if (original.approvalId === null || !BY_HAND.includes(original.referenceType)) {
    throw refuseLedger('journal_not_reversible');
  }
  const [reversed] = await tx
    .select()
    .from(journalReversals)
    .where(eq(journalReversals.journalId, original.id));
  if (reversed !== undefined) {
    throw refuseLedger('journal_reversed');
  }
  const entries = await tx
    .select()
    .from(ledgerEntries)
    .where(eq(ledgerEntries.journalId, original.id))
    .orderBy(ledgerEntries.id);
  const mirrored = entries.map(({ walletId, amount }) => ({ walletId, amount: amountOf(-amount) }));
  return { original, mirrored };
}

/** What the lots that a posting moved name as their reason: a capture has rows of its own. */
function lotsReference({ id, referenceType, referenceId }: Original): Id {
  return referenceType === 'hold_capture' ? referenceId : id;
}

function walletIdsOf(entries: readonly NewEntry[]): readonly Id[] {
  return entries.map(({ walletId }) => walletId);
}

/** What the firm put in is not undone while clients would be left with less than they are owed. */
async function refuseWrongReversal(
  tx: Tx,
  ctx: Ctx,
  { id: reversesId, entries }: { readonly id: Id; readonly entries: readonly NewEntry[] },
  found: PostedWallets,
): Promise<void> {
  for (const person of personsIn(found)) {
    refuseSelfAction(ctx, person);
  }
  await refuseExplaining(tx, reversesId);
  refuseWrongEntries({ kind: 'reversal', entries, reversesId }, found);
  await refuseShortfall(tx, entries, found);
}

/** The bank has shown the money of such a journal: it came, and is not undone. @errors journal_not_reversible */
async function refuseExplaining(tx: Tx, journalId: Id): Promise<void> {
  const [row] = await tx.execute<{ explains: boolean }>(
    sql`select journal_explains_receipt(${journalId}) as explains`,
  );
  if (present(row, 'a function says one thing').explains) {
    throw refuseLedger('journal_not_reversible', {
      detail: 'The journal explains money that a bank statement shows.',
    });
  }
}

function reversalPayload(
  original: Original,
  mirrored: readonly NewEntry[],
): { readonly [key: string]: Json } {
  return {
    reverses: original.id,
    kind: original.kind,
    valueDate: original.valueDate,
    entries: mirrored.map(({ walletId, amount }) => ({ walletId, amount: formatAmount(amount) })),
  };
}
