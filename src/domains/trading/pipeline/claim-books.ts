/**
 * Which process matches what. A session advisory lock names the owner; the epoch row fences whoever
 * had it before, should their connection be the one that was lost.
 */
import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import { type Deps, machineCtx } from '../../../platform/context.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { allInstruments } from '../../markets/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { bookOwners } from '../schema.ts';
import { executionOf } from '../venues/venues.ts';
import { type Book, type BookName, bookKey, type Desk, emptyBook } from './desk.ts';
import { forget } from './rebuild-book.ts';

type Listed = {
  readonly name: BookName;
  readonly symbol: string;
  readonly lot: bigint;
  readonly venue: string | null;
};

const BOOKS = ['live', 'paper'] as const;

/**
 * Takes every book that nobody owns, and begins those anew whose lot or execution two people changed.
 * @effects session locks on the given connection, `book_owners`, audit `book.claimed`; books that
 *   are not ready yet, on the desk
 */
export async function claimBooks(deps: Deps, desk: Desk, session: postgres.Sql): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const instruments = await transact(ctx, 'engine', (tx) => allInstruments(tx));
  for (const instrument of instruments) {
    for (const book of BOOKS) {
      const name = { instrumentId: instrument.id, book };
      const execution = executionOf(deps, book, instrument.execution);
      const known = desk.find(name);
      if (execution === null) {
        // Nobody would execute its orders, so nobody owns it: what is open stays as it is.
        desk.books.delete(bookKey(name));
        continue;
      }
      const venue = execution === 'internal' ? null : execution.venue;
      const listed = { name, symbol: instrument.symbol, lot: instrument.lot, venue };
      if (known !== undefined && (known.lot !== instrument.lot || known.venue !== venue)) {
        known.lot = instrument.lot;
        known.venue = venue;
        forget(known);
      }
      if (known === undefined && (await tryOwn(session, name))) {
        desk.books.set(bookKey(name), await claim(deps, listed));
      }
    }
  }
}

async function tryOwn(session: postgres.Sql, name: BookName): Promise<boolean> {
  const [row] = await session`
    select pg_try_advisory_lock(hashtextextended(${`owner:${bookKey(name)}`}, 0)) as owned`;
  return row?.owned === true;
}

async function claim(deps: Deps, listed: Listed): Promise<Book> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'trading.engine' }, newId());
  const { instrumentId, book } = listed.name;
  const epoch = await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [bookKey(listed.name)]);
    const ownedSince = ctx.deps.clock.realNow();
    const [owner] = await tx
      .insert(bookOwners)
      .values({ instrumentId, book, epoch: 1n, lastBookSeq: 0n, ownedSince })
      .onConflictDoUpdate({
        target: [bookOwners.instrumentId, bookOwners.book],
        set: { epoch: sql`${bookOwners.epoch} + 1`, ownedSince },
      })
      .returning();
    const raised = owner?.epoch ?? 1n;
    await record(tx, ctx, {
      event: TRADING_EVENTS['book.claimed'],
      resource: { type: 'book', id: instrumentId },
      subjectUserId: null,
      after: { symbol: listed.symbol, book, epoch: raised.toString() },
    });
    return raised;
  });
  return emptyBook(listed.name, listed, epoch);
}
