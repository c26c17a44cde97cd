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
import { accountAllows, accountsByIds } from '../../accounts/index.ts';
import { gateRefusal, lockGates, refuseSelfAction } from '../../identity/index.ts';
import { holdSignedDays, isDayClosed } from '../closed-days.ts';
import { refuseLedger } from '../errors.ts';
import type { LockedWallet } from '../lock-wallets.ts';
import { isMlroAmong } from '../mlro-vote.ts';
import { postJournals } from '../post-journals.ts';
import { lockSpendable } from '../release-expired.ts';
import { findClearingWallet, houseWallet } from '../wallets.ts';
import { type ManualJournalInput, termsOf } from './api.ts';
import { debitedWallets, refuseUnknownMargin, votesForJournal } from './debit-votes.ts';
import { assetsTaken, lockTakings, refuseHandOnClientMoney } from './guard-client-money.ts';
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
    return requestApproval(tx, ctx, {
      action: POST,
      subjectType: 'journal',
      subjectId: newId(),
      subjectUserId: persons.length === 1 ? present(persons[0], 'there is one') : null,
      payload: { ...journalPayload(journal), ...opening },
      quorum: votesForJournal(journal, found).quorum,
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
    await obeyGates(tx, journal, named, checkerIds);
    const found = await lockSpendable(tx, ctx, ids);
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
  return fiat;
}

/**
 * Locks the gates of all holders before their wallets, which holds the status of their accounts too; who is
 * credited must be open to it (I8). An account that is closed takes nothing more, not even what is due. Money of whoever
 * may not pay out is taken from them, as large sums of anybody are, only where the MLRO is among those who agreed.
 */
async function obeyGates(
  tx: Tx,
  journal: ManualJournal,
  found: PostedWallets,
  checkerIds: readonly Id[],
): Promise<void> {
  const { kind, entries } = journal;
  const live = [...found.values()].filter(({ book, userId }) => book === 'live' && userId !== null);
  const gates = await lockGates(
    tx,
    live.flatMap(({ userId }) => userId ?? []),
  );
  const accounts = await accountsByIds(
    tx,
    live.flatMap(({ accountId }) => accountId ?? []),
  );
  const credited = new Set(entries.filter(({ amount }) => amount > 0n).map(({ walletId }) => walletId));
  const isShut = ({ userId, accountId }: LockedWallet, move: 'money_in' | 'money_out') => {
    const { status } = present(accounts.get(accountId ?? ''), 'a customer’s wallet has its account');
    return gateRefusal(gates.get(userId ?? ''), move) !== null || !accountAllows(status, move);
  };
  const held = [...debitedWallets(journal, found).keys()].some((wallet) => isShut(wallet, 'money_out'));
  if ((held || votesForJournal(journal, found).mlro) && !(await isMlroAmong(tx, checkerIds))) {
    throw refuseLedger(held ? 'holder_restricted' : 'mlro_vote_required');
  }
  const shut = live
    .filter(({ id }) => credited.has(id))
    .some((wallet) =>
      ENTITLEMENTS.includes(kind)
        ? accounts.get(wallet.accountId ?? '')?.status === 'closed'
        : isShut(wallet, 'money_in'),
    );
  if (shut) {
    throw refuseLedger('holder_restricted');
  }
}
