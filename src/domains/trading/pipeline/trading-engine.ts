/**
 * The life of the order path in one process. The accept lane works in every process that takes
 * orders; books are owned, matched and settled only between `start` and `stop`. One loop does all
 * that: it settles what waits, and every second, or when another process calls, it looks for books
 * without an owner, orders whose time is over or without a number, and cancels not carried out.
 */
import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { type Id, newId } from '../../../kernel/id.ts';
import { CADENCE } from '../../../platform/changes/cadence.ts';
import { changes } from '../../../platform/changes/changes.ts';
import { type Deps, machineCtx, perDeps } from '../../../platform/context.ts';
import { openSession } from '../../../platform/db/client.ts';
import { PRICES_SUBJECT } from '../../markets/index.ts';
import { BREAKERS_CHANNEL } from '../../risk/index.ts';
import type { OpenOrder } from '../engine/book-state.ts';
import { type Depth, depth, heldOrders, openOrders, type StandingOrder } from '../engine/order-book.ts';
import { ORDERS_CHANNEL } from '../record-cancel-requests.ts';
import { EXPIRE_MAX, requestExpiries } from '../request-expiries.ts';
import { ORDERS_MOVED } from '../stream/moved.ts';
import { collectFromVenues } from '../venues/call-venue.ts';
import { collectResolutions } from '../venues/collect-resolutions.ts';
import { createVenueLane, type VenueLane } from '../venues/venue-lane.ts';
import { acceptBatch } from './accept-batch.ts';
import { type Backlog, createBacklog } from './backlog.ts';
import { claimBooks } from './claim-books.ts';
import { type BookName, createDesk, type Desk } from './desk.ts';
import { engineReason } from './engine-commands.ts';
import { BookLost } from './fence.ts';
import { followMarket } from './follow-market.ts';
import { createIntake, type Intake } from './intake.ts';
import { isKnownLive, isMet, learnAccounts } from './known-names.ts';
import { tellTops } from './market-tops.ts';
import {
  admitPending,
  collectCancels,
  endUnknown,
  forget,
  giveUpBooks,
  rebuildBook,
} from './rebuild-book.ts';
import { nameOf, settleStep } from './settle-lane.ts';
import { hasParked } from './take-back.ts';
import type { OrderRow, Placed, Ticket } from './ticket.ts';
import { followBreakers } from './tripped-books.ts';

export type TradingEngine = {
  /** Takes the books that nobody owns and begins to match. @effects session locks, `book_owners` */
  readonly start: () => Promise<void>;
  /** Answers what was taken, settles it, and gives the books up. */
  readonly stop: () => Promise<void>;
  /** @errors busy, not_found, unknown_symbol, idempotency_key_reused, client_order_id_reused */
  readonly submit: (ticket: Ticket) => Promise<Placed>;
  /** Takes all of them or, where they are too many at once, none. @errors busy */
  readonly submitMany: (tickets: readonly Ticket[]) => Promise<PromiseSettledResult<Placed>[]>;
  /** Hands durable cancels to the books; resolves when they are settled, or soon. */
  readonly carryOutCancels: (orders: readonly OrderRow[]) => Promise<void>;
  /** The book as this process matches it; null where it does not. */
  readonly depth: (name: BookName, levels: number) => Depth | null;
  /** What rests in a book of this process, for comparison with the database. */
  readonly resting: (name: BookName) => readonly OpenOrder[] | null;
  /** What a book of this process holds for its price, for the same. */
  readonly held: (name: BookName) => readonly StandingOrder[] | null;
  /** Resolves when nothing that was accepted here waits any more. */
  readonly settled: () => Promise<void>;
  /** Drops what it holds in memory and reads it again, as it does after any failure. */
  readonly rebuild: () => Promise<void>;
};

const PAUSE_AFTER_FAILURE_MS = 250;

/** A cancel's caller hears of its end if that comes soon; the request is durable either way. */
const CANCEL_WAIT_MS = 2_000;

/** The order path of this process. */
export const tradingEngine: (deps: Deps) => TradingEngine = perDeps(buildEngine);

type Owning = { readonly session: postgres.Sql; readonly backend: string };

type Engine = {
  readonly deps: Deps;
  readonly desk: Desk;
  readonly intake: Intake;
  readonly venues: VenueLane;
  readonly backlog: Backlog;
  owning: Owning | null;
  running: Promise<void> | null;
  stopping: boolean;
  /** The loop has to look around before it settles on. */
  due: boolean;
  /** A price moved that orders are held for. */
  priced: boolean;
  /** Something happened since the loop last looked; it may not fall asleep over it. */
  nudged: boolean;
  wake: () => void;
  readonly idlers: (() => void)[];
};

