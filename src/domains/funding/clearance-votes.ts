/**
 * How many people look at a deposit that is cleared by hand: on their word alone it is a giving as any other, and passes
 * the votes that a journal of the same amount does. What a line proves, or a provider's event, is not theirs to say.
 */
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import {
  type Decision,
  type HandMove,
  ON_THEIR_WORD,
  refuseTooFewVotes,
  votesByHand,
} from '../ledger/index.ts';
import type { Deposit } from './store.ts';
import { isHeld } from './waiting-events.ts';

/** How many look at it as it is asked for. */
export async function votesOnClearance(
  tx: Tx,
  ctx: Ctx,
  deposit: Deposit,
): Promise<{ readonly quorum: 1 | 2; readonly mlro: boolean }> {
  if (await isHeld(tx, deposit.id)) {
    return { quorum: 1, mlro: false };
  }
  return votesByHand(tx, ctx, [givenBy(deposit)]);
}

/**
 * Holds the votes that were cast on a locked deposit to what is given as it is now. Before any wallet is locked.
 * @errors mlro_vote_required, conflict
 * @shape what its journal is marked with, so that it counts along with what hands move later
 */
export async function refuseTooFewClearing(
  tx: Tx,
  ctx: Ctx,
  deposit: Deposit,
  decision: Decision,
): Promise<Partial<typeof ON_THEIR_WORD>> {
  if (await isHeld(tx, deposit.id)) {
    return {};
  }
  await refuseTooFewVotes(tx, ctx, [givenBy(deposit)], decision);
  return ON_THEIR_WORD;
}

function givenBy({ userId, asset, amount }: Pick<Deposit, 'userId' | 'asset' | 'amount'>): HandMove {
  return { userId, asset, amount };
}
