/**
 * Fencing: a transaction that numbers or settles orders of a book holds a shared lock on it and
 * proves that the epoch it works under is still the book's. Whoever takes a book over raises the
 * epoch under the exclusive lock, so no transaction of the former owner can commit after it.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { lockShared } from '../../../platform/db/locks.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together } from '../../../platform/db/transact.ts';
import { type Book, bookKey } from './desk.ts';

/** Thrown where another process owns the book by now. */
export class BookLost extends Error {
  override readonly name = 'BookLost';
  readonly keys: readonly string[];

  constructor(keys: readonly string[]) {
    super('another engine owns the book');
    this.keys = keys;
  }
}

/**
 * Keeps the books' owners from changing until the transaction ends. Take it before any other lock.
 * @errors BookLost
 */
export async function holdBooks(tx: Tx, books: readonly Book[]): Promise<void> {
  if (books.length === 0) {
    return;
  }
  // In this order: whoever is found to be the owner is so until the lock is let go.
  await together(lockShared(tx, books.map(bookKey)), proveOwner(tx, books));
}

/** The second half of `holdBooks`, for whoever holds the locks of the books. @errors BookLost */
export async function proveOwner(tx: Tx, books: readonly Book[]): Promise<void> {
  const instrumentIds = sql.param(
    arrayParameter(
      'uuid',
      books.map((book) => book.instrumentId),
    ),
  );
  const rows = await executePrepared<{ instrument_id: string; book: 'live' | 'paper'; epoch: string }>(
    tx,
    sql`select instrument_id, book, epoch::text as epoch from book_owners
      where instrument_id = any (${instrumentIds}::uuid[])`,
  );
  const epochs = new Map(
    rows.map((row) => [bookKey({ instrumentId: row.instrument_id, book: row.book }), row.epoch]),
  );
  const lost = books.filter((book) => epochs.get(bookKey(book)) !== book.epoch.toString());
  if (lost.length > 0) {
    throw new BookLost(lost.map(bookKey));
  }
}
