import { type Amount, amountOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { accountAllows, accountsByIds } from '../../accounts/index.ts';
import { gateRefusal, lockGates } from '../../identity/index.ts';
import { type Decision, type HandMove, refuseTooFewVotes } from '../by-hand/hand-votes.ts';
import { refuseWhileOwing, repayDebt } from '../debts.ts';
import { refuseLedger } from '../errors.ts';
import { captureHold, type Hold } from '../holds.ts';
import { consumeLots, openLots } from '../lots.ts';
import { postJournals } from '../post-journals.ts';
import { receivableWallets } from '../receivables.ts';
import { lockSpendable } from '../release-expired.ts';
import { holdCaptures } from '../schema.ts';
import { customerWallet, requireAsset } from '../wallets.ts';
import { type FoundDestination, findDestination } from './capture-destination.ts';
import { findHoldById } from './read-hold.ts';
import { type CaptureDestination, captureKind, captureRefusal } from './rules.ts';

export type Capture = {
  readonly id: Id;
  readonly holdId: Id;
  readonly amount: Amount;
  readonly destination: CaptureDestination;
};

/**
 * Takes part or all of what a hold reserves to where two people said. The gates and accounts of the customer,
 * and of whoever gets it, are obeyed under their locks (I8). Nothing leaves past an open debt, and what
 * comes in repays one.
 * @effects one journal, the hold, a row of `hold_captures`, lots of units; audit `hold.captured`; event
 *   `ledger.hold_captured`
 * @errors hold_destination_unsuitable, self_approval, the gates', account_not_active, debt_open, hold_expired,
 *   hold_not_active, hold_remainder_exceeded, mlro_vote_required, conflict, wallet_not_active, balance_out_of_range
 */
export async function captureFunds(tx: Tx, ctx: Ctx, capture: Capture, decision: Decision): Promise<void> {
  const known = await findHoldById(tx, ctx, capture.holdId);
  const found = await findDestination(tx, known, capture.destination);
  const { approvalId, checkerIds } = decision;
  await obeyGates(tx, known, found, checkerIds);
  // Before the wallets, as in journals by hand: what it locks is held by whoever waits for a wallet.
  await refuseTooFewVotes(tx, ctx, captureMoves(known, capture.amount, found), decision);
  await refuseWhileOwing(tx, known.userId);
  const to = await walletOf(tx, ctx, known, found);
  const takers = 'account' in found ? [found.account.userId] : [];
  const owed = await receivableWallets(tx, takers, known.asset);
  await lockSpendable(tx, ctx, [known.walletId, to, ...owed]);
  const hold = await findHoldById(tx, ctx, known.id);
  const refusal = captureRefusal(hold, ctx.deps.clock.now(), capture.amount);
  if (refusal !== null) {
    throw refuseLedger(refusal);
  }
  const journalId = newId();
  await captureHold(tx, ctx, hold.id, capture.amount, {
    approvalId,
    captured: capture.amount,
    destinationWalletId: to,
    journalId,
  });
  await post(tx, ctx, { hold, capture, to, journalId, approvalId });
  await moveLots(tx, ctx, hold, capture, found, to);
  await tx.insert(holdCaptures).values({
    id: capture.id,
    holdId: hold.id,
    userId: hold.userId,
    journalId,
    amount: capture.amount,
    destinationWalletId: to,
    approvalId,
    capturedAt: ctx.deps.clock.now(),
  });
  if ('account' in found) {
    const { userId } = found.account;
    const credit = { limit: capture.amount, referenceType: 'wallet', referenceId: to };
    await repayDebt(tx, ctx, { userId, walletId: to, asset: hold.asset }, credit);
  }
}

/** What a capture moves of customers: it is looked at by as many as any other taking by hand, wherever it goes. */
export function captureMoves(hold: Hold, amount: Amount, found: FoundDestination): readonly HandMove[] {
  const { userId, asset } = hold;
  const given = 'account' in found ? [{ userId: found.account.userId, asset, amount }] : [];
  return [{ userId, asset, amount: amountOf(-amount) }, ...given];
}

/** Nobody decides on funds that come to themselves, and no account gets or gives what it may not (I7, I8). */
async function obeyGates(
  tx: Tx,
  hold: Hold,
  found: FoundDestination,
  checkerIds: readonly Id[],
): Promise<void> {
  const ends = [
    { userId: hold.userId, accountId: hold.accountId, move: 'money_out' as const },
    ...('account' in found
      ? [{ userId: found.account.userId, accountId: found.account.id, move: 'money_in' as const }]
      : []),
  ];
  if (ends.some(({ userId }) => checkerIds.includes(userId))) {
    throw refuse('self_approval');
  }
  const gates = await lockGates(
    tx,
    ends.map(({ userId }) => userId),
  );
  const accounts = await accountsByIds(
    tx,
    ends.map(({ accountId }) => accountId),
  );
  for (const { userId, accountId, move } of ends) {
    const refusal = gateRefusal(gates.get(userId), move);
    if (refusal !== null) {
      throw refuseLedger(refusal);
    }
    if (!accountAllows(present(accounts.get(accountId), 'the account exists').status, move)) {
      throw refuseLedger('account_not_active');
    }
  }
}

async function walletOf(tx: Tx, ctx: Ctx, hold: Hold, found: FoundDestination): Promise<Id> {
  if ('walletId' in found) {
    return found.walletId;
  }
  const { id: accountId, userId, type } = found.account;
  return (await customerWallet(tx, ctx, { userId, accountId, book: type }, hold.asset)).id;
}

type Posting = {
  readonly hold: Hold;
  readonly capture: Capture;
  readonly to: Id;
  readonly journalId: Id;
  readonly approvalId: Id;
};

async function post(tx: Tx, ctx: Ctx, { hold, capture, to, journalId, approvalId }: Posting): Promise<void> {
  await postJournals(tx, ctx, [
    {
      id: journalId,
      book: 'live',
      kind: captureKind(capture.destination),
      referenceType: 'hold_capture',
      referenceId: capture.id,
      approvalId,
      description: 'Capture of funds on hold',
      entries: [
        { walletId: hold.walletId, amount: amountOf(-capture.amount) },
        { walletId: to, amount: capture.amount },
      ],
    },
  ]);
}

/** Units leave without a price, and arrive without one: what the two agreed on is not known here (I16). */
async function moveLots(
  tx: Tx,
  ctx: Ctx,
  hold: Hold,
  capture: Capture,
  found: FoundDestination,
  to: Id,
): Promise<void> {
  if ((await requireAsset(tx, hold.asset)).kind === 'fiat') {
    return;
  }
  const quantity = capture.amount;
  await consumeLots(tx, ctx, [
    {
      walletId: hold.walletId,
      quantity,
      proceeds: null,
      referenceType: 'hold_capture',
      referenceId: capture.id,
    },
  ]);
  if ('account' in found) {
    const { userId, id: accountId } = found.account;
    const owner = { walletId: to, userId, accountId, asset: hold.asset };
    await openLots(tx, ctx, [
      { ...owner, quantity, cost: null, source: 'transfer', referenceId: capture.id },
    ]);
  }
}
