import { sql } from 'drizzle-orm';
import type { Role } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { addDays, dayOf } from '../../../kernel/business-date.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { holdSignedDays, isDayClosed } from '../closed-days.ts';
import { refuseLedger } from '../errors.ts';
import { postJournals } from '../post-journals.ts';
import { lockSpendable } from '../release-expired.ts';
import { findClearingWallet, houseWallet } from '../wallets.ts';
import { type ManualJournalInput, termsOf } from './api.ts';
import { assetsTaken, lockTakings, refuseHandOnClientMoney } from './guard-client-money.ts';
import { type Decision, movesOf, refuseUnknownMargin, votesByHand } from './hand-votes.ts';
import { type Holders, lockHolders, obeyLadder } from './holders.ts';
import { moveLots, refuseWrongLots } from './journal-lots.ts';
import {
  fiatAmong,
  journalOfPayload,
  journalPayload,
  type ManualEntry,
  type ManualJournal,
  type PostedWallets,
  personsIn,
  readWallets,
  refuseWrongEntries,
} from './manual-journal.ts';
import { recordPosting } from './record-posting.ts';
import { debtsOfCredited, repayFromCredits } from './repay-from-credits.ts';
import { type Opening, openAgreed, withoutOpening } from './unopened-wallets.ts';

/** Who decides on postings by hand. */
export const POSTING_CHECKERS = [
  'operations',
  'compliance_officer',
  'mlro',
] as const satisfies readonly Role[];

const POST = 'journal.post';

/** A firm may know a payment some weeks before it counts. */
const AHEAD_DAYS = 31;

/** What is due to holders as holders stays theirs while they are restricted; other credits wait. */
const ENTITLEMENTS: readonly ManualJournal['kind'][] = ['dividend', 'interest', 'corporate_action'];

/**
 * Puts a journal before another person. It is held against its wallets now, and again when it is posted.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors value_date_too_late, unknown_asset, self_action, journal_wallet_unknown, journal_unbalanced, journal_misfit,
 *   value_date_closed, wallet_not_active, insufficient_funds, house_balance_wrong_side, sweep_leaves_shortfall, journal_lots_wrong
 */
export async function requestJournal(ctx: Ctx, input: ManualJournalInput): Promise<Approval> {
  return transact(ctx, 'engine', async (tx) => {
    const { journal, found, opening } = await withoutOpening(tx, () => lookAt(tx, ctx, input));
    const persons = personsIn(found);
    const { quorum } = await votesByHand(tx, ctx, movesOf(journal, found));
    return requestApproval(tx, ctx, {
      action: POST,
      subjectType: 'journal',
      subjectId: newId(),
      subjectUserId: persons.length === 1 ? present(persons[0], 'there is one') : null,
      payload: { ...journalPayload(journal), ...opening },
      quorum,
      checkerRoles: POSTING_CHECKERS,
      reason: input.reason,
    });
  });
}

/** What is asked for, held against its wallets as they are. */
async function lookAt(tx: Tx, ctx: Ctx, input: ManualJournalInput) {
  const journal: ManualJournal = {
    kind: input.kind,
    description: input.description,
    valueDate: valueDateOf(ctx, input),
    metadata: termsOf(input),
    entries: await entriesOf(tx, ctx, input),
  };
  const found = await readWallets(tx, ctx, walletIdsOf(journal));
  await refuseWrongJournal(tx, ctx, journal, found);
  return { journal, found };
}

/** A slip of a year would have interest and statements wait for a day far away. */
function valueDateOf({ deps: { clock, timeZone } }: Ctx, { valueDate }: ManualJournalInput): string {
  const today = dayOf(clock.now(), timeZone);
  if (valueDate !== undefined && valueDate > addDays(today, AHEAD_DAYS)) {
    throw refuseLedger('value_date_too_late');
  }
  return valueDate ?? today;
}

/** What the vote on a journal does: it is posted under the id it was approved by. */
export const journalPosting: ApprovalAction = {
  action: POST,
  execute: async (ctx, { approvalId, subjectId, payload, checkerIds }) => {
    const tx = present(ctx.tx, 'an action runs in the transaction of the vote');
    const { opens, ...agreed } = payload as Opening & typeof payload;
    await holdSignedDays(tx, ctx);
    const journal = inWallets(journalOfPayload(agreed), await openAgreed(tx, ctx, { opens }));
    const ids = walletIdsOf(journal);
    const named = await readWallets(tx, ctx, ids);
    // Whoever voted first is not the one who executes: nobody it names is among those who agreed.
    if (personsIn(named).some((person) => checkerIds.includes(person))) {
      throw refuse('self_approval');
    }
    await lockTakings(tx, assetsTaken(journal.entries, named));
    const holders = await obeyGates(tx, ctx, journal, { found: named, approvalId, checkerIds });
    const owed = await debtsOfCredited(tx, journal, named);
    const locked = await lockSpendable(tx, ctx, [...ids, ...owed]);
    const found = new Map([...locked].filter(([id]) => named.has(id)));
    refuseUnknownMargin(journal, found);
    const fiat = await refuseWrongJournal(tx, ctx, journal, found);
    const { book } = present(found.values().next().value, 'a journal has wallets');
    const posting = {
      ...journal,
      id: subjectId,
      book,
      approvalId,
      referenceType: 'approval',
      referenceId: approvalId,
    };
    await postJournals(tx, ctx, [posting]);
    await moveLots(tx, ctx, posting, found, fiat);
    await recordPosting(tx, ctx, 'journal.posted', posting, found);
    await repayFromCredits(tx, ctx, journal, found, holders);
  },
};

