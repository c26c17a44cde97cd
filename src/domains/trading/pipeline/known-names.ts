/**
 * What a batch must know before it can ask for the rest: whose its accounts are, which instruments its symbols
 * name, and the ids of its wallets. This process remembers it, so that everything else goes out in one
 * flight behind the locks. Nothing is decided on memory: what the flight reads is decided on, and where it
 * contradicts what was remembered the batch begins anew.
 */

import type { Id } from '../../../kernel/id.ts';
import { type Ctx, type Deps, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { onCommit } from '../../../platform/db/transact.ts';
import { readerOf } from '../../../platform/db/transact-at-once.ts';
import { type Account, accountsByIds } from '../../accounts/index.ts';
import { type Book, findWallets, houseWallet, type WalletName, walletKey } from '../../ledger/index.ts';
import { instrumentsBySymbol, type PricedInstrument } from '../../markets/index.ts';
import type { Ticket } from './ticket.ts';

export type NamedAccount = Pick<Account, 'id' | 'userId' | 'type'>;

export type NamedInstrument = Pick<
  PricedInstrument,
  'id' | 'symbol' | 'kind' | 'baseAsset' | 'quoteAsset' | 'settlementAsset'
>;

/** A ticket with the account and the instrument it names, as they are remembered. */
export type Named = {
  readonly ticket: Ticket;
  readonly account: NamedAccount;
  readonly instrument: NamedInstrument;
};

export type Names = {
  /** Tickets that name an account of their owner's and an instrument. */
  readonly named: readonly Named[];
  /** The accounts that tickets name as their owners; of any other nothing is read. */
  readonly accountIds: readonly Id[];
  readonly walletId: (name: WalletName) => Id | undefined;
};

/** Thrown where what was remembered of an account or instrument is so no more; nothing was written. */
export class NamesChanged extends Error {
  override readonly name = 'NamesChanged';
}

/** Each some hundred bytes. */
const REMEMBERED_MAX = 200_000;

type Memory = {
  readonly accounts: Map<Id, NamedAccount>;
  readonly instruments: Map<string, NamedInstrument>;
  /** Wallets are never deleted, nor do they change hands. */
  readonly wallets: Map<string, Id>;
  readonly fees: Map<string, Id>;
};

const memoryOf = perDeps(
  (): Memory => ({ accounts: new Map(), instruments: new Map(), wallets: new Map(), fees: new Map() }),
);

/** Names what tickets speak of; asks for what this process never met. `walletsOf` says which wallets are of interest. */
export async function nameTickets(
  ctx: Ctx,
  tickets: readonly Ticket[],
  walletsOf: (named: Named) => readonly WalletName[],
  limit = REMEMBERED_MAX,
): Promise<Names> {
  const reader = readerOf(ctx, 'engine');
  const { accounts, instruments } = await learnNames(reader, memoryOf(ctx.deps), tickets, limit);
  const owned = tickets.flatMap((ticket) => {
    const account = accounts.get(ticket.order.accountId);
    return account?.userId === ticket.userId ? [{ ticket, account }] : [];
  });
  const named = owned.flatMap(({ ticket, account }) => {
    const instrument = instruments.get(ticket.order.symbol);
    return instrument === undefined ? [] : [{ ticket, account, instrument }];
  });
  return {
    named,
    accountIds: [...new Set(owned.map(({ account }) => account.id))],
    walletId: await nameWallets(reader, ctx.deps, named.flatMap(walletsOf), limit),
  };
}

/** Learns whose the accounts of tickets are, and of which book, where this process never met them. */
export async function learnAccounts(ctx: Ctx, tickets: readonly Ticket[]): Promise<void> {
  await namedAccounts(readerOf(ctx, 'engine'), memoryOf(ctx.deps), tickets, REMEMBERED_MAX);
}

/** Whether this process has met the account of a ticket; one that does not exist it never meets. */
export function isMet(deps: Deps, { order }: Ticket): boolean {
  return memoryOf(deps).accounts.has(order.accountId);
}

/** Whether a ticket is known to trade real money of whoever sent it: an account is live or paper for good. */
export function isKnownLive(deps: Deps, { userId, order }: Ticket): boolean {
  const account = memoryOf(deps).accounts.get(order.accountId);
  return account?.type === 'live' && account.userId === userId;
}

/**
 * The ids of wallets by name; one that was never made is missing. Whoever holds locks reads with its own transaction: a
 * connection of the pool may be waited for by those who wait for the locks.
 */
export async function nameWallets(
  tx: Tx,
  deps: Deps,
  names: readonly WalletName[],
  limit = REMEMBERED_MAX,
): Promise<(name: WalletName) => Id | undefined> {
  const nameOf = new Map(names.map((name) => [walletKey(name), name]));
  const ids = await recall(memoryOf(deps).wallets, [...nameOf.keys()], limit, async (unknown) => {
    const found = await findWallets(
      tx,
      unknown.flatMap((key) => nameOf.get(key) ?? []),
    );
    return [...found].map(([key, { id }]) => [key, id]);
  });
  return (name) => ids.get(walletKey(name));
}

/** The wallets that fees of trades are paid into, made on first use. @shape by `<book> <asset>` */
export async function feeWallets(
  tx: Tx,
  ctx: Ctx,
  wanted: readonly { readonly book: Book; readonly asset: string }[],
): Promise<ReadonlyMap<string, Id>> {
  const { fees } = memoryOf(ctx.deps);
  const found = new Map<string, Id>();
  for (const { book, asset } of wanted) {
    const key = `${book} ${asset}`;
    const known = fees.get(key) ?? found.get(key);
    if (known === undefined) {
      const house = { role: 'fees_earned', reference: 'trading', book, asset } as const;
      const { id } = await houseWallet(tx, ctx, house);
      // It may just have been made, and not be there in the end.
      onCommit(tx, () => remember(fees, key, id, REMEMBERED_MAX));
      found.set(key, id);
    } else {
      found.set(key, known);
    }
  }
  return found;
}

/**
 * Holds what was remembered against what was read behind the locks.
 * @errors NamesChanged, and the next batch asks again
 */
export function confirmNames(
  deps: Deps,
  { named }: Names,
  accounts: ReadonlyMap<Id, Account>,
  instruments: ReadonlyMap<string, PricedInstrument>,
): void {
  const memory = memoryOf(deps);
  let changed = false;
  for (const { account, instrument } of named) {
    if (!isStill(account, accounts.get(account.id))) {
      changed = true;
      memory.accounts.delete(account.id);
    }
    if (!isStill(instrument, instruments.get(instrument.symbol))) {
      changed = true;
      memory.instruments.delete(instrument.symbol);
    }
  }
  if (changed) {
    throw new NamesChanged('an account or instrument is not what it was');
  }
}

function namedAccounts(reader: Tx, memory: Memory, tickets: readonly Ticket[], limit: number) {
  return recall(
    memory.accounts,
    tickets.map(({ order }) => order.accountId),
    limit,
    async (unknown) =>
      [...(await accountsByIds(reader, unknown)).values()].map(({ id, userId, type }) => [
        id,
        { id, userId, type },
      ]),
  );
}

async function learnNames(reader: Tx, memory: Memory, tickets: readonly Ticket[], limit: number) {
  const accounts = await namedAccounts(reader, memory, tickets, limit);
  const instruments = await recall(
    memory.instruments,
    tickets.map(({ order }) => order.symbol),
    limit,
    async (unknown) =>
      [...(await instrumentsBySymbol(reader, unknown)).values()].map(
        ({ id, symbol, kind, baseAsset, quoteAsset, settlementAsset }) => [
          symbol,
          { id, symbol, kind, baseAsset, quoteAsset, settlementAsset },
        ],
      ),
  );
  return { accounts, instruments };
}

/**
 * What is remembered of keys, and what is asked of the others now. Apart from the memory, which may forget one of
 * these very keys while it learns the others: what is missing here was asked for and is not there.
 */
async function recall<Key, Value>(
  memory: Map<Key, Value>,
  keys: readonly Key[],
  limit: number,
  ask: (unknown: readonly Key[]) => Promise<readonly (readonly [Key, Value])[]>,
): Promise<ReadonlyMap<Key, Value>> {
  const recalled = new Map<Key, Value>();
  const unknown: Key[] = [];
  for (const key of keys) {
    const value = memory.get(key);
    if (value === undefined) {
      unknown.push(key);
    } else {
      recalled.set(key, value);
    }
  }
  if (unknown.length > 0) {
    for (const [key, value] of await ask(unknown)) {
      remember(memory, key, value, limit);
      recalled.set(key, value);
    }
  }
  return recalled;
}

function isStill<Remembered extends object>(
  remembered: Remembered,
  now: { readonly [Name in keyof Remembered]: unknown } | undefined,
): boolean {
  return (
    now !== undefined &&
    (Object.keys(remembered) as (keyof Remembered)[]).every((name) => remembered[name] === now[name])
  );
}

function remember<Key, Value>(known: Map<Key, Value>, key: Key, value: Value, limit: number): void {
  const oldest = known.size >= limit ? known.keys().next().value : undefined;
  if (oldest !== undefined) {
    known.delete(oldest);
  }
  known.set(key, value);
}
