import { describe, expect, test } from 'bun:test';
import { formatAmount, ONE, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { createOrderBook, type OrderBook } from './book-state.ts';
import type {
  CancelRequestReason,
  EngineCommand,
  EngineOrderType,
  EngineTimeInForce,
  Side,
} from './command.ts';
import type { EngineEvent } from './event.ts';
import { applyCommand, bestAsk, bestBid, depth, openOrders, restoreOrderBook } from './order-book.ts';

/*
 * The table language. Commands stand at the margin, what they answer is indented below:
 *
 *   new    id  person  side  type  tif  price  size  [post] [seq=N]    size $N is a notional, $N/Q one of at most Q units; the price of a market order is its cap
 *   cancel id  reason
 *   book                                                                prints the depth
 *
 *     resting    id  left
 *     trade      taker  maker  price  quantity  taker-left  maker-left
 *     done       id
 *     cancelled  id  reason  left
 *
 * Every order comes from an account of its own; the person is what self-match prevention looks at.
 */

describe('price-time priority', () => {
  test('the best price trades first, then the oldest order at it, at the price of the maker', () => {
    check(`
      new     S1  ann  sell  limit  gtc  101  2
        resting    S1  2
      new     S2  bob  sell  limit  gtc  100  2
        resting    S2  2
      new     S3  cat  sell  limit  gtc  100  2
        resting    S3  2
      new     B1  dan  buy   limit  gtc  102  5
        trade      B1  S2  100  2  3  0
        done       S2
        trade      B1  S3  100  2  1  0
        done       S3
        trade      B1  S1  101  1  0  1
        done       B1
      book
        ask        101  1  1
    `);
  });

  test('the highest bid is the best for a seller', () => {
    check(`
      new     B1  ann  buy   limit  gtc   99  1
        resting    B1  1
      new     B2  bob  buy   limit  gtc  100  1
        resting    B2  1
      new     B3  cat  buy   limit  gtc   98  1
        resting    B3  1
      new     S1  dan  sell  limit  gtc   99  3
        trade      S1  B2  100  1  2  0
        done       B2
        trade      S1  B1   99  1  1  0
        done       B1
        resting    S1  1
      book
        bid        98  1  1
        ask        99  1  1
    `);
  });

  test('a lower book sequence goes first though its command came later', () => {
    check(`
      new     S2  ann  sell  limit  gtc  100  1  seq=20
        resting    S2  1
      new     S3  bob  sell  limit  gtc  100  1  seq=30
        resting    S3  1
      new     S1  cat  sell  limit  gtc  100  1  seq=10
        resting    S1  1
      new     S4  eve  sell  limit  gtc  100  1  seq=25
        resting    S4  1
      new     B1  dan  buy   limit  ioc  100  3  seq=40
        trade      B1  S1  100  1  2  0
        done       S1
        trade      B1  S2  100  1  1  0
        done       S2
        trade      B1  S4  100  1  0  0
        done       S4
        done       B1
    `);
  });

  test('orders whose prices do not meet rest on both sides', () => {
    check(`
      new     B1  ann  buy   limit  day   99.99999999  1
        resting    B1  1
      new     S1  bob  sell  limit  gtd  100           1
        resting    S1  1
      book
        bid         99.99999999  1  1
        ask        100           1  1
    `);
  });
});

describe('partial fills', () => {
  test('a maker filled in part keeps its place in the queue', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  5
        resting    S1  5
      new     S2  bob  sell  limit  gtc  100  5
        resting    S2  5
      new     B1  cat  buy   limit  gtc  100  2
        trade      B1  S1  100  2  0  3
        done       B1
      new     B2  cat  buy   limit  gtc  100  4
        trade      B2  S1  100  3  1  0
        done       S1
        trade      B2  S2  100  1  0  4
        done       B2
      book
        ask        100  4  1
    `);
  });

  test('what a limit order cannot trade rests at its limit', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  2
        resting    S1  2
      new     B1  bob  buy   limit  day  101  5
        trade      B1  S1  100  2  3  0
        done       S1
        resting    B1  3
      book
        bid        101  3  1
    `);
  });
});

