/**
 * What a posting by hand does to the lots of the wallets it touches, so that they go on adding up (I16).
 * Units that leave go by the method of their account; units that come in open one; where they take the place of others
 * (a split, a merger, a new symbol) each lot goes over with its cost and its date.
 */
import { eq, inArray, sql } from 'drizzle-orm';
import { type Amount, amountOf, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseLedger } from '../errors.ts';
import type { LockedWallet } from '../lock-wallets.ts';
import { consumeLots, type NewLot, openLots } from '../lots.ts';
import { lotDisposals, lots } from '../schema.ts';
import type { ManualEntry, ManualJournal, PostedWallets } from './manual-journal.ts';

/**
 * Whether the lots can follow.
 * @errors journal_lots_wrong
 */
export function refuseWrongLots(
  { entries }: ManualJournal,
  found: PostedWallets,
  fiat: ReadonlySet<string>,
): void {
  for (const entry of entries) {
    const wallet = present(found.get(entry.walletId), 'every wallet was found');
    const reason = lotFault(entry, wallet, { entries, found, fiat });
    if (reason !== null) {
      throw refuseLedger('journal_lots_wrong', { detail: reason });
    }
  }
}

/**
 * Moves the lots of a journal that was just posted; `found` are its wallets as they were before.
 * @effects rows of `lots` and `lot_disposals`
 */
export async function moveLots(
  tx: Tx,
  ctx: Ctx,
  journal: ManualJournal & { readonly id: Id },
  found: PostedWallets,
  fiat: ReadonlySet<string>,
): Promise<void> {
  const moved = journal.entries.flatMap((entry) => {
    const wallet = present(found.get(entry.walletId), 'every wallet was found');
    return wallet.houseRole !== null || fiat.has(wallet.asset) ? [] : [{ entry, wallet }];
  });
  const gone = moved.flatMap(({ entry, wallet }) => {
    const quantity = entry.costFrom === wallet.id ? wallet.total : amountOf(-entry.amount);
    return quantity > 0n ? [{ walletId: wallet.id, quantity }] : [];
  });
  await consumeLots(
    tx,
    ctx,
    gone.map((disposal) => ({
      ...disposal,
      proceeds: null,
      referenceType: 'journal',
      referenceId: journal.id,
    })),
  );
  const parts = gone.length === 0 ? [] : await disposedBy(tx, journal.id);
  const opened = moved.flatMap(({ entry, wallet }) => {
    const quantity = entry.costFrom === wallet.id ? wallet.total + entry.amount : entry.amount;
    if (quantity <= 0n) {
      return [];
    }
    const source = sourceOf(journal);
    const lot = { ...ownerOf(wallet), source, referenceId: journal.id } as const;
    return entry.costFrom === undefined
      ? [{ ...lot, quantity: amountOf(quantity), cost: entry.cost ?? null }]
      : carried(
          parts.filter((part) => part.walletId === entry.costFrom),
          amountOf(quantity),
        ).map((part) => ({ ...lot, ...part }));
  });
  await openLots(tx, ctx, opened);
}

/**
 * Undoes what a posting did to lots, which name it by `referenceId`: what it opened must be untouched and is
 * closed, what it took is opened again with its cost and date. Units that a debt was repaid from are not: an adjustment
 * takes what is left of them, and another puts the debt back (`receivable` to `custody`), each agreed to by itself.
 * @effects rows of `lots` and `lot_disposals`
 * @errors journal_lots_used
 */
export async function undoLots(tx: Tx, ctx: Ctx, referenceId: Id, reversalId: Id): Promise<void> {
  const taken = await disposedBy(tx, referenceId);
  const opened = await tx.select().from(lots).where(eq(lots.referenceId, referenceId));
  if (opened.some((lot) => lot.quantityOpen !== lot.quantity)) {
    throw refuseLedger('journal_lots_used', {
      detail: 'Where a debt was repaid from it, take what is left and put the debt back by adjustments.',
    });
  }
  if (opened.length > 0) {
    await tx
      .update(lots)
      .set({ quantityOpen: ZERO, costOpen: sql`${lots.cost} * 0` })
      .where(
        inArray(
          lots.id,
          opened.map((lot) => lot.id),
        ),
      );
    await tx.insert(lotDisposals).values(
      opened.map((lot) => ({
        id: newId(),
        lotId: lot.id,
        userId: lot.userId,
        accountId: lot.accountId,
        quantity: lot.quantity,
        // What the lot bears now: averaging may have moved cost to it or from it since.
        cost: lot.costOpen,
        proceeds: null,
        currency: null,
        referenceType: 'journal',
        referenceId: reversalId,
        method: 'specific' as const,
        disposedAt: ctx.deps.clock.now(),
      })),
    );
  }
  await openLots(
    tx,
    ctx,
    taken.map((part) => ({ ...part, source: 'adjustment', referenceId: reversalId })),
  );
}