/**
 * Wallets of the house are named by what they are, and made where there are none; but where money is on its way is not a
 * hand's to say: such a wallet is there once a provider or a venue was.
 * @errors journal_wallet_unknown
 */
async function entriesOf(
  tx: Tx,
  ctx: Ctx,
  { book, entries }: ManualJournalInput,
): Promise<readonly ManualEntry[]> {
  const named: ManualEntry[] = [];
  for (const { walletId, house, ...entry } of entries) {
    const id =
      house === undefined
        ? present(walletId, 'the wire asks for one of the two')
        : house.role === 'clearing' && book === 'live'
          ? (await findClearingWallet(tx, house))?.id
          : (await houseWallet(tx, ctx, { ...house, book })).id;
    if (id === undefined) {
      throw refuseLedger('journal_wallet_unknown');
    }
    named.push({ ...entry, walletId: id });
  }
  return named;
}

/** The journal as it was agreed to, with each wallet as it is known now. */
function inWallets(journal: ManualJournal, meant: (agreed: Id) => Id): ManualJournal {
  return {
    ...journal,
    entries: journal.entries.map(({ walletId, costFrom, ...entry }) => ({
      ...entry,
      walletId: meant(walletId),
      costFrom: costFrom === undefined ? undefined : meant(costFrom),
    })),
  };
}

function walletIdsOf({ entries }: ManualJournal): readonly string[] {
  return entries.map(({ walletId }) => walletId);
}

/** @shape which of its assets are money */
async function refuseWrongJournal(
  tx: Tx,
  ctx: Ctx,
  journal: ManualJournal,
  found: PostedWallets,
): Promise<ReadonlySet<string>> {
  for (const person of personsIn(found)) {
    refuseSelfAction(ctx, person);
  }
  refuseWrongEntries(journal, found);
  if (
    [...found.values()].some(({ book }) => book === 'live') &&
    (await isDayClosed(tx, ctx, journal.valueDate))
  ) {
    throw refuseLedger('value_date_closed');
  }
  await refuseHandOnClientMoney(tx, journal.entries, found);
  const fiat = await fiatAmong(
    tx,
    [...found.values()].map(({ asset }) => asset),
  );
  refuseWrongLots(journal, found, fiat);
  await refuseWrongRefund(tx, ctx, journal, found);
  return fiat;
}

/**
 * A journal that says which refund it pays takes its money from where that was left when it was given up: else it would
 * end the wait of a customer whose money lies there still.
 */
async function refuseWrongRefund(
  tx: Tx,
  ctx: Ctx,
  { metadata }: ManualJournal,
  found: PostedWallets,
): Promise<void> {
  const { repaymentId } = metadata as { readonly repaymentId?: Id };
  if (repaymentId === undefined) {
    return;
  }
  const suspense = [...found.values()]
    .filter(({ houseRole }) => houseRole === 'suspense')
    .map(({ id }) => id);
  const [owner] = await tx.execute<{ userId: Id }>(sql`
    select d.user_id as "userId" from repayments r join deposits d on d.id = r.deposit_id
    where r.id = ${repaymentId} and r.status = 'given_up' and exists (
      select from ledger_entries e join journals j on j.id = e.journal_id
      where e.wallet_id = any (${sql.param(suspense)}::uuid[]) and e.amount > 0 and e.asset = r.asset
        and j.reference_type = 'repayment' and j.reference_id = r.id)`);
  if (owner === undefined) {
    const detail = 'No refund of that id was given up and left its money in a wallet of this journal.';
    throw refuseLedger('journal_misfit', { detail });
  }
  refuseSelfAction(ctx, owner.userId);
}

/**
 * Who is credited must be open to it (I8); an account that is closed takes nothing more, not even what is due.
 * @errors holder_restricted, mlro_vote_required, conflict
 */
async function obeyGates(
  tx: Tx,
  ctx: Ctx,
  journal: ManualJournal,
  named: Decision & { readonly found: PostedWallets },
): Promise<Holders> {
  const { kind, entries } = journal;
  const holders = await lockHolders(tx, named.found);
  await obeyLadder(tx, ctx, journal, { ...named, holders });
  const credited = new Set(entries.filter(({ amount }) => amount > 0n).map(({ walletId }) => walletId));
  const shut = [...named.found.values()]
    .filter(({ id, book, userId }) => book === 'live' && userId !== null && credited.has(id))
    .some((wallet) =>
      ENTITLEMENTS.includes(kind) ? holders.isClosed(wallet) : holders.isShut(wallet, 'money_in'),
    );
  if (shut) {
    throw refuseLedger('holder_restricted');
  }
  return holders;
}
