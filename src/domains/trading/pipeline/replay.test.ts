import { expect, test } from 'bun:test';
import { parseAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { createOrderBook } from '../engine/book-state.ts';
import type { HoldOrder, NewOrder, Side } from '../engine/command.ts';
import type { EngineEvent } from '../engine/event.ts';
import { applyCommand } from '../engine/order-book.ts';
import type { Work } from './desk.ts';
import { replayOf } from './replay.ts';

let seq = 0n;

function limit(side: Side, price: string): NewOrder {
  seq += 1n;
  return {
    type: 'new',
    orderId: newId(),
    accountId: newId(),
    personId: newId(),
    side,
    orderType: 'limit',
    timeInForce: 'gtc',
    price: parseAmount(price),
    quantity: parseAmount('1'),
    notional: null,
    priceCap: null,
    postOnly: false,
    bookSeq: seq,
  };
}

function stop(price: string): HoldOrder {
  return {
    type: 'hold',
    order: limit('sell', '1'),
    trigger: { kind: 'at', direction: 'falls', price: parseAmount(price) },
  };
}

const mark = (price: string): Work => ({ type: 'mark', price: parseAmount(price) });

/** What a book that stood at a price makes of works. */
function outcome(works: readonly Work[], phase: 'continuous' | 'halted' = 'continuous') {
  const book = createOrderBook(parseAmount('0.001'), false);
  book.reference = parseAmount('100');
  book.phase = phase;
  const events: EngineEvent[] = [];
  for (const work of works) {
    applyCommand(book, work as Parameters<typeof applyCommand>[1], events);
  }
  const happened = events.flatMap((event) =>
    event.type === 'triggered' || event.type === 'trade' ? [event.type] : [],
  );
  return { happened, phase: book.phase, reference: book.reference };
}

test('a price of the batch that is not the last reaches what stood before it, and nothing that came behind it', () => {
  const [standing, entering] = [stop('95'), stop('96')];
  const batch = [mark('90'), mark('98'), entering];
  const again = replayOf(batch, [standing, entering], new Set());
  expect(again).toEqual([standing, ...batch]);
  expect(outcome(again)).toEqual({
    happened: ['triggered'],
    phase: 'continuous',
    reference: parseAmount('98'),
  });
});

test('what the batch left halted matches nothing any more, also where it had resumed in between', () => {
  const [bid, ask] = [limit('buy', '101'), limit('sell', '99')];
  const collected = replayOf([{ type: 'resume' }, mark('99'), { type: 'halt' }], [bid, ask], new Set());
  expect(collected).toEqual([bid, ask, { type: 'halt' }, mark('99')]);
  expect(outcome(collected, 'halted')).toMatchObject({ happened: [], phase: 'halted' });
  const entering = replayOf([ask, { type: 'halt' }], [bid, ask], new Set());
  expect(outcome(entering)).toMatchObject({ happened: [], phase: 'halted' });
});

test('what resumed crosses all that was collected, and then matches what came behind', () => {
  const [bid, ask, behind] = [limit('buy', '101'), limit('sell', '99'), limit('buy', '101')];
  const again = replayOf([ask, { type: 'resume' }, behind], [bid, ask, behind], new Set());
  expect(again).toEqual([bid, ask, { type: 'resume' }, behind]);
  expect(outcome(again, 'halted')).toMatchObject({ happened: ['trade'], phase: 'continuous' });
});

test('what waited behind the batch and comes with it enters last', () => {
  const [waiting, standing] = [stop('95'), stop('96')];
  const batch = [mark('90')];
  const again = replayOf(batch, [waiting, standing], new Set([waiting.order.orderId]));
  expect(again).toEqual([standing, mark('90'), waiting]);
});