describe('time in force', () => {
  test('immediate-or-cancel trades what its limit allows and cancels the rest', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  2
        resting    S1  2
      new     S2  ann  sell  limit  gtc  102  2
        resting    S2  2
      new     B1  bob  buy   limit  ioc  101  5
        trade      B1  S1  100  2  3  0
        done       S1
        cancelled  B1  ioc_remainder  3
      new     B2  bob  buy   limit  ioc  101  1
        cancelled  B2  ioc_remainder  1
      book
        ask        102  2  1
    `);
  });

  test('fill-or-kill trades whole or leaves the book untouched', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  2
        resting    S1  2
      new     S2  ann  sell  limit  gtc  101  2
        resting    S2  2
      new     B1  bob  buy   limit  fok  101  5
        cancelled  B1  fok_unfillable  5
      new     B2  bob  buy   limit  fok  100  3
        cancelled  B2  fok_unfillable  3
      book
        ask        100  2  1
        ask        101  2  1
      new     B3  bob  buy   limit  fok  101  4
        trade      B3  S1  100  2  2  0
        done       S1
        trade      B3  S2  101  2  0  0
        done       S2
        done       B3
      book
    `);
  });

  test('fill-or-kill counts nothing behind an order of the same person', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  1
        resting    S1  1
      new     S2  bob  sell  limit  gtc  100  1
        resting    S2  1
      new     S3  ann  sell  limit  gtc  100  1
        resting    S3  1
      new     B1  bob  buy   limit  fok  100  2
        cancelled  B1  fok_unfillable  2
      new     B2  bob  buy   limit  fok  100  1
        trade      B2  S1  100  1  0  0
        done       S1
        done       B2
    `);
  });

  test('fill-or-kill works for market orders, by quantity and by notional', () => {
    check(`
      new     S1  ann  sell  limit   gtc  100     2
        resting    S1  2
      new     B1  bob  buy   market  fok    -     3
        cancelled  B1  fok_unfillable  3
      new     B2  bob  buy   market  fok    -  $300
        cancelled  B2  fok_unfillable  -
      new     B3  bob  buy   market  fok    -   $50
        cancelled  B3  fok_unfillable  -
      new     B4  bob  buy   market  fok    -  $150
        trade      B4  S1  100  1  -  1
        done       B4
      new     B5  bob  buy   market  fok    -     1
        trade      B5  S1  100  1  0  0
        done       S1
        done       B5
    `);
  });
});

describe('post-only', () => {
  test('rests when it takes nothing and is cancelled when it would, whoever the other side is', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  2
        resting    S1  2
      new     B1  bob  buy   limit  gtc   99  1  post
        resting    B1  1
      new     B2  bob  buy   limit  gtc  100  1  post
        cancelled  B2  post_only_would_cross  1
      new     B3  ann  buy   limit  gtc  105  1  post
        cancelled  B3  post_only_would_cross  1
      new     S2  cat  sell  limit  gtc   99  1  post
        cancelled  S2  post_only_would_cross  1
      book
        bid         99  1  1
        ask        100  2  1
    `);
  });
});

