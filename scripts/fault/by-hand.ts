/**
 * The part of the load that two people of the firm do by hand: holds and what is taken of them, journals and their
 * reversal, deposits that are cleared without evidence.
 */
import { apiFor } from '../../src/demo/client.ts';
import { newId } from '../../src/kernel/id.ts';
import type { ClientBook, Step } from './client-book.ts';
import { amountOf, type Client, type Firm, keyed, REASON, type Scenario } from './scenario.ts';
import type { Wire } from './sender.ts';

/** Reserved, then taken in part by the vote of another person, set free, or left standing. */
export const hold: Scenario = async (firm, book, random) => {
  const [from, to] = random.pick([firm.clients, [firm.clients[1], firm.clients[0]] as const]);
  const walletId = await dollarsOf(firm, from);
  if (walletId === undefined) {
    return;
  }
  const body = { amount: amountOf(random, 400), reason: 'payment', reference: `fault-${newId()}` };
  const placed = await book.insist('hold', asked(firm, `/v1/wallets/${walletId}/holds`, body));
  const way = random.below(3);
  if (placed.id === null || way === 0) {
    return;
  }
  if (way === 1) {
    const wire = asked(firm, `/v1/holds/${placed.id}/release`, REASON);
    await decide(firm, book, wire, 'release', ({ subjectId }) => subjectId);
    return;
  }
  const destination = random.pick([
    { accountId: to.accountId },
    { house: { role: 'client_money_bank', reference: 'main' } },
  ]);
  // Little enough that all of a run stays below what asks for a second vote.
  const taking = { amount: amountOf(random, 10), destination, ...REASON };
  const wire = keyed(firm.checkers[0], `/v1/holds/${placed.id}/capture`, taking);
  await decide(firm, book, wire, 'capture', ({ id }) => id);
};

/** A fee that is charged by hand, and perhaps given back by a reversal. */
export const journal: Scenario = async (firm, book, random) => {
  const walletId = await dollarsOf(firm, random.pick(firm.clients));
  if (walletId === undefined) {
    return;
  }
  const amount = amountOf(random, 5);
  const entries = [
    { walletId, amount: `-${amount}` },
    { house: { role: 'fees_earned', reference: 'main', asset: 'USD' }, amount },
  ];
  const body = { kind: 'fee', description: 'Account fee', entries, ...REASON };
  const wire = keyed(firm.checkers[0], '/v1/journals', body);
  const journalId = await decide(firm, book, wire, 'post', ({ subjectId }) => subjectId);
  if (journalId !== undefined && random.below(3) > 0) {
    const undoing = asked(firm, `/v1/journals/${journalId}/reverse`, REASON);
    await decide(firm, book, undoing, 'reverse', ({ subjectId }) => subjectId);
  }
};

/** A deposit that no provider reports: one person says that it came, another agrees. */
export const clearance: Scenario = async (firm, book, random) => {
  const { person, accountId } = random.pick(firm.clients);
  const body = { accountId, asset: 'USD', amount: amountOf(random, 5_000), method: 'other' };
  const announced = await book.insist('deposit', keyed(person, '/v1/deposits', body));
  if (announced.id !== null) {
    const wire = asked(firm, `/v1/deposits/${announced.id}/clear`, REASON);
    await decide(firm, book, wire, 'clear', ({ subjectId }) => subjectId);
  }
};

type Approval = { readonly id: string; readonly subjectId: string; readonly quorum: number };

/** Asks for an approval and gives it. @shape the row it moved, where the vote was acknowledged */
async function decide(
  { payer, checkers }: Firm,
  book: ClientBook,
  wire: Wire,
  what: Step,
  targetOf: (approval: Approval) => string,
): Promise<string | undefined> {
  const entry = await book.insist('request', wire);
  if (entry.state !== 'acknowledged') {
    return undefined;
  }
  const { approval } = JSON.parse(entry.text) as { readonly approval: Approval };
  const path = `/v1/approvals/${approval.id}/approve`;
  const vote: Wire = { method: 'POST', path, as: payer, body: REASON };
  // What the seed gave a client counts along: two look at what comes on top of it.
  if (approval.quorum === 2) {
    const first = await book.insist('request', { ...vote, as: checkers[1] });
    if (first.state !== 'acknowledged') {
      return undefined;
    }
  }
  const voted = await book.insist(what, vote, targetOf(approval));
  return voted.state === 'acknowledged' ? targetOf(approval) : undefined;
}

/** What operations asks for, without a key: it names what it is about. */
function asked({ checkers }: Firm, path: string, body: unknown): Wire {
  return { method: 'POST', path, as: checkers[0], body };
}

const known = new Map<string, string>();

/** The wallet of US dollars of a client; none while nobody answers. */
async function dollarsOf({ url }: Firm, { person, accountId }: Client): Promise<string | undefined> {
  const found = known.get(accountId);
  if (found !== undefined) {
    return found;
  }
  const path = { id: accountId };
  const answer = await apiFor(url(), person.token())
    .GET('/v1/accounts/{id}/wallets', { params: { path } })
    .catch(() => undefined);
  const wallet = answer?.data?.data.find(({ asset }) => asset === 'USD');
  if (wallet !== undefined) {
    known.set(accountId, wallet.id);
  }
  return wallet?.id;
}
