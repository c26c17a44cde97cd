/**
 * One transaction for many orders: lock, decide in arrival order, write one statement per table,
 * commit, answer. Rules decide before anything is written, so a bad order does not fail the others;
 * should the transaction fail all the same, the batch is halved until the culprit stands alone.
 */
import { sql } from 'drizzle-orm';
import { amountOf, ONE } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { together, transactInLane } from '../../../platform/db/transact.ts';
import { publishPacked } from '../../../platform/outbox/publish.ts';
import type { Account } from '../../accounts/index.ts';
import { suitabilityShown } from '../../identity/index.ts';
import { changeReserved, customerWallet, walletKey } from '../../ledger/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { TRADING_EVENTS } from '../audit.ts';
import { newsData } from '../order-news.ts';
import { ORDERS_CHANNEL } from '../record-cancel-requests.ts';
import { orderEvents } from '../schema.ts';
import { type Decided, decideBatch, type Outcome, sortTickets } from './accept-decisions.ts';
import {
  type Candidate,
  readBatch,
  receivingWallet,
  type Standing,
  standingOf,
  walletsOf,
} from './accept-reads.ts';
import { enqueue, worksOf } from './bound-orders.ts';
import { closeReplaced, replaces, shareAnew } from './close-replaced.ts';
import type { Book, Desk } from './desk.ts';
import { isHeldIn, type Spans, spansFor, tellSpans } from './feed-prices.ts';
import { BookLost } from './fence.ts';
import { holdStill } from './hold-still.ts';
import { firstEventData, insertOrders } from './insert-orders.ts';
import type { Waiting } from './intake.ts';
import { type Names, NamesChanged, nameTickets } from './known-names.ts';
import { isOutcomeUnknown } from './lost-answers.ts';
import { forget, giveUpBooks } from './rebuild-book.ts';
import { takePlace } from './take-place.ts';
import type { OrderRow, Ticket } from './ticket.ts';

/** What a batch did, to be told to the books. */
type Taken = {
  readonly decided: readonly Decided[];
  /** Every open order of the groups that these belong to. */
  readonly live: ReadonlyMap<Id, readonly OrderRow[]>;
  readonly spans: Spans;
};

export type Accepting = {
  readonly deps: Deps;
  readonly desk: Desk;
  /** Called after a commit that gave a book something to do. */
  readonly wake: () => void;
};

const NO_GROUPS: ReadonlyMap<Id, readonly OrderRow[]> = new Map();

/** However often what orders name changes while they are accepted. */
const RENAMED_MAX = 3;

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

/** @effects `orders`, `order_events`, outbox `trading.order_accepted` and `trading.order_rejected`, `wallets.reserved`, audit; work for the books this process owns */
async function acceptTickets(accepting: Accepting, tickets: readonly Ticket[]): Promise<readonly Outcome[]> {
  const ctx = machineCtx(accepting.deps, { kind: 'system', name: 'trading.accept' }, newId());
  const replacing = tickets.flatMap(({ replaces }) => replaces ?? []);
  for (let attempt = 1; ; attempt += 1) {
    const goOn = replacing.length === 0 ? undefined : await holdStill(accepting.desk, replacing);
    try {
      const names = await nameTickets(ctx, tickets, walletsOf);
      const { outcomes, ...taken } = await transactInLane(ctx, 'accept', (tx) =>
        acceptIn(tx, ctx, accepting.desk, tickets, names),
      );
      admit(accepting, taken);
      return outcomes;
    } catch (error) {
      if (error instanceof BookLost) {
        giveUpBooks(accepting.desk, error);
      } else if (error instanceof NamesChanged && attempt <= RENAMED_MAX) {
        // Two people changed an instrument just now: named anew, it is what it is by now.
      } else if (sqlStateOf(error) !== '23505' || attempt > 1) {
        if (isOutcomeUnknown(error)) {
          readAgain(accepting, tickets);
        }
        throw error;
      }
      // Another process took the key or the number first: read again, now it is there.
    } finally {
      if (goOn !== undefined) {
        goOn();
        accepting.wake();
        // What waited meanwhile is taken before the next batch can hold its book still again.
        await Bun.sleep(0);
      }
    }
  }
}

