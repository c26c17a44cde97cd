/**
 * What people may post by hand, and what is asked of it: once when it is put before another person, and
 * again, with every wallet locked, when that person has agreed.
 */
import { inArray } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, parseAmount, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import { type Id, isId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { HOUSE_CHART } from '../chart.ts';
import { refuseLedger } from '../errors.ts';
import { type JournalKind, misfit } from '../journal-kinds.ts';
import type { LockedWallet } from '../lock-wallets.ts';
import { expiredIn } from '../release-expired.ts';
import { assets, wallets } from '../schema.ts';

export type ManualEntry = {
  readonly walletId: Id;
  /** @units of the wallet's asset, signed: below zero it takes from the wallet */
  readonly amount: Amount;
  /** What units that come in cost, where that is known. */
  readonly cost?: { readonly amount: Amount; readonly currency: string } | undefined;
  /** The wallet whose lots these units take the place of: cost and dates go over. */
  readonly costFrom?: Id | undefined;
};

export type ManualJournal = {
  readonly kind: JournalKind;
  readonly description: string;
  readonly valueDate: string;
  readonly metadata: { readonly [key: string]: Json };
  readonly entries: readonly ManualEntry[];
};

export type PostedWallets = ReadonlyMap<Id, LockedWallet>;

/** A journal as its checkers see it. */
export function journalPayload(journal: ManualJournal): { readonly [key: string]: Json } {
  return {
    kind: journal.kind,
    description: journal.description,
    valueDate: journal.valueDate,
    metadata: journal.metadata,
    entries: journal.entries.map(({ walletId, amount, cost, costFrom }) => ({
      walletId,
      amount: formatAmount(amount),
      cost: cost === undefined ? null : { amount: formatAmount(cost.amount), currency: cost.currency },
      costFrom: costFrom ?? null,
    })),
  };
}

/** The journal that was approved. */
export function journalOfPayload(payload: { readonly [key: string]: Json }): ManualJournal {
  const { entries, ...rest } = payload as unknown as Omit<ManualJournal, 'entries'> & {
    readonly entries: readonly {
      readonly walletId: Id;
      readonly amount: string;
      readonly cost: { readonly amount: string; readonly currency: string } | null;
      readonly costFrom: Id | null;
    }[];
  };
  return {
    ...rest,
    entries: entries.map(({ walletId, amount, cost, costFrom }) => ({
      walletId,
      amount: parseAmount(amount),
      cost: cost === null ? undefined : { amount: parseAmount(cost.amount), currency: cost.currency },
      costFrom: costFrom ?? undefined,
    })),
  };
}

/** The wallets a journal names, unlocked, for looking at before anybody is asked. */
export async function readWallets(tx: Tx, ctx: Ctx, ids: readonly Id[]): Promise<PostedWallets> {
  const rows = await tx
    .select()
    .from(wallets)
    .where(inArray(wallets.id, [...new Set(ids)]));
  const expired = await expiredIn(tx, ctx, ids);
  return new Map(
    rows.map((wallet) => {
      const reserved = amountOf(wallet.reserved - (expired.get(wallet.id) ?? ZERO));
      return [wallet.id, { ...wallet, reserved }];
    }),
  );
}

/** Everybody whose money or debt a journal moves: none of them is its maker or its checker. */
export function personsIn(found: PostedWallets): readonly Id[] {
  const persons = [...found.values()].flatMap(({ userId, houseRole, houseReference }) =>
    houseRole === 'receivable' && houseReference !== null && isId(houseReference)
      ? [houseReference]
      : (userId ?? []),
  );
  return [...new Set(persons)].sort();
}

/**
 * Holds a journal against its wallets as they are.
 * @errors journal_wallet_unknown, journal_unbalanced, journal_misfit, wallet_not_active, insufficient_funds,
 *   house_balance_wrong_side
 */
export function refuseWrongEntries(
  journal: Pick<ManualJournal, 'kind' | 'entries'> & { readonly reversesId?: Id },
  found: PostedWallets,
): void {
  if (journal.entries.some(({ walletId }) => !found.has(walletId))) {
    throw refuseLedger('journal_wallet_unknown');
  }
  const legs = journal.entries.map(({ walletId, amount }) => ({
    wallet: present(found.get(walletId), 'every wallet was found'),
    amount,
  }));
  refuseUnbalanced(legs);
  const book = present(legs[0], 'a journal has entries').wallet.book;
  const reason =
    (legs.some(({ wallet }) => wallet.book !== book) ? 'live and paper do not mix' : null) ??
    misfit({ ...journal, book, legs }) ??
    (journal.kind === 'reversal' ? null : (givesAway(legs) ?? vanishes(journal, legs)));
  if (reason !== null) {
    throw refuseLedger('journal_misfit', { detail: reason });
  }
  if (legs.some(({ wallet }) => wallet.status !== 'active')) {
    throw refuseLedger('wallet_not_active');
  }
  refuseWrongSides(legs);
}

/** Which of these assets are money: money has no lots. */
export async function fiatAmong(tx: Tx, codes: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx
    .select({ code: assets.code, kind: assets.kind })
    .from(assets)
    .where(inArray(assets.code, [...new Set(codes)]));
  return new Set(rows.filter(({ kind }) => kind === 'fiat').map(({ code }) => code));
}

type WalletLeg = { readonly wallet: LockedWallet; readonly amount: Amount };

function refuseUnbalanced(legs: readonly WalletLeg[]): void {
  const sums = new Map<string, bigint>();
  for (const { wallet, amount } of legs) {
    sums.set(wallet.asset, (sums.get(wallet.asset) ?? 0n) + amount);
  }
  if ([...sums.values()].some((sum) => sum !== 0n)) {
    throw refuseLedger('journal_unbalanced');
  }
}

/** No hand moves one person's money to another. */
function givesAway(legs: readonly WalletLeg[]): string | null {
  const given = legs.some(
    ({ wallet: from, amount }) =>
      amount < 0n &&
      from.userId !== null &&
      legs.some(
        ({ wallet: to, amount: received }) =>
          received > 0n && to.userId !== null && to.userId !== from.userId && to.asset === from.asset,
      ),
  );
  return given ? 'money of one person is not given to another' : null;
}

/** A holder who gives up units gets others for them, or keeps the rest with the cost of all: no action takes alone. */
function vanishes(
  { kind, entries }: Pick<ManualJournal, 'kind' | 'entries'>,
  legs: readonly WalletLeg[],
): string | null {
  const gone = legs.some(({ wallet, amount }, place) => {
    const merges = entries[place]?.costFrom === wallet.id && wallet.total + amount > 0n;
    const gets = legs.some((other) => other.wallet.userId === wallet.userId && other.amount > 0n);
    return wallet.userId !== null && amount < 0n && !merges && !gets;
  });
  return kind === 'corporate_action' && gone ? 'units of a holder would be gone for nothing' : null;
}

/** A wallet may be named twice, by its id and as the house's: its entries count together. */
function refuseWrongSides(legs: readonly WalletLeg[]): void {
  const after = new Map<LockedWallet, bigint>();
  for (const { wallet, amount } of legs) {
    after.set(wallet, (after.get(wallet) ?? wallet.total) + amount);
  }
  for (const [wallet, total] of after) {
    if (wallet.houseRole === null && total < wallet.reserved) {
      throw refuseLedger('insufficient_funds');
    }
    const sign = wallet.houseRole === null ? 'positive' : HOUSE_CHART[wallet.houseRole].sign;
    if ((sign === 'positive' && total < 0n) || (sign === 'negative' && total > 0n)) {
      throw refuseLedger('house_balance_wrong_side');
    }
  }
}