describe('market orders', () => {
  test('take the best prices and never rest', () => {
    check(`
      new     S1  ann  sell  limit   gtc  100  2
        resting    S1  2
      new     S2  ann  sell  limit   gtc  500  2
        resting    S2  2
      new     B1  bob  buy   market  day    -  5
        trade      B1  S1  100  2  3  0
        done       S1
        trade      B1  S2  500  2  1  0
        done       S2
        cancelled  B1  no_liquidity  1
      new     B2  bob  buy   market  ioc    -  5
        cancelled  B2  no_liquidity  5
      book
    `);
  });

  test('stop at their cap, which is inclusive, on either side', () => {
    check(`
      new     S1  ann  sell  limit   gtc  100  1
        resting    S1  1
      new     S2  ann  sell  limit   gtc  105  1
        resting    S2  1
      new     S3  ann  sell  limit   gtc  106  1
        resting    S3  1
      new     B1  bob  buy   market  ioc  105  3
        trade      B1  S1  100  1  2  0
        done       S1
        trade      B1  S2  105  1  1  0
        done       S2
        cancelled  B1  price_cap  1
      new     B2  bob  buy   limit   gtc   90  1
        resting    B2  1
      new     T1  cat  sell  market  ioc   91  1
        cancelled  T1  price_cap  1
      new     T2  cat  sell  market  ioc   90  1
        trade      T2  B2   90  1  0  0
        done       B2
        done       T2
    `);
  });

  test('by notional buy whole lots within the budget and are done when no lot fits', () => {
    check(`
      new     S1  ann  sell  limit   gtc  100     2
        resting    S1  2
      new     S2  ann  sell  limit   gtc  110     5
        resting    S2  5
      new     B1  bob  buy   market  ioc    -  $475
        trade      B1  S1  100  2  -  0
        done       S1
        trade      B1  S2  110  2  -  3
        done       B1
      new     B2  bob  buy   market  ioc    -  $330
        trade      B2  S2  110  3  -  0
        done       S2
        done       B2
    `);
  });

  test('by notional are cancelled when the budget is below one lot, the cap is met or the book is empty', () => {
    check(`
      new     B1  bob  buy   market  ioc    -  $500
        cancelled  B1  no_liquidity  -
      new     S1  ann  sell  limit   gtc  100     1
        resting    S1  1
      new     B2  bob  buy   market  ioc    -   $99.99999999
        cancelled  B2  notional_too_small  -
      new     B3  bob  buy   market  ioc   99  $500
        cancelled  B3  price_cap  -
      new     B4  bob  buy   market  ioc    -  $500
        trade      B4  S1  100  1  -  0
        done       S1
        cancelled  B4  no_liquidity  -
    `);
  });

  test('by notional are done, not cancelled, when the next price leaves no lot within the budget', () => {
    check(`
      new     S1  ann  sell  limit   gtc  100     1
        resting    S1  1
      new     S2  bob  sell  limit   gtc  150     1
        resting    S2  1
      new     B1  bob  buy   market  ioc    -  $220
        trade      B1  S1  100  1  -  0
        done       S1
        done       B1
    `);
  });

  test('by notional sell until the proceeds are reached', () => {
    check(`
      new     B1  ann  buy   limit   gtc  100     2
        resting    B1  2
      new     S1  bob  sell  market  ioc    -  $150
        trade      S1  B1  100  1  -  1
        done       S1
    `);
  });

  test('by notional within so many units end with whichever is used up first, and say which', () => {
    check(`
      new     B1  ann  buy   limit   gtc  100     2
        resting    B1  2
      new     B2  ann  buy   limit   gtc   60     9
        resting    B2  9
      new     S1  bob  sell  market  ioc    -  $500/9
        trade      S1  B1  100  2  7  0
        done       B1
        trade      S1  B2   60  5  2  4
        done       S1
      new     S2  bob  sell  market  ioc    -  $500/3
        trade      S2  B2   60  3  0  1
        cancelled  S2  reserved_units_sold  0
      new     S4  bob  sell  market  fok    -  $119/1
        trade      S4  B2   60  1  0  0
        done       B2
        done       S4
    `);
  });

  test('by notional are cut into lots smaller than one unit exactly', () => {
    check(
      `
      new     S1  ann  sell  limit   gtc  64999.99     2
        resting    S1  2
      new     B1  bob  buy   market  ioc         -  $100
        trade      B1  S1  64999.99  0.001538  -  1.998462
        done       B1
    `,
      parseAmount('0.000001'),
    );
  });
});

describe('a notional', () => {
  test('is never exceeded by rounding, even where price times lot is not exact', () => {
    check(
      `
      new     S1  ann  sell  limit   gtc  0.00000001  0.5
        resting    S1  0.5
      new     S2  ann  sell  limit   gtc  0.00000001  0.5
        resting    S2  0.5
      new     S3  ann  sell  limit   gtc  0.00000001  0.5
        resting    S3  0.5
      new     B1  bob  buy   market  ioc           -  $0.00000002
        trade      B1  S1  0.00000001  0.5  -  0
        done       S1
        trade      B1  S2  0.00000001  0.5  -  0
        done       S2
        done       B1
    `,
      ONE / 2n,
    );
  });
});

describe('orders and people whose ids end alike', () => {
  test('are told apart', () => {
    check(`
      new     S1-00000000  ann-00000000  sell  limit  gtc  100  1
        resting    S1-00000000  1
      new     S2-00000000  bob-00000000  sell  limit  gtc  100  1
        resting    S2-00000000  1
      cancel  S3-00000000  requested
        cancel_missed  S3-00000000
      cancel  S1-00000000  requested
        cancelled  S1-00000000  requested  1
      new     B1           cat-00000000  buy   limit  gtc  100  1
        trade      B1  S2-00000000  100  1  0  0
        done       S2-00000000
        done       B1
    `);
  });
});