type Part = Omit<NewLot, 'source' | 'referenceId'> & { readonly acquiredAt: Instant };

/** What a posting took of which lots, oldest first. */
async function disposedBy(tx: Tx, referenceId: Id): Promise<readonly Part[]> {
  const rows = await tx
    .select({ lot: lots, quantity: lotDisposals.quantity, cost: lotDisposals.cost })
    .from(lotDisposals)
    .innerJoin(lots, eq(lots.id, lotDisposals.lotId))
    .where(eq(lotDisposals.referenceId, referenceId))
    .orderBy(lots.acquiredAt, lots.id);
  return rows.map(({ lot, quantity, cost }) => ({
    walletId: lot.walletId,
    userId: lot.userId,
    accountId: lot.accountId,
    asset: lot.asset,
    quantity,
    cost: cost === null || lot.costCurrency === null ? null : { amount: cost, currency: lot.costCurrency },
    acquiredAt: lot.acquiredAt,
  }));
}

/**
 * Spreads a new quantity over lots in proportion to the old ones. Shares are cumulative, so that they add
 * up; a lot too small to show in the new units leaves its cost to its neighbour.
 */
function carried(
  parts: readonly Part[],
  quantity: Amount,
): Pick<NewLot, 'quantity' | 'cost' | 'acquiredAt'>[] {
  const whole = parts.reduce((sum, part) => sum + part.quantity, 0n);
  const shares: { quantity: Amount; cost: NewLot['cost']; acquiredAt: Instant }[] = [];
  let seen = 0n;
  let given = 0n;
  let left: NewLot['cost'] = null;
  for (const { quantity: old, cost, acquiredAt } of parts) {
    seen += old;
    const upTo = divideRounded(quantity * seen, whole, 'down');
    const together = addCosts(left, cost);
    left = upTo === given ? together : null;
    if (upTo > given) {
      shares.push({ quantity: amountOf(upTo - given), cost: together, acquiredAt });
    }
    given = upTo;
  }
  const last = shares.pop();
  return last === undefined ? [] : [...shares, { ...last, cost: addCosts(left, last.cost) }];
}

function addCosts(left: NewLot['cost'], cost: NewLot['cost']): NewLot['cost'] {
  return left === null || cost === null || left.currency !== cost.currency
    ? cost
    : { amount: amountOf(left.amount + cost.amount), currency: cost.currency };
}

type LotFacts = {
  readonly entries: readonly ManualEntry[];
  readonly found: PostedWallets;
  readonly fiat: ReadonlySet<string>;
};

function lotFault(entry: ManualEntry, wallet: LockedWallet, facts: LotFacts): string | null {
  const { cost, costFrom, amount } = entry;
  if (cost === undefined && costFrom === undefined) {
    return null;
  }
  if (wallet.houseRole !== null || facts.fiat.has(wallet.asset)) {
    return 'only units of a customer have a cost';
  }
  if (cost !== undefined) {
    return costFrom === undefined && amount > 0n
      ? null
      : 'units that come in have a cost, given or taken over';
  }
  if (costFrom === wallet.id) {
    return wallet.total > 0n && wallet.total + amount > 0n ? null : 'the wallet holds no units to carry over';
  }
  const source = facts.entries.find(({ walletId }) => walletId === costFrom);
  const same = facts.found.get(costFrom ?? '')?.userId === wallet.userId;
  return source !== undefined && source.amount < 0n && amount > 0n && same && source.costFrom === undefined
    ? null
    : 'cost is taken over from another wallet of the same person that gives its units in this journal';
}

function ownerOf(wallet: LockedWallet) {
  return {
    walletId: wallet.id,
    userId: present(wallet.userId, 'a customer’s wallet has its owner'),
    accountId: present(wallet.accountId, 'a customer’s wallet has its account'),
    asset: wallet.asset,
  };
}

function sourceOf({ kind }: ManualJournal): NewLot['source'] {
  return kind === 'corporate_action' || kind === 'transfer' ? kind : 'adjustment';
}
