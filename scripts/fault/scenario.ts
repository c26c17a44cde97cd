/** What a scenario of the load starts from, and how it asks. */
import { newId } from '../../src/kernel/id.ts';
import type { Random } from '../../src/testing/random.ts';
import type { ClientBook, Entry } from './client-book.ts';
import type { Market } from './market.ts';
import type { Person, Wire } from './sender.ts';

/** A customer who deposits, withdraws and trades. */
export type Client = {
  readonly person: Person;
  readonly name: string;
  readonly accountId: string;
  readonly otherAccountId: string;
  readonly beneficiaryId: string;
};

export type Firm = {
  readonly clients: readonly [Client, Client];
  /** Sells what the clients buy. */
  readonly maker: Pick<Client, 'person' | 'accountId'>;
  readonly checkers: readonly [Person, Person];
  readonly payer: Person;
  /** They approve what the others pay out by files. */
  readonly reviewers: readonly [Person, Person];
  /** Accounts of paper money. */
  readonly papers: readonly Pick<Client, 'person' | 'accountId'>[];
  /** The market maker's account for positions that are too large for it. */
  readonly stakeAccountId: string;
  readonly squeezing: { is: boolean; staked: boolean };
  readonly market: Market;
  /** Whether somebody is at the bank's files. */
  readonly banking: { is: boolean };
  /** Books what confirmed statements leave to be booked, as any node of the firm may; what fails waits. */
  readonly bookStatements: () => Promise<void>;
  readonly url: () => string;
  readonly accountIds: readonly string[];
  /** Sessions that last the next round. */
  readonly signIn: () => Promise<void>;
};

export const REASON = { reason: 'Looked at it' };

export type Scenario = (firm: Firm, book: ClientBook, random: Random) => Promise<void>;

/** A request that is retried with its key. */
export function keyed(as: Person, path: string, body: unknown): Wire {
  return { method: 'POST', path, as, key: newId(), body };
}

/** So that what stands does not only grow. */
export async function takeOutSometimes(
  as: Person,
  asked: Entry,
  book: ClientBook,
  random: Random,
): Promise<void> {
  const target = random.pick([asked.id, ...asked.others]);
  if (asked.state === 'acknowledged' && target !== null && random.below(3) === 0) {
    await book.ask('takeOut', { method: 'DELETE', path: `/v1/orders/${target}`, as }, target);
  }
}

/** @units cents up to `below` */
export function amountOf(random: Random, below: number): string {
  const cents = 1 + random.below(below);
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}
