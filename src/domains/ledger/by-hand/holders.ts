import { present } from '../../../kernel/assert.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { accountAllows, accountsByIds } from '../../accounts/index.ts';
import { gateRefusal, lockGates } from '../../identity/index.ts';
import { refuseLedger } from '../errors.ts';
import type { LockedWallet } from '../lock-wallets.ts';
import { isMlroAmong } from '../mlro-vote.ts';
import { type Decision, debitedWallets, movesOf, refuseTooFewVotes } from './hand-votes.ts';
import type { ManualJournal, PostedWallets } from './manual-journal.ts';

/** What the holders of wallets may do as it stands, true until the transaction ends. */
export type Holders = {
  readonly isShut: (wallet: LockedWallet, move: 'money_in' | 'money_out') => boolean;
  readonly isClosed: (wallet: LockedWallet) => boolean;
};

/** Locks the gates of all holders of the live book before their wallets, which holds the status of their accounts too. */
export async function lockHolders(tx: Tx, found: PostedWallets): Promise<Holders> {
  const live = [...found.values()].filter(({ book, userId }) => book === 'live' && userId !== null);
  const gates = await lockGates(
    tx,
    live.flatMap(({ userId }) => userId ?? []),
  );
  const accounts = await accountsByIds(
    tx,
    live.flatMap(({ accountId }) => accountId ?? []),
  );
  const statusOf = ({ accountId }: LockedWallet) =>
    present(accounts.get(accountId ?? ''), 'a customer’s wallet has its account').status;
  return {
    isShut: (wallet, move) =>
      gateRefusal(gates.get(wallet.userId ?? ''), move) !== null || !accountAllows(statusOf(wallet), move),
    isClosed: (wallet) => statusOf(wallet) === 'closed',
  };
}

/**
 * Money of whoever may not pay out is taken from them, as large sums of anybody are moved, only where the MLRO is among
 * those who agreed.
 * @errors holder_restricted, mlro_vote_required, conflict
 */
export async function obeyLadder(
  tx: Tx,
  ctx: Ctx,
  journal: Pick<ManualJournal, 'entries'>,
  { found, holders, ...decision }: Decision & { readonly found: PostedWallets; readonly holders: Holders },
): Promise<void> {
  const held = [...debitedWallets(journal, found)].some((wallet) => holders.isShut(wallet, 'money_out'));
  if (held && !(await isMlroAmong(tx, decision.checkerIds))) {
    throw refuseLedger('holder_restricted');
  }
  await refuseTooFewVotes(tx, ctx, movesOf(journal, found), decision);
}