describe('self-match prevention', () => {
  test('cancels the newer order at the first order of the same person, whatever the account', () => {
    check(`
      new     S1  ann  sell  limit   gtc  100  1
        resting    S1  1
      new     S2  bob  sell  limit   gtc  100  1
        resting    S2  1
      new     S3  ann  sell  limit   gtc  100  1
        resting    S3  1
      new     B1  bob  buy   limit   gtc  100  3
        trade      B1  S1  100  1  2  0
        done       S1
        cancelled  B1  self_match  2
      new     B2  bob  buy   market  ioc    -  $500
        cancelled  B2  self_match  -
      book
        ask        100  2  2
      new     B3  cat  buy   limit   gtc  100  2
        trade      B3  S2  100  1  1  0
        done       S2
        trade      B3  S3  100  1  0  0
        done       S3
        done       B3
    `);
  });

  test('leaves orders of one person alone that do not meet', () => {
    check(`
      new     S1  ann  sell  limit  gtc  101  1
        resting    S1  1
      new     B1  ann  buy   limit  gtc  100  1
        resting    B1  1
    `);
  });
});

describe('cancel', () => {
  test('takes an order out from the head, the middle and the tail of its queue, with its reason', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  1
        resting    S1  1
      new     S2  ann  sell  limit  gtc  100  1
        resting    S2  1
      new     S3  ann  sell  limit  gtc  100  1
        resting    S3  1
      new     S4  ann  sell  limit  gtc  100  1
        resting    S4  1
      cancel  S2  requested
        cancelled  S2  requested  1
      cancel  S1  expired
        cancelled  S1  expired  1
      cancel  S4  restricted
        cancelled  S4  restricted  1
      new     B1  bob  buy   limit  gtc  100  2
        trade      B1  S3  100  1  1  0
        done       S3
        resting    B1  1
    `);
  });

  test('cancels what is left after a partial fill, and the price disappears with its last order', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  3
        resting    S1  3
      new     B1  bob  buy   limit  gtc  100  1
        trade      B1  S1  100  1  0  2
        done       B1
      cancel  S1  requested
        cancelled  S1  requested  2
      book
    `);
  });

  test('misses an order that has ended or never was', () => {
    check(`
      new     S1     ann  sell  limit  ioc  100  3
        cancelled      S1  ioc_remainder  3
      cancel  S1     requested
        cancel_missed  S1
      cancel  other  requested
        cancel_missed  other
    `);
  });
});