/** What may be durable without having entered its book gets there when the book is read again. */
function readAgain({ desk, wake }: Accepting, tickets: readonly Ticket[]): void {
  const symbols = new Set(tickets.map(({ order }) => order.symbol));
  for (const book of desk.books.values()) {
    if (symbols.has(book.symbol)) {
      forget(book);
    }
  }
  wake();
}

async function acceptIn(tx: Tx, ctx: Ctx, desk: Desk, tickets: readonly Ticket[], names: Names) {
  const owned = booksOf(desk, names);
  const read = await readBatch(tx, ctx, owned, tickets, names);
  const { accounts, instruments, earlier } = read;
  const sorted = sortTickets(tickets, accounts, instruments, earlier);
  if (sorted.candidates.length === 0) {
    return { outcomes: sorted.outcomes, decided: [], live: NO_GROUPS, spans: new Map() };
  }
  const standing = await standingOf(tx, ctx, read, sorted.candidates);
  const held = new Set(owned);
  const { decided, outcomes, alerts } = decideBatch(
    sorted.candidates,
    standing,
    earlier,
    ctx.deps.clock.now(),
    ({ account, instrument }) => {
      const book = desk.find({ instrumentId: instrument.id, book: account.type });
      return book !== undefined && held.has(book) ? book : undefined;
    },
  );
  await write(tx, ctx, decided, standing);
  await raiseAlerts(tx, ctx, alerts);
  const spans = await spansFor(tx, lateBooks(decided));
  return { outcomes: [...sorted.outcomes, ...outcomes], decided, live: standing.groups.live, spans };
}

/** The books that have yet to hear of prices from before orders that they are about to hold. */
function lateBooks(decided: readonly Decided[]): Book[] {
  return decided.flatMap(({ book, order, candidate }) =>
    book !== undefined && book.spans < candidate.instrument.priceSpans && isHeldIn(book, order) ? [book] : [],
  );
}

function booksOf(desk: Desk, { named }: Names): Book[] {
  const books = new Set<Book>();
  for (const { account, instrument } of named) {
    const book = desk.find({ instrumentId: instrument.id, book: account.type });
    if (book?.ready) {
      books.add(book);
    }
  }
  return [...books];
}

async function write(tx: Tx, ctx: Ctx, decided: readonly Decided[], standing: Standing): Promise<void> {
  const accepted = decided.filter(({ order }) => order.status !== 'rejected');
  const made = await makeReceivingWallets(tx, ctx, accepted, standing);
  for (const { order } of accepted) {
    // An exit sells what its entry has yet to bring: its wallet may be new.
    order.walletId ??=
      made.get(walletKey({ accountId: order.accountId, asset: order.reservationAsset })) ?? null;
  }
  const replaced = accepted.filter(replaces);
  const shared = [...standing.groups.shared.values()];
  const reservations = [
    ...shared.map(({ before, after }) => ({
      walletId: present(after.walletId, 'an open order has a funding wallet'),
      delta: amountOf(after.reservation - before.reservation),
    })),
    ...replaced.map(({ replaced: { walletId, reservation } }) => ({
      walletId: present(walletId, 'an open order has a funding wallet'),
      delta: amountOf(-reservation),
    })),
    ...accepted.map(({ order }) => ({
      walletId: present(order.walletId, 'an accepted order has a funding wallet'),
      delta: order.reservation,
    })),
  ];
  // What the same batch replaces ends with that: each version is told once.
  const gone = new Set(replaced.map((one) => one.replaced.id));
  const beside = shared.filter(({ after }) => !gone.has(after.id));
  if (beside.length > 0) {
    await shareAnew(tx, ctx, beside);
  }
  if (replaced.length > 0) {
    await closeReplaced(tx, ctx, replaced);
  }
  const events = decided.map(({ candidate, order }) => ({
    id: newId(),
    orderId: order.id,
    userId: order.userId,
    accountId: order.accountId,
    type: order.status === 'rejected' ? 'order.rejected' : 'order.accepted',
    data: firstEventData(order, candidate.ticket.batchHash),
    requestId: candidate.ticket.ctx.requestId,
    occurredAt: order.placedAt,
  }));
  const changes = decided.map(({ candidate, order, limitId }) => ({
    event: TRADING_EVENTS[order.status === 'rejected' ? 'order.rejected' : 'order.placed'],
    resource: { type: 'order', id: order.id },
    subjectUserId: order.userId,
    after: { ...order, limitId, bookSeq: order.bookSeq?.toString() ?? null, ...suiting(candidate, standing) },
    ctx: candidate.ticket.ctx,
  }));
  await together(
    changeReserved(tx, reservations),
    insertOrders(
      tx,
      decided.map(({ order }) => order),
    ),
    insertRows(tx, orderEvents, events),
    recordMany(tx, ctx, changes),
    publishPacked(
      tx,
      ctx,
      decided.map((one, place) => firstNews(one, present(events[place], 'each has its event').id)),
      'at_next_look',
    ),
  );
  if (accepted.some(({ order }) => order.status === 'pending')) {
    await tx.execute(sql`select pg_notify(${ORDERS_CHANNEL}, '')`);
  }
}

