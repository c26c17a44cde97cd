import { type InferSelectModel, sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount } from '../../kernel/amount.ts';
import { assert, present } from '../../kernel/assert.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { refuseLedger } from './errors.ts';
import { type journalKind, journals, type ledgerEntries, wallets } from './schema.ts';

export type Wallet = InferSelectModel<typeof wallets>;
export type Book = Wallet['book'];
export type JournalKind = (typeof journalKind.enumValues)[number];

export type NewEntry = { readonly walletId: Id; readonly amount: Amount };

export type NewJournal = {
  readonly book: Book;
  readonly kind: JournalKind;
  readonly referenceType: string;
  readonly referenceId: Id;
  readonly description: string;
  /** Sum to zero per asset. @units 1e-8 of the wallet's asset, signed */
  readonly entries: readonly NewEntry[];
  readonly metadata?: { readonly [key: string]: Json };
  /** The day interest and statements count from; the booking day unless given. @units YYYY-MM-DD */
  readonly valueDate?: string;
  readonly reversesId?: Id;
  readonly requestId?: string;
};

/**
 * Posts any number of journals in two statements: the one way money and units move (I1, I3). Wallets
 * are locked in id order; entries follow in the order given, so a batch behaves like one journal
 * after another. The database's own trigger proves the sums and moves the balances.
 * @effects rows of `journals` and `ledger_entries`; `wallets.total` by the trigger
 * @errors insufficient_funds (a customer wallet would fall below what is reserved), wallet_not_active
 * @shape journal ids in the order given
 */
export async function postJournals(
  tx: Tx,
  ctx: Ctx,
  postings: readonly NewJournal[],
): Promise<readonly Id[]> {
  if (postings.length === 0) {
    return [];
  }
  const bookedAt = ctx.deps.clock.now();
  const walletIds = postings.flatMap((posting) => posting.entries.map((entry) => entry.walletId));
  const locked = await lockRows(tx, wallets, walletIds);
  const balances = new Map(locked.map((wallet) => [wallet.id, openingOf(wallet)]));
  const journalRows = postings.map((posting) => journalRow(posting, bookedAt, ctx.requestId));
  const entryRows = postings.flatMap((posting, index) =>
    posting.entries.map((entry) =>
      entryRow(posting, present(journalRows[index], 'a row per posting').id, entry, balances, bookedAt),
    ),
  );
  refuseOverdraft(balances);
  await tx.insert(journals).values(journalRows);
  await insertEntries(tx, entryRows);
  return journalRows.map((row) => row.id);
}

type Running = { readonly wallet: Wallet; total: bigint; version: number };
type EntryRow = typeof ledgerEntries.$inferInsert;

function openingOf(wallet: Wallet): Running {
  return { wallet, total: wallet.total, version: wallet.version };
}

function journalRow(posting: NewJournal, bookedAt: Instant, requestId: string) {
  assert(posting.entries.length >= 2, 'a journal has at least two entries');
  return {
    id: newId(),
    bookedAt,
    book: posting.book,
    kind: posting.kind,
    referenceType: posting.referenceType,
    referenceId: posting.referenceId,
    description: posting.description,
    metadata: posting.metadata ?? {},
    valueDate: posting.valueDate ?? bookedAt.slice(0, 10),
    reversesId: posting.reversesId ?? null,
    requestId: posting.requestId ?? requestId,
  };
}

function entryRow(
  posting: NewJournal,
  journalId: Id,
  entry: NewEntry,
  balances: ReadonlyMap<Id, Running>,
  bookedAt: Instant,
): EntryRow {
  const running = present(balances.get(entry.walletId), 'an entry names a wallet that exists');
  if (running.wallet.status !== 'active') {
    throw refuseLedger('wallet_not_active');
  }
  running.total += entry.amount;
  running.version += 1;
  return {
    id: newId(),
    bookedAt,
    journalId,
    walletId: entry.walletId,
    userId: running.wallet.userId,
    accountId: running.wallet.accountId,
    book: posting.book,
    asset: running.wallet.asset,
    amount: entry.amount,
    balanceAfter: amountOf(running.total),
    walletVersion: running.version,
    kind: posting.kind,
    referenceType: posting.referenceType,
    referenceId: posting.referenceId,
  };
}

/** The CHECK on the wallet is the last authority (I2); this names the reason before it is hit. */
function refuseOverdraft(balances: ReadonlyMap<Id, Running>): void {
  for (const { wallet, total } of balances.values()) {
    if (wallet.houseRole === null && total < wallet.reserved) {
      throw refuseLedger('insufficient_funds');
    }
  }
}

/** Text arrays cast in SQL are cheaper than a parameter per value, and have no parameter limit. */
async function insertEntries(tx: Tx, rows: readonly EntryRow[]): Promise<void> {
  const column = (pick: (row: EntryRow) => string | null | undefined) =>
    sql`${sql.param(rows.map((row) => pick(row) ?? null))}::text[]`;
  await tx.execute(sql`
    insert into ledger_entries (id, booked_at, journal_id, wallet_id, user_id, account_id, book, asset, amount,
      balance_after, wallet_version, kind, reference_type, reference_id)
    select id::uuid, booked_at::timestamptz, journal_id::uuid, wallet_id::uuid, user_id::uuid, account_id::uuid,
      book::book, asset, amount::numeric, balance_after::numeric, wallet_version::bigint, kind::journal_kind,
      reference_type, reference_id::uuid
    from unnest(${column((row) => row.id)}, ${column((row) => row.bookedAt)}, ${column((row) => row.journalId)},
      ${column((row) => row.walletId)}, ${column((row) => row.userId)}, ${column((row) => row.accountId)},
      ${column((row) => row.book)}, ${column((row) => row.asset)}, ${column((row) => formatAmount(row.amount))},
      ${column((row) => formatAmount(row.balanceAfter))}, ${column((row) => String(row.walletVersion))},
      ${column((row) => row.kind)}, ${column((row) => row.referenceType)}, ${column((row) => row.referenceId)})
      as batch (id, booked_at, journal_id, wallet_id, user_id, account_id, book, asset, amount, balance_after,
        wallet_version, kind, reference_type, reference_id)`);
}