function buildEngine(deps: Deps): TradingEngine {
  const desk = createDesk();
  const wake = (): void => nudge(engine);
  const backlog = createBacklog(desk);
  const intake = createIntake(
    async (batch) => {
      await acceptBatch({ deps, desk, wake }, batch);
      changes(deps).tell(ORDERS_MOVED);
    },
    backlog.room,
    (ticket) => isKnownLive(deps, ticket),
  );
  const engine: Engine = {
    deps,
    desk,
    intake,
    venues: createVenueLane(deps, wake, (lost) => giveUpBooks(desk, lost)),
    backlog,
    owning: null,
    running: null,
    stopping: false,
    due: true,
    priced: false,
    nudged: false,
    wake: () => {},
    idlers: [],
  };
  desk.wake = wake;
  return {
    start: () => start(engine),
    stop: () => stop(engine),
    submit: (ticket) => onceMet(deps, [ticket], () => intake.submit(ticket)),
    submitMany: (tickets) => onceMet(deps, tickets, () => intake.submitMany(tickets)),
    carryOutCancels: (rows) => carryOutCancels(engine, rows),
    depth: (name, levels) => {
      const book = desk.find(name);
      return book?.ready && book.replaying === 0 ? depth(book.matching, levels) : null;
    },
    resting: (name) => {
      const book = desk.find(name);
      return book === undefined ? null : openOrders(book.matching);
    },
    held: (name) => {
      const book = desk.find(name);
      return book === undefined ? null : heldOrders(book.matching);
    },
    settled: () => settled(engine),
    rebuild: async () => {
      await settled(engine);
      for (const book of desk.books.values()) {
        forget(book);
      }
      await settled(engine);
    },
  };
}

/** A live account that this process has not met yet is asked about first, so that it never waits behind play money. */
function onceMet<Result>(
  deps: Deps,
  tickets: readonly Ticket[],
  submit: () => Promise<Result>,
): Promise<Result> {
  const strangers = tickets.filter((ticket) => ticket.origin === undefined && !isMet(deps, ticket));
  const [first] = strangers;
  return first === undefined ? submit() : learnAccounts(first.ctx, strangers).then(submit);
}

async function start(engine: Engine): Promise<void> {
  if (engine.running !== null) {
    return;
  }
  engine.stopping = false;
  const session = openSession(engine.deps.db.connections.engine);
  const endOfPrices = changes(engine.deps).on(PRICES_SUBJECT, () => {
    if (waitsForPrices(engine.desk)) {
      engine.priced = true;
      nudge(engine);
    }
  });
  const ticker = setInterval(() => {
    engine.due = true;
    nudge(engine);
  }, CADENCE.lookMs);
  try {
    engine.owning = { session, backend: await backendOf(session) };
    for (const channel of [ORDERS_CHANNEL, BREAKERS_CHANNEL]) {
      await session.listen(channel, () => {
        engine.due = true;
        nudge(engine);
      });
    }
    await lookAround(engine);
  } catch (failure) {
    // A session that is left would keep its books from the next start, and from every other process.
    clearInterval(ticker);
    endOfPrices();
    engine.owning = null;
    engine.desk.books.clear();
    await session.end({ timeout: 5 }).catch(() => {});
    throw failure;
  }
  engine.running = loop(engine).finally(() => {
    clearInterval(ticker);
    endOfPrices();
  });
}

async function stop(engine: Engine): Promise<void> {
  if (engine.running === null || engine.owning === null) {
    return;
  }
  await engine.intake.close();
  engine.stopping = true;
  nudge(engine);
  await engine.running;
  engine.running = null;
  engine.desk.books.clear();
  await engine.owning.session.end({ timeout: 5 });
  engine.owning = null;
  // Whatever still comes in is durable as pending and matched by the next owner.
  engine.intake.open();
}

