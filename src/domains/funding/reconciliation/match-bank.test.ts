import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { amountOf, parseAmount, sumAmounts } from '../../../kernel/amount.ts';
import { addDays } from '../../../kernel/business-date.ts';
import { newId } from '../../../kernel/id.ts';
import { type BankFacts, type BankLine, type Booking, matchBank } from './match-bank.ts';

const DAY = '2026-03-20';

function line(amount: string, more: Partial<BankLine> = {}): BankLine {
  return {
    id: newId(),
    bookingDate: DAY,
    amount: parseAmount(amount),
    reference: null,
    strayed: false,
    ...more,
  };
}

function booking(amount: string, more: Partial<Booking> = {}): Booking {
  return {
    id: newId(),
    journalId: newId(),
    amount: parseAmount(amount),
    valueDate: DAY,
    lineId: null,
    references: [],
    batch: null,
    reversesId: null,
    sweptOn: null,
    ...more,
  };
}

/** One statement that holds the lines, or says something else. */
function facts(
  lines: readonly BankLine[],
  bookings: readonly Booking[],
  more: Partial<BankFacts> = {},
): BankFacts {
  const closing = sumAmounts(lines.map((each) => each.amount));
  const statement = { id: newId(), accountId: newId(), closingDate: DAY, opening: amountOf(0n), closing };
  return { day: DAY, statements: [statement], lines, bookings, windowDays: 5, ...more };
}

const kindsOf = (given: BankFacts) => matchBank(given).items.map((item) => item.kind);

describe('a line and a booking belong together', () => {
  test('where the books say so', () => {
    const credit = line('100', { reference: 'B-1' });
    const result = matchBank(facts([credit], [booking('100', { lineId: credit.id })]));
    expect([result.items, result.difference]).toEqual([[], parseAmount('0')]);
  });

  test('where both name the payment, before one of the same amount that is nearer', () => {
    const paid = line('-50', { reference: 'P-1' });
    const other = line('-50');
    const named = booking('-50', { references: ['P-1'], valueDate: addDays(DAY, -9) });
    const near = booking('-50');
    expect(kindsOf(facts([other, paid], [near, named]))).toEqual([]);
  });

  test('where a bank books a payout file as one line', () => {
    const file = line('-70', { reference: 'FILE-1' });
    const parts = [booking('-30', { batch: 'FILE-1' }), booking('-40', { batch: 'FILE-1' })];
    expect(kindsOf(facts([file], parts))).toEqual([]);
  });

  test('where that line went to the account of one only by what the books say, and not by its amount', () => {
    const file = line('-70', { reference: 'FILE-1', strayed: true });
    const parts = [booking('-30', { batch: 'FILE-1' }), booking('-40', { batch: 'FILE-1' })];
    const alone = ['statement_line_unbooked', 'booking_not_on_statement'] as const;
    expect(kindsOf(facts([file], parts))).toEqual([...alone, 'booking_not_on_statement']);
    expect(kindsOf(facts([file], [booking('-70', { batch: 'FILE-1' })]))).toEqual([...alone]);
    const said = parts.map((each) => ({ ...each, lineId: file.id }));
    expect(kindsOf(facts([file], said))).toEqual([]);
  });

  test('where the amount is the same within a few days, and not beyond', () => {
    const debit = line('-20');
    expect(kindsOf(facts([debit], [booking('-20', { valueDate: addDays(DAY, -5) })]))).toEqual([]);
    expect(
      kindsOf(
        facts(
          [debit, line('5', { bookingDate: addDays(DAY, -6) })],
          [booking('-20', { valueDate: addDays(DAY, -6) }), booking('5', { valueDate: addDays(DAY, -6) })],
        ),
      ),
    ).toEqual(['statement_line_unbooked', 'booking_not_on_statement']);
  });

  test('where a booking was taken back before the bank ever saw it, both are away', () => {
    const wrong = booking('100');
    expect(
      kindsOf(facts([line('1')], [booking('1'), wrong, booking('-100', { reversesId: wrong.journalId })])),
    ).toEqual([]);
  });
});

test('what is alone is an item with its age, and explains the difference', () => {
  const unbooked = line('-15', { bookingDate: addDays(DAY, -2) });
  const inTransit = booking('40', { valueDate: addDays(DAY, -1) });
  const result = matchBank(facts([unbooked, line('1')], [inTransit, booking('1')]));
  expect(result.items.map((item) => [item.kind, item.amount, item.ageDays])).toEqual([
    ['statement_line_unbooked', parseAmount('-15'), 2],
    ['booking_not_on_statement', parseAmount('-40'), 1],
  ]);
  expect(result.difference).toBe(parseAmount('0'));
});

test('a closing balance that lines and books do not lead to is a difference', () => {
  const credit = line('100');
  const given = facts([credit], [booking('100')]);
  const wrong = given.statements.map((each) => ({ ...each, closing: parseAmount('90') }));
  expect(matchBank({ ...given, statements: wrong }).difference).toBe(parseAmount('-10'));
});

test('what was booked before the first statement lies in its opening balance', () => {
  const early = booking('500', { valueDate: '2026-01-01' });
  const credit = line('10');
  const given = facts([credit], [early, booking('10')]);
  const opened = given.statements.map((each) => ({
    ...each,
    opening: parseAmount('500'),
    closing: parseAmount('510'),
  }));
  expect(matchBank({ ...given, statements: opened })).toMatchObject({
    items: [],
    difference: parseAmount('0'),
  });
  expect(matchBank({ ...given }).difference).toBe(parseAmount('-500'));
});

test('statements, books and items always account for each other, whatever is missing on either side', () => {
  const side = fc.array(fc.record({ amount: fc.integer({ min: -9, max: 9 }), back: fc.nat({ max: 9 }) }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(side, side, (onStatement, inBooks) => {
      const lines = onStatement
        .filter((each) => each.amount !== 0)
        .map((each) => line(String(each.amount), { bookingDate: addDays(DAY, -each.back) }));
      // The first line opens the period: what lies before it is the opening balance's.
      const first = line('1', { bookingDate: addDays(DAY, -30) });
      const bookings = inBooks
        .filter((each) => each.amount !== 0)
        .map((each) => booking(String(each.amount), { valueDate: addDays(DAY, -each.back) }));
      const result = matchBank(facts([first, ...lines], bookings));
      const items = sumAmounts(result.items.map((item) => item.amount));
      expect(result.perStatement - result.perBooks).toBe(items);
      expect(result.difference).toBe(parseAmount('0'));
    }),
  );
});