/** What its owner's feed says of an order that was just decided. */
function firstNews({ candidate, order }: Decided, id: Id) {
  const { rejectionReason, replacesId } = order;
  return {
    id,
    type: rejectionReason === null ? 'trading.order_accepted' : 'trading.order_rejected',
    userId: order.userId,
    accountId: order.accountId,
    requestId: candidate.ticket.ctx.requestId,
    data: {
      ...newsData(order, order.placedAt),
      ...(rejectionReason === null ? {} : { reason: rejectionReason }),
      ...(replacesId === null ? {} : { replacesId }),
    },
  };
}

/** What a leveraged order was held against. */
function suiting({ account, ticket }: Candidate, { risk }: Standing) {
  return ticket.order.leverage > ONE
    ? { suitableLeverage: suitabilityShown(risk.profiles.get(account.userId) ?? null) }
    : {};
}

/**
 * So that settlement finds every wallet it pays into and makes none while it holds locks.
 * @shape those that were made, by name
 */
async function makeReceivingWallets(
  tx: Tx,
  ctx: Ctx,
  accepted: readonly Decided[],
  { isMade }: Standing,
): Promise<ReadonlyMap<string, Id>> {
  const missing = new Map<string, { readonly account: Account; readonly asset: string }>();
  for (const { candidate } of accepted) {
    const name = receivingWallet(candidate);
    if (!isMade(name)) {
      missing.set(walletKey(name), { account: candidate.account, asset: name.asset });
    }
  }
  const made = new Map<string, Id>();
  for (const [name, { account, asset }] of missing) {
    const owner = { userId: account.userId, accountId: account.id, book: account.type };
    made.set(name, (await customerWallet(tx, ctx, owner, asset)).id);
  }
  return made;
}

/** After the commit: what is durable enters the books, in the order of its numbers. */
function admit(accepting: Accepting, { decided, live, spans }: Taken): void {
  for (const { book } of decided) {
    if (book !== undefined) {
      tellSpans(book, spans);
    }
  }
  const bound = decided.map(({ order }) => order).filter(({ groupId }) => groupId !== null);
  const groups = Map.groupBy(bound, ({ groupId }) => groupId);
  for (const { candidate, order, book, replaced, inGroup } of decided) {
    const held = replaced === null ? undefined : accepting.desk.find(replaced);
    const legs = inGroup && order.groupId !== null ? (live.get(order.groupId) ?? []) : [];
    const left = replaced === null || order.status === 'rejected' ? undefined : held;
    const enters = left === undefined || replaced === null || takePlace(left, replaced.id, order, legs);
    const { last } = candidate.instrument;
    if (order.bookSeq !== null && last !== null && book?.marked === null) {
      // The first price of an instrument: a trailing order needs one to begin at.
      book.marked = last;
      book.queue.push({ type: 'mark', price: last });
    }
    if (order.bookSeq !== null && book !== undefined && enters) {
      const bound = inGroup ? legs : (groups.get(order.groupId) ?? []);
      enqueue(book, worksOf([order], bound), bound);
    }
  }
  if (decided.length > 0) {
    accepting.wake();
  }
}
