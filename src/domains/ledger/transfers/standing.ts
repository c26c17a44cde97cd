/**
 * What this process remembers of accounts, gates and wallets, so that a batch of transfers need not ask for
 * it each time. It may be out of date: whatever is decided upon it is held against the rows under the gates'
 * lock by the statement that posts, and whoever it would refuse is looked at again.
 */
import type { SQL } from 'drizzle-orm';
import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { type Deps, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral } from '../../../platform/db/insert-rows.ts';
import { accountsByIds } from '../../accounts/index.ts';
import { type Gate, gateLockName, readGates } from '../../identity/index.ts';
import { findWallets, type WalletName, walletKey } from '../find-wallets.ts';
import { assets } from '../schema.ts';
import type { Movable, Party } from './rules.ts';
import type { TransferTicket } from './ticket.ts';

type Memory = {
  readonly accounts: Map<Id, Party>;
  readonly gates: Map<Id, Gate>;
  /** Wallets are never deleted, nor do they change hands. */
  readonly wallets: Map<string, Id>;
  /** Those that positions settled in when they were last looked at. */
  readonly carrying: Set<Id>;
  readonly assets: Map<string, Movable>;
};

/** Some hundred bytes each: tens of megabytes at most. */
const REMEMBERED_MAX = 100_000;

const memoryOf = perDeps(
  (): Memory => ({
    accounts: new Map(),
    gates: new Map(),
    wallets: new Map(),
    carrying: new Set(),
    assets: new Map(),
  }),
);

export type Standing = {
  readonly account: (id: Id) => Party | undefined;
  readonly gate: (userId: Id) => Gate | undefined;
  readonly walletId: (name: WalletName) => Id | undefined;
  readonly hasPositions: (walletId: Id) => boolean;
  readonly asset: (code: string) => Movable | undefined;
};

/** What is known of the tickets' people, accounts and wallets; asks for what this process never met. */
export async function rememberStanding(
  reader: Tx,
  deps: Deps,
  tickets: readonly TransferTicket[],
): Promise<Standing> {
  const memory = memoryOf(deps);
  makeRoom(memory);
  const accountIds = tickets.flatMap(({ transfer }) => [transfer.fromAccountId, transfer.toAccountId]);
  const newAccounts = accountIds.filter((id) => !memory.accounts.has(id));
  if (newAccounts.length > 0) {
    for (const account of (await accountsByIds(reader, newAccounts)).values()) {
      memory.accounts.set(account.id, account);
    }
  }
  const newPeople = tickets.map(({ userId }) => userId).filter((userId) => !memory.gates.has(userId));
  if (newPeople.length > 0) {
    for (const gate of (await readGates(reader, newPeople)).values()) {
      memory.gates.set(gate.userId, gate);
    }
  }
  if (tickets.some(({ transfer }) => !memory.assets.has(transfer.asset))) {
    for (const { code, kind, scale } of await reader.select().from(assets)) {
      memory.assets.set(code, { kind, scale });
    }
  }
  const newNames = tickets
    .flatMap(({ transfer }) => namesOf(transfer))
    .filter((name) => !memory.wallets.has(walletKey(name)));
  for (const [key, wallet] of await findWallets(reader, newNames)) {
    memory.wallets.set(key, wallet.id);
  }
  return {
    account: (id) => memory.accounts.get(id),
    gate: (userId) => memory.gates.get(userId),
    walletId: (name) => memory.wallets.get(walletKey(name)),
    hasPositions: (walletId) => memory.carrying.has(walletId),
    asset: (code) => memory.assets.get(code),
  };
}

/** After a batch that was refused: what was believed of its people and accounts is asked anew. */
export function forgetStanding(deps: Deps, tickets: readonly TransferTicket[]): void {
  const { accounts, gates } = memoryOf(deps);
  for (const { userId, transfer } of tickets) {
    gates.delete(userId);
    accounts.delete(transfer.fromAccountId);
    accounts.delete(transfer.toAccountId);
  }
}

/** What was seen under the wallets' locks, so that the next batch need not be refused to know it. */
export function rememberPositions(
  deps: Deps,
  wallets: Iterable<{ readonly id: Id; readonly hasPositions: boolean }>,
): void {
  const { carrying } = memoryOf(deps);
  for (const { id, hasPositions } of wallets) {
    if (hasPositions) {
      carrying.add(id);
    } else {
      carrying.delete(id);
    }
  }
}

/** The condition that holds the gates and raises where people or accounts are not what was believed (I8). */
export function heldBy(standing: Standing, tickets: readonly TransferTicket[]): SQL {
  const gates = [...new Set(tickets.map(({ userId }) => userId))].sort().map((userId) => ({
    userId,
    gate: standing.gate(userId),
  }));
  const accountIds = [
    ...new Set(tickets.flatMap(({ transfer }) => [transfer.fromAccountId, transfer.toAccountId])),
  ].sort();
  const array = (texts: readonly (string | null)[], type: string) =>
    sql`${sql.param(arrayLiteral(texts))}::${sql.raw(type)}[]`;
  return sql`hold_standing(${array(gates.map(({ userId }) => gateLockName(userId)).sort(), 'text')},
    ${array(
      gates.map(({ userId }) => userId),
      'uuid',
    )},
    ${array(
      gates.map(({ gate }) => (gate === undefined ? null : String(gate.version))),
      'integer',
    )},
    ${array(
      gates.map(({ gate }) => gate?.userStatus ?? null),
      'text',
    )},
    ${array(accountIds, 'uuid')},
    ${array(
      accountIds.map((id) => standing.account(id)?.status ?? null),
      'text',
    )})`;
}

/** The two wallets of a transfer, by name. */
export function namesOf({ fromAccountId, toAccountId, asset }: TransferTicket['transfer']) {
  return [
    { accountId: fromAccountId, asset },
    { accountId: toAccountId, asset },
  ] as const;
}

function makeRoom({ accounts, gates, wallets, carrying }: Memory): void {
  for (const map of [accounts, gates, wallets, carrying]) {
    if (map.size > REMEMBERED_MAX) {
      map.clear();
    }
  }
}
