import { describe, expect, test } from 'bun:test';
import { firstAwayDisagreement } from '../../../testing/engine-model/away.ts';
import { createOrderBook, type OrderBook } from './book-state.ts';
import type { EngineCommand, NewOrder } from './command.ts';
import type { EngineEvent } from './event.ts';
import { applyCommand } from './order-book.ts';

/** A book of a venue, with the price it was last told. */
function bookAt(price: bigint): OrderBook {
  const book = createOrderBook(1n, false, true);
  run(book, { type: 'mark', price });
  return book;
}

function order(
  orderId: string,
  side: 'buy' | 'sell',
  price: bigint | null,
  more: Partial<NewOrder> = {},
): NewOrder {
  return {
    type: 'new',
    orderId,
    accountId: orderId,
    personId: orderId,
    side,
    orderType: price === null ? 'market' : 'limit',
    timeInForce: price === null ? 'ioc' : 'gtc',
    price,
    quantity: 10n,
    notional: null,
    priceCap: null,
    postOnly: false,
    bookSeq: 1n,
    ...more,
  };
}

/** What happened, in words. */
function run(book: OrderBook, ...commands: readonly EngineCommand[]): string[] {
  const events: EngineEvent[] = [];
  for (const command of commands) {
    applyCommand(book, command, events);
  }
  return events.map((event) => {
    const id = 'orderId' in event ? ` ${event.orderId}` : '';
    return `${event.type}${id}${'reason' in event ? ` ${event.reason}` : ''}`;
  });
}

function executed(orderId: string, quantity: bigint): EngineCommand {
  return { type: 'executed', orderId, price: 100n, quantity, liquidity: 'taker', reportId: 'report' };
}

function returned(orderId: string, amount: bigint | null): EngineCommand {
  return { type: 'returned', orderId, reason: 'venue_cancelled', executed: amount };
}

describe('a book whose orders a venue executes', () => {
  test('matches nothing: orders that would cross are both routed', () => {
    const book = bookAt(100n);
    expect(run(book, order('buy', 'buy', 101n), order('sell', 'sell', 99n))).toEqual([
      'routed buy',
      'routed sell',
    ]);
  });

  test('routes an order once, however often it is told', () => {
    const book = bookAt(100n);
    expect(run(book, order('buy', 'buy', 100n), order('buy', 'buy', 100n))).toEqual(['routed buy']);
  });

  test('ends an order with its last unit', () => {
    const book = bookAt(100n);
    run(book, order('buy', 'buy', 100n));
    expect(run(book, executed('buy', 4n))).toEqual(['executed buy']);
    expect(run(book, executed('buy', 6n))).toEqual(['executed buy', 'done buy']);
    expect(book.away.size).toBe(0);
  });

  test('asks for an order back once, and ends it when the venue says so', () => {
    const book = bookAt(100n);
    run(book, order('buy', 'buy', 100n));
    const cancel = { type: 'cancel', orderId: 'buy', reason: 'expired' } as const;
    expect(run(book, cancel, cancel)).toEqual(['recalled buy expired', 'cancel_missed buy']);
    expect(run(book, executed('buy', 3n), returned('buy', 3n))).toEqual([
      'executed buy',
      'cancelled buy expired',
    ]);
  });

  test('waits for executions that the end counts', () => {
    const book = bookAt(100n);
    run(book, order('buy', 'buy', 100n));
    expect(run(book, returned('buy', 5n))).toEqual([]);
    expect(run(book, executed('buy', 2n))).toEqual(['executed buy']);
    expect(run(book, executed('buy', 3n))).toEqual(['executed buy', 'cancelled buy venue_cancelled']);
  });

  test('keeps what comes while it is halted, and routes it when it goes on; what trades at once ends', () => {
    const book = bookAt(100n);
    expect(run(book, { type: 'halt' }, order('late', 'buy', 100n, { bookSeq: 3n }))).toEqual(['halted']);
    expect(run(book, order('early', 'buy', 100n, { bookSeq: 2n }), order('now', 'buy', null))).toEqual([
      'rejected now halted',
    ]);
    expect(run(book, { type: 'resume' })).toEqual(['resumed', 'routed early', 'routed late']);
  });

  test('sets free what waited for an order once the venue has executed it', () => {
    const book = bookAt(100n);
    run(book, {
      type: 'wait',
      orderId: 'exit',
      quantity: 10n,
      parentId: 'entry',
      parentQuantity: 10n,
      parentTraded: 0n,
    });
    run(book, order('entry', 'buy', 100n));
    expect(run(book, executed('entry', 10n))).toEqual(['executed entry', 'done entry', 'released exit']);
  });

  test('holds the limit order of a pair until its price, so that only one of the two is ever away', () => {
    const pair = (): OrderBook => {
      const book = bookAt(100n);
      const stop = { kind: 'at', direction: 'falls', price: 90n } as const;
      const members = [
        order('profit', 'sell', 110n),
        { type: 'hold', order: order('loss', 'sell', null, { bookSeq: 2n }), trigger: stop } as const,
      ];
      expect(run(book, { type: 'group', groupId: 'pair', members, seats: [] })).toEqual([
        'held profit',
        'held loss',
      ]);
      return book;
    };
    expect(run(pair(), { type: 'mark', price: 110n })).toEqual(['routed profit', 'cancelled loss group']);
    expect(run(pair(), { type: 'mark', price: 90n })).toEqual(['triggered loss', 'cancelled profit group']);
  });
});

describe('a book whose orders a venue executes, and its model', () => {
  test('agree on thousands of random sequences, each with a restart in it', () => {
    for (let seed = 1; seed <= 1_000; seed += 1) {
      expect([seed, firstAwayDisagreement(seed)]).toEqual([seed, null]);
    }
  });
});
