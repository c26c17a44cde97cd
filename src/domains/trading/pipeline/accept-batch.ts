/**
 * One transaction for many orders: lock, decide in arrival order, write one statement per table,
 * commit, answer. Rules decide before anything is written, so a bad order does not fail the others;
 * should the transaction fail all the same, the batch is halved until the culprit stands alone.
 */
import { sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { accountsByIds } from '../../accounts/index.ts';
import { changeReserved, customerWallet, findWallets, walletKey } from '../../ledger/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { ORDERS_CHANNEL } from '../record-cancel-requests.ts';
import { orderEvents, orders } from '../schema.ts';
import { type Decided, decideBatch, firstEventData, type Outcome, sortTickets } from './accept-decisions.ts';
import { type Candidate, earlierOrders, lockStanding, pricedInstruments } from './accept-reads.ts';
import type { Book, Desk } from './desk.ts';
import { newOrderCommand } from './engine-commands.ts';
import { BookLost, holdBooks } from './fence.ts';
import type { Waiting } from './intake.ts';
import { giveUpBooks } from './rebuild-book.ts';
import type { Ticket } from './ticket.ts';

export type Accepting = {
  readonly deps: Deps;
  readonly desk: Desk;
  /** Called after a commit that gave a book something to do. */
  readonly wake: () => void;
};

/** Answers every order of a batch; never throws. */
export async function acceptBatch(accepting: Accepting, batch: readonly Waiting[]): Promise<void> {
  try {
    const outcomes = await acceptTickets(
      accepting,
      batch.map(({ ticket }) => ticket),
    );
    const waitingOf = new Map(batch.map((waiting) => [waiting.ticket, waiting]));
    for (const outcome of outcomes) {
      const waiting = present(waitingOf.get(outcome.ticket), 'an outcome answers a ticket of the batch');
      if ('error' in outcome) {
        waiting.reject(outcome.error);
      } else {
        waiting.resolve(outcome.placed);
      }
    }
  } catch (error) {
    if (batch.length === 1) {
      batch[0]?.reject(error);
      return;
    }
    const middle = Math.ceil(batch.length / 2);
    await acceptBatch(accepting, batch.slice(0, middle));
    await acceptBatch(accepting, batch.slice(middle));
  }
}

/** @effects `orders`, `order_events`, `wallets.reserved`, audit; work for the books this process owns */
async function acceptTickets(accepting: Accepting, tickets: readonly Ticket[]): Promise<readonly Outcome[]> {
  const ctx = machineCtx(accepting.deps, { kind: 'system', name: 'trading.accept' }, newId());
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { outcomes, decided } = await transact(ctx, 'engine', (tx) =>
        acceptIn(tx, ctx, accepting.desk, tickets),
      );
      admit(accepting, decided);
      return outcomes;
    } catch (error) {
      if (error instanceof BookLost) {
        giveUpBooks(accepting.desk, error);
      } else if (sqlStateOf(error) !== '23505' || attempt > 1) {
        throw error;
      }
      // Another process took the key or the number first: read again, now it is there.
    }
  }
}

async function acceptIn(tx: Tx, ctx: Ctx, desk: Desk, tickets: readonly Ticket[]) {
  const accounts = await accountsByIds(
    tx,
    tickets.map((ticket) => ticket.order.accountId),
  );
  const instruments = await pricedInstruments(tx, tickets);
  const owned = booksOf(desk, tickets, accounts, instruments);
  await holdBooks(tx, owned);
  const earlier = await earlierOrders(tx, tickets);
  const sorted = sortTickets(tickets, accounts, instruments, earlier);
  if (sorted.candidates.length === 0) {
    return { outcomes: sorted.outcomes, decided: [] };
  }
  const standing = await lockStanding(tx, ctx, sorted.candidates);
  const held = new Set(owned);
  const { decided, outcomes } = decideBatch(
    sorted.candidates,
    standing,
    earlier,
    ctx.deps.clock.now(),
    ({ account, instrument }) => {
      const book = desk.find({ instrumentId: instrument.id, book: account.type });
      return book !== undefined && held.has(book) ? book : undefined;
    },
  );
  await write(tx, ctx, decided);
  return { outcomes: [...sorted.outcomes, ...outcomes], decided };
}

function booksOf(
  desk: Desk,
  tickets: readonly Ticket[],
  accounts: Awaited<ReturnType<typeof accountsByIds>>,
  instruments: Awaited<ReturnType<typeof pricedInstruments>>,
): Book[] {
  const books = new Set<Book>();
  for (const { order } of tickets) {
    const account = accounts.get(order.accountId);
    const instrument = instruments.get(order.symbol);
    if (account !== undefined && instrument !== undefined) {
      const book = desk.find({ instrumentId: instrument.id, book: account.type });
      if (book?.ready) {
        books.add(book);
      }
    }
  }
  return [...books];
}

async function write(tx: Tx, ctx: Ctx, decided: readonly Decided[]): Promise<void> {
  const accepted = decided.filter(({ order }) => order.status !== 'rejected');
  await changeReserved(
    tx,
    accepted.map(({ order }) => ({
      walletId: present(order.walletId, 'an accepted order has a funding wallet'),
      delta: order.reservation,
    })),
  );
  await makeReceivingWallets(
    tx,
    ctx,
    accepted.map(({ candidate }) => candidate),
  );
  await insertRows(
    tx,
    orders,
    decided.map(({ order }) => order),
  );
  await insertRows(
    tx,
    orderEvents,
    decided.map(({ candidate, order }) => ({
      id: newId(),
      orderId: order.id,
      userId: order.userId,
      accountId: order.accountId,
      type: order.status === 'rejected' ? 'order.rejected' : 'order.accepted',
      data: firstEventData(order),
      requestId: candidate.ticket.ctx.requestId,
      occurredAt: order.placedAt,
    })),
  );
  await recordMany(
    tx,
    ctx,
    decided.map(({ candidate, order }) => ({
      event: TRADING_EVENTS[order.status === 'rejected' ? 'order.rejected' : 'order.placed'],
      resource: { type: 'order', id: order.id },
      subjectUserId: order.userId,
      after: { ...order, bookSeq: order.bookSeq?.toString() ?? null },
      ctx: candidate.ticket.ctx,
    })),
  );
  if (accepted.some(({ order }) => order.status === 'pending')) {
    await tx.execute(sql`select pg_notify(${ORDERS_CHANNEL}, '')`);
  }
}

/** So that settlement finds every wallet it pays into and makes none while it holds locks. */
async function makeReceivingWallets(tx: Tx, ctx: Ctx, accepted: readonly Candidate[]): Promise<void> {
  const names = accepted.map(({ account, instrument, ticket }) => ({
    account,
    accountId: account.id,
    asset: ticket.order.side === 'buy' ? instrument.baseAsset : instrument.quoteAsset,
  }));
  const found = await findWallets(tx, names);
  const missing = new Map(
    names.filter((name) => !found.has(walletKey(name))).map((name) => [walletKey(name), name]),
  );
  for (const { account, asset } of missing.values()) {
    await customerWallet(
      tx,
      ctx,
      { userId: account.userId, accountId: account.id, book: account.type },
      asset,
    );
  }
}

/** After the commit: what is durable enters the books, in the order of its numbers. */
function admit(accepting: Accepting, decided: readonly Decided[]): void {
  for (const { order, book } of decided) {
    if (order.bookSeq !== null) {
      book?.queue.push(newOrderCommand(order, order.bookSeq));
    }
  }
  if (decided.length > 0) {
    accepting.wake();
  }
}
