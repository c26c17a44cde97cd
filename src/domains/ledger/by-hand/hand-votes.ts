/**
 * How many people look at what a hand moves: what is taken from customers as a withdrawal of it, and what is given to
 * them alike, since it may be given to the wrong one. What was moved by hand within the last day counts along.
 */
import { sql } from 'drizzle-orm';
import { formatAmount, MAX_AMOUNT, parseAmount } from '../../../kernel/amount.ts';
import { type Id, isId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseLedger } from '../errors.ts';
import type { LockedWallet } from '../lock-wallets.ts';
import { admitsMlro, isMlroAmong } from '../mlro-vote.ts';
import type { SpendableWallet } from '../release-expired.ts';
import { type Votes, votesAfter } from '../votes.ts';
import type { ManualJournal, PostedWallets } from './manual-journal.ts';

/** What counts together. @units hours, rolling */
const WINDOW_HOURS = 24;

/** What journals by hand, captures of holds and reversals are booked for. */
const BY_HAND = ['approval', 'hold_capture', 'journal'];

/**
 * What the journal of a deposit is marked with that people alone vouch for: it counts as a giving by hand. Whatever shows
 * its money later, that day it was their word.
 */
export const ON_THEIR_WORD = { byHand: true } as const;

/** What a hand moves of one customer in the live book. */
export type HandMove = {
  readonly userId: Id;
  readonly asset: string;
  /** @units signed: below zero it takes from the customer */
  readonly amount: bigint;
};

/** The approval that takes effect, and who agreed. */
export type Decision = { readonly approvalId: Id; readonly checkerIds: readonly Id[] };

type Moving = Pick<ManualJournal, 'entries'>;

/** The customers' wallets of the live book that a journal takes from. */
export function debitedWallets({ entries }: Moving, found: PostedWallets): ReadonlySet<LockedWallet> {
  const taken = new Set<LockedWallet>();
  for (const { walletId, amount } of entries) {
    const wallet = found.get(walletId);
    if (wallet !== undefined && wallet.userId !== null && wallet.book === 'live' && amount < 0n) {
      taken.add(wallet);
    }
  }
  return taken;
}

/** What a journal moves of the customers of the live book; who is forgiven a debt is given as much. */
export function movesOf({ entries }: Moving, found: PostedWallets): readonly HandMove[] {
  return entries.flatMap(({ walletId, amount }) => {
    const wallet = found.get(walletId);
    const userId = wallet?.book === 'live' ? personOf(wallet) : null;
    return wallet === undefined || userId === null ? [] : [{ userId, asset: wallet.asset, amount }];
  });
}

/** Whose money or debt lies in a wallet; the firm owes too, and is nobody. */
function personOf({ userId, houseRole, houseReference }: LockedWallet): Id | null {
  const isDebt = houseRole === 'receivable' && houseReference !== null && isId(houseReference);
  return isDebt ? houseReference : userId;
}

/** How many people look at what a hand moves, together with what counts along now. */
export async function votesByHand(tx: Tx, ctx: Ctx, moves: readonly HandMove[]): Promise<Votes> {
  const persons = [...new Set(moves.map(({ userId }) => userId))].sort();
  const before = await movedInDay(tx, ctx, persons);
  const [taken, given] = [true, false].map((isTaken) => {
    const now = moves.filter(({ amount }) => amount < 0n === isTaken);
    const theirs = new Set(now.map(({ userId }) => userId));
    const earlier = before.filter(({ userId, amount }) => theirs.has(userId) && amount < 0n === isTaken);
    return votesAfter(perAsset(now), perAsset(earlier));
  });
  return {
    quorum: taken?.quorum === 2 || given?.quorum === 2 ? 2 : 1,
    mlro: taken?.mlro === true || given?.mlro === true,
  };
}

/**
 * Holds the votes that were cast to what is moved as it is now: more may have moved since it was asked. Until the
 * transaction ends no other hand moves these persons, or each of many votes at once would count none of the others; the
 * lock comes after the gates, which are shared, and before the wallets.
 * @errors mlro_vote_required, conflict
 */
export async function refuseTooFewVotes(
  tx: Tx,
  ctx: Ctx,
  moves: readonly HandMove[],
  { approvalId, checkerIds }: Decision,
): Promise<void> {
  await lockExclusive(
    tx,
    moves.map(({ userId }) => `by-hand:${userId}`),
  );
  // Under the lock: what another vote moved meanwhile counts along.
  const { quorum, mlro } = await votesByHand(tx, ctx, moves);
  const lacksMlro = mlro && !(await isMlroAmong(tx, checkerIds));
  // More votes, or the MLRO's where they may not vote, this approval can never get.
  if (quorum > checkerIds.length || (lacksMlro && !(await admitsMlro(tx, approvalId)))) {
    throw refuse('conflict', {
      detail: 'With what was moved by hand within the last day this needs more votes: ask again.',
    });
  }
  if (lacksMlro) {
    throw refuseLedger('mlro_vote_required');
  }
}

/**
 * Keeps a hand from taking what nobody knows to be free: it would come out of what open positions have lost.
 * @errors margin_unknown
 */
export function refuseUnknownMargin(journal: Moving, found: ReadonlyMap<Id, SpendableWallet>): void {
  if ([...debitedWallets(journal, found)].some(({ id }) => found.get(id)?.marginUnknown)) {
    throw refuseLedger('margin_unknown');
  }
}

function perAsset(moves: readonly HandMove[]): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { asset, amount } of moves) {
    sums.set(asset, (amount < 0n ? -amount : amount) + (sums.get(asset) ?? 0n));
  }
  return sums;
}

/** What hands took from these persons within the window, and what they gave them. */
async function movedInDay(tx: Tx, ctx: Ctx, userIds: readonly Id[]): Promise<readonly HandMove[]> {
  if (userIds.length === 0) {
    return [];
  }
  const most = formatAmount(MAX_AMOUNT);
  const persons = sql.param(arrayParameter('uuid', userIds));
  const rows = await tx.execute<{ user_id: Id; asset: string; moved: string }>(sql`
    select w.user_id, w.asset,
      least(greatest(sum(e.amount), -${most}::numeric), ${most}::numeric)::text as moved
    from (
      select id, user_id::text, asset from wallets where user_id = any (${persons}::uuid[]) and book = 'live'
      union all
      select id, house_reference, asset from wallets
      where book = 'live' and house_role = 'receivable' and house_reference = any (${persons}::uuid[]::text[])
    ) w join ledger_entries e on e.wallet_id = w.id
    where e.booked_at > ${ctx.deps.clock.now()}::timestamptz - make_interval(hours => ${WINDOW_HOURS})
      and (e.reference_type = any (${sql.param(BY_HAND)}::text[])
        or e.reference_type = 'deposit' and exists (
          select 1 from journals j
          where j.id = e.journal_id and j.booked_at = e.booked_at and j.metadata ->> 'byHand' = 'true'))
    group by w.user_id, w.asset, e.amount < 0`);
  return rows.map(({ user_id: userId, asset, moved }) => ({ userId, asset, amount: parseAmount(moved) }));
}