describe('halt', () => {
  test('collects orders without matching, lets them be cancelled, and crosses them as trading resumes', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  1
        resting    S1  1
      new     S2  ann  sell  limit  gtc  100  1
        resting    S2  1
      halt
        halted
      halt
      new     B0  bob  buy   limit  ioc  100  1
        rejected   B0  halted
      new     B1  bob  buy   limit  gtc  100  1
        resting    B1  1
      cancel  S1  requested
        cancelled  S1  requested  1
      resume
        resumed
        trade      B1  S2  100  1  0  0
        done       S2
        done       B1
      resume
    `);
  });
});

describe('instructions the engine cannot follow', () => {
  test('are rejected without a trace in the book', () => {
    check(`
      new     S1  ann  sell  limit   gtc  100     5
        resting    S1  5
      new     R1  bob  buy   limit   gtc    -     1
        rejected   R1  invalid_instruction
      new     R2  bob  buy   limit   gtc    0     1
        rejected   R2  invalid_instruction
      new     R3  bob  buy   limit   gtc  100     0
        rejected   R3  invalid_instruction
      new     R4  bob  buy   limit   gtc  100  $100
        rejected   R4  invalid_instruction
      new     R5  bob  buy   limit   ioc  100     1  post
        rejected   R5  invalid_instruction
      new     R6  bob  buy   market  ioc    -    $0
        rejected   R6  invalid_instruction
      new     R7  bob  buy   market  ioc    0     1
        rejected   R7  invalid_instruction
      new     R8  bob  buy   market  ioc    -     1  post
        rejected   R8  invalid_instruction
      book
        ask        100  5  1
    `);
  });

  test('a replayed order that rests already changes nothing', () => {
    check(`
      new     S1  ann  sell  limit  gtc  100  5
        resting    S1  5
      new     B1  bob  buy   limit  gtc  100  2
        trade      B1  S1  100  2  0  3
        done       B1
      new     S1  ann  sell  limit  gtc  100  5  seq=1
      halt
        halted
      new     S1  ann  sell  limit  gtc  100  5  seq=1
      book
        ask        100  3  1
    `);
  });
});

describe('restore', () => {
  test('gives the same book from open orders in book sequence', () => {
    const { book } = run(`
      new  S1  ann  sell  limit  gtc  101  2  seq=1
      new  S2  bob  sell  limit  gtc  101  2  seq=2
      new  S3  cat  sell  limit  gtc  102  2  seq=3
      new  B1  dan  buy   limit  gtc   99  2  seq=4
      new  B2  eve  buy   limit  gtc  101  1  seq=5
    `);
    const stored = openOrders(book).sort((left, right) => (left.bookSeq < right.bookSeq ? -1 : 1));

    const restored = restoreOrderBook(book.lotSize, stored);
    // Not an order: the owner tells it as a mark.
    restored.reference = book.reference;

    expect(stored.map((order) => order.orderId)).toEqual(['S1', 'S2', 'S3', 'B1']);
    expect(present(stored[0], 'S1 rests').remaining).toBe(ONE);
    expect(restored).toEqual(book);
    expect(bestBid(restored)).toBe(99n * ONE);
    expect(bestAsk(restored)).toBe(101n * ONE);
  });

  test('refuses orders that no book could hold', () => {
    const { book } = run(`
      new  S1  ann  sell  limit  gtc  101  2
      new  B1  dan  buy   limit  gtc   99  2
    `);
    const [bid, ask] = openOrders(book);
    const [low, high] = [present(bid, 'B1 rests'), present(ask, 'S1 rests')];

    expect(() => restoreOrderBook(ONE, [low, low])).toThrow('an order rests once');
    expect(() => restoreOrderBook(ONE, [low, { ...high, price: low.price }])).toThrow('do not cross');
    expect(() => restoreOrderBook(ONE, [{ ...low, remaining: 0n }])).toThrow('something left');
  });
});

describe('depth', () => {
  test('shows at most the levels asked for, best first', () => {
    const { book } = run(`
      new  S1  ann  sell  limit  gtc  101  2
      new  S2  ann  sell  limit  gtc  101  3
      new  S3  ann  sell  limit  gtc  103  1
      new  S4  ann  sell  limit  gtc  102  1
    `);

    expect(depth(book, 2)).toEqual({
      bids: [],
      asks: [
        { price: 101n * ONE, quantity: 5n * ONE, orderCount: 2 },
        { price: 102n * ONE, quantity: ONE, orderCount: 1 },
      ],
    });
    expect(depth(book, 0)).toEqual({ bids: [], asks: [] });
    expect(bestBid(book)).toBeNull();
  });
});

describe('trade events', () => {
  test('name the accounts and people of both sides and the side that took', () => {
    const { events } = run(`
      new  B1  ann  buy   limit  gtc  100  2
      new  S1  bob  sell  limit  gtc  100  1
    `);

    expect(events[1]).toEqual({
      type: 'trade',
      price: 100n * ONE,
      quantity: ONE,
      takerSide: 'sell',
      makerOrderId: 'B1',
      makerAccountId: 'ann/B1',
      makerPersonId: 'ann',
      makerRemaining: ONE,
      takerOrderId: 'S1',
      takerAccountId: 'bob/S1',
      takerPersonId: 'bob',
      takerRemaining: 0n,
    });
  });
});

/** Runs the commands of a table and compares everything they answer with the table. */
function check(table: string, lotSize: bigint = ONE): void {
  expect(run(table, lotSize).transcript).toEqual(linesOf(table));
}

type Run = { book: OrderBook; events: EngineEvent[]; transcript: string[] };

function run(table: string, lotSize: bigint = ONE): Run {
  const book = createOrderBook(lotSize);
  const events: EngineEvent[] = [];
  const transcript: string[] = [];
  let bookSeq = 0n;
  for (const line of linesOf(table)) {
    if (!/^(new|cancel|halt|resume|book)( |$)/.test(line)) {
      continue;
    }
    transcript.push(line);
    if (line === 'book') {
      transcript.push(...depthLines(book));
      continue;
    }
    bookSeq += 1n;
    const answered: EngineEvent[] = [];
    applyCommand(book, commandOf(line, bookSeq), answered);
    events.push(...answered);
    transcript.push(...answered.map(eventLine));
  }
  return { book, events, transcript };
}

function linesOf(table: string): string[] {
  const lines = table.split('\n').map((line) => line.trim().replaceAll(/ +/g, ' '));
  return lines.filter((line) => line !== '');
}

function commandOf(line: string, nextSeq: bigint): EngineCommand {
  const [verb, orderId = '', third = '', side, type, timeInForce, price = '', size = '', ...flags] =
    line.split(' ');
  if (verb === 'halt' || verb === 'resume') {
    return { type: verb };
  }
  if (verb === 'cancel') {
    return { type: 'cancel', orderId, reason: third as CancelRequestReason };
  }
  const limitOrCap = price === '-' ? null : parseAmount(price);
  const [budget, units] = size.startsWith('$') ? size.slice(1).split('/') : [undefined, size];
  const seq = flags.find((flag) => flag.startsWith('seq='));
  return {
    type: 'new',
    orderId,
    accountId: `${third}/${orderId}`,
    personId: third,
    side: side as Side,
    orderType: type as EngineOrderType,
    timeInForce: timeInForce as EngineTimeInForce,
    price: type === 'limit' ? limitOrCap : null,
    priceCap: type === 'market' ? limitOrCap : null,
    quantity: units === undefined ? null : parseAmount(units),
    notional: budget === undefined ? null : parseAmount(budget),
    postOnly: flags.includes('post'),
    bookSeq: seq === undefined ? nextSeq : BigInt(seq.slice('seq='.length)),
  };
}

function eventLine(event: EngineEvent): string {
  switch (event.type) {
    case 'resting':
      return `resting ${event.orderId} ${sizeOf(event.remaining)}`;
    case 'trade': {
      const size = `${formatAmount(event.price)} ${formatAmount(event.quantity)}`;
      const left = `${sizeOf(event.takerRemaining)} ${sizeOf(event.makerRemaining)}`;
      return `trade ${event.takerOrderId} ${event.makerOrderId} ${size} ${left}`;
    }
    case 'cancelled':
      return `cancelled ${event.orderId} ${event.reason} ${sizeOf(event.remaining)}`;
    case 'rejected':
      return `rejected ${event.orderId} ${event.reason}`;
    case 'done':
    case 'cancel_missed':
      return `${event.type} ${event.orderId}`;
    default:
      return event.type;
  }
}

function depthLines(book: OrderBook): string[] {
  const { bids, asks } = depth(book, 100);
  const sides = [
    ...bids.map((level) => ({ side: 'bid', level })),
    ...asks.map((level) => ({ side: 'ask', level })),
  ];
  return sides.map(
    ({ side, level }) =>
      `${side} ${formatAmount(level.price)} ${formatAmount(level.quantity)} ${level.orderCount}`,
  );
}

function sizeOf(amount: bigint | null): string {
  return amount === null ? '-' : formatAmount(amount);
}

describe('of two that cancel each other', () => {
  const limit = {
    type: 'new',
    orderType: 'limit',
    timeInForce: 'gtc',
    notional: null,
    priceCap: null,
  } as const;
  const order = (orderId: string, side: Side, price: string, quantity: string, bookSeq: bigint) => {
    const [who, size] = [`of ${orderId}`, parseAmount(quantity)];
    const owner = { orderId, accountId: who, personId: who };
    return { ...limit, ...owner, side, price: parseAmount(price), quantity: size, postOnly: false, bookSeq };
  };

  test('the stop is left with what the limit did not trade in the sweep that reached it', () => {
    const book = createOrderBook(parseAmount('1'));
    const stop = { ...order('stop', 'sell', '80', '10', 2n), orderType: 'market', price: null } as const;
    const trigger = { kind: 'at', direction: 'falls', price: parseAmount('90') } as const;
    const events: EngineEvent[] = [];
    const commands: EngineCommand[] = [
      { type: 'mark', price: parseAmount('95') },
      {
        type: 'group',
        groupId: 'group',
        members: [order('limit', 'sell', '100', '10', 1n), { type: 'hold', order: stop, trigger }],
        seats: [],
      },
      order('ask', 'sell', '90', '1', 3n),
      order('sweep', 'buy', '100', '4', 4n),
    ];
    for (const command of commands) {
      applyCommand(book, command, events);
    }
    const told = events.flatMap((event) =>
      'orderId' in event && (event.orderId === 'stop' || event.orderId === 'limit')
        ? [
            `${event.type} ${event.orderId} ${'remaining' in event ? formatAmount(event.remaining ?? 0n) : ''}`,
          ]
        : [],
    );
    expect(told).toEqual([
      'resting limit 10',
      'held stop ',
      'reduced stop 7',
      'triggered stop ',
      'cancelled limit 7',
    ]);
  });
});