async function loop(engine: Engine): Promise<void> {
  for (;;) {
    let worked = false;
    try {
      if (engine.due) {
        engine.due = false;
        await lookAround(engine);
      }
      if (engine.priced) {
        engine.priced = false;
        await followMarket(engine.deps, engine.desk);
        collectFromVenues(engine.venues, engine.desk);
      }
      worked = await settleStep(engine.deps, engine.desk, engine.venues);
      if (worked) {
        changes(engine.deps).tell(ORDERS_MOVED);
      }
    } catch (error) {
      if (error instanceof BookLost) {
        giveUpBooks(engine.desk, error);
      }
      engine.deps.log.error({ failure: nameOf(error) }, 'the trading engine stumbled and goes on');
      await Bun.sleep(PAUSE_AFTER_FAILURE_MS);
      engine.due = true;
    }
    engine.backlog.stepped();
    const unready = [...engine.desk.books.values()].some((book) => !book.ready);
    // What a book that cannot be read has taken is durable: who stops leaves it to the next owner.
    if (engine.stopping && !worked && !engine.venues.calling()) {
      engine.venues.forget();
      tellIdle(engine);
      return;
    }
    if (unready && !engine.stopping) {
      engine.due = true;
    } else if (!worked && !engine.due && !engine.venues.busy() && !hasParked(engine.desk)) {
      tellIdle(engine);
      await asleep(engine);
    } else if (!worked && !engine.due) {
      await asleep(engine);
    }
  }
}

function tellIdle(engine: Engine): void {
  for (const idle of engine.idlers.splice(0)) {
    idle();
  }
}

/** Whether prices from outside may trigger something; a book's own trades do it at once. */
function waitsForPrices(desk: Desk): boolean {
  return [...desk.books.values()].some(
    ({ matching }) => !matching.makesPrices && (matching.triggers.held.size > 0 || matching.away.size > 0),
  );
}

function nudge(engine: Engine): void {
  engine.nudged = true;
  engine.wake();
}

async function asleep(engine: Engine): Promise<void> {
  if (!engine.nudged) {
    await new Promise<void>((resolve) => {
      engine.wake = resolve;
    });
  }
  engine.nudged = false;
}

/** Everything that is not on the hot path. */
async function lookAround(engine: Engine): Promise<void> {
  const { deps, desk, intake, owning } = engine;
  if (owning === null) {
    return;
  }
  await keepOwnership(engine, owning);
  await claimBooks(deps, desk, owning.session);
  await followBreakers(deps, desk);
  await expireDue(engine);
  for (const book of desk.books.values()) {
    if (!book.ready) {
      await intake.between(() => rebuildBook(deps, book));
    }
  }
  await followMarket(deps, desk);
  await intake.between(() => admitPending(deps, desk));
  const unknown = await collectCancels(deps, desk);
  if (unknown.length > 0) {
    await intake.between(async () => endUnknown(desk, unknown));
  }
  await collectResolutions(deps, desk);
  // Before anything is executed by them.
  await tellTops(deps, desk);
  collectFromVenues(engine.venues, desk);
}

/** Before a book is read: what ended while nobody matched does not enter it again. */
async function expireDue(engine: Engine): Promise<void> {
  const ctx = machineCtx(engine.deps, { kind: 'system', name: 'trading.engine' }, newId());
  const expired = await requestExpiries(ctx);
  // More than one transaction takes: the next look comes at once, and what is settled in between is not of these.
  engine.due ||= expired.length >= EXPIRE_MAX;
}

/** A session that the driver replaced has lost its locks, and with them every book. */
async function keepOwnership(engine: Engine, owning: Owning): Promise<void> {
  const backend = await backendOf(owning.session);
  if (backend === owning.backend) {
    return;
  }
  engine.deps.log.warn({}, 'the connection that owns the books was lost; they are claimed again');
  for (const book of engine.desk.books.values()) {
    forget(book);
  }
  engine.desk.books.clear();
  engine.owning = { session: owning.session, backend };
}

async function backendOf(session: postgres.Sql): Promise<string> {
  const [row] = await session`select pg_backend_pid()::text as backend`;
  return String(row?.backend);
}

async function carryOutCancels(engine: Engine, rows: readonly OrderRow[]): Promise<void> {
  const waits: Promise<void>[] = [];
  for (const order of rows) {
    const book = engine.desk.find(order);
    if (engine.running !== null && book?.ready && (order.bookSeq !== null || order.parentId !== null)) {
      const orderId: Id = order.id;
      waits.push(
        new Promise((settled) => {
          book.queue.push({ type: 'cancel', orderId, reason: engineReason(order.cancelReason), settled });
        }),
      );
    }
  }
  if (waits.length < rows.length) {
    engine.due = true;
    await engine.deps.db.engine.execute(sql`select pg_notify(${ORDERS_CHANNEL}, '')`);
  }
  nudge(engine);
  await Promise.race([Promise.all(waits), Bun.sleep(CANCEL_WAIT_MS)]);
}

async function settled(engine: Engine): Promise<void> {
  await engine.intake.between(() => Promise.resolve());
  if (engine.running === null) {
    return;
  }
  await new Promise<void>((resolve) => {
    engine.idlers.push(resolve);
    engine.due = true;
    nudge(engine);
  });
}
