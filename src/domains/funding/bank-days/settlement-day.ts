/**
 * On which days banks work, and when money that can be called back has settled: on such a day. Saturdays and Sundays, the
 * holidays where the authority sits, and what two people entered for the currency are none. A holiday that nobody entered
 * counts as a day of work; what settles is never earlier than so many days of the calendar.
 */
import { addDays, isWeekend } from '../../../kernel/business-date.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { observedHolidays } from '../../aml/index.ts';
import { observedBankHolidays } from './bank-holidays.ts';

/**
 * The day from which a credit of money can be withdrawn. One of a way that cannot be called back has settled when it came.
 * @units valueDate: YYYY-MM-DD; days: bank days after it, or after the first bank day that follows it
 */
export async function settlementDay(
  tx: Tx,
  { currency, valueDate, days }: { currency: string; valueDate: string; days: number },
): Promise<string> {
  return days === 0 ? valueDate : bankDayAfter(valueDate, days, await closedDays(tx, currency, valueDate));
}

/** Further back than banks are ever closed at a stretch. */
const LONGEST_CLOSED_DAYS = 31;

/** The latest day, not after this one, that banks work on: of no other is there a statement. @units YYYY-MM-DD */
export async function lastBankDay(tx: Tx, currency: string, day: string): Promise<string> {
  return bankDayBefore(day, await closedDays(tx, currency, addDays(day, -LONGEST_CLOSED_DAYS)));
}

/** The latest bank day not after a day. Pure. */
export function bankDayBefore(day: string, closed: ReadonlySet<string>): string {
  let found = day;
  while (isWeekend(found) || closed.has(found)) {
    found = addDays(found, -1);
  }
  return found;
}

/** Holidays from a day on: where the authority sits, and of the currency. */
async function closedDays(tx: Tx, currency: string, from: string): Promise<ReadonlySet<string>> {
  return new Set([
    ...(await observedHolidays(tx, from)),
    ...(await observedBankHolidays(tx, currency, from)),
  ]);
}

/** The bank day so many bank days after a day, counted from the first one not before it. Pure. */
export function bankDayAfter(day: string, days: number, closed: ReadonlySet<string>): string {
  let found = day;
  for (let left = days; ; found = addDays(found, 1)) {
    if (isWeekend(found) || closed.has(found)) {
      continue;
    }
    if (left === 0) {
      return found;
    }
    left -= 1;
  }
}
