/**
 * When money that can be called back has settled: on a day on which banks work. Saturdays and Sundays, the holidays where
 * the authority sits, and what two people entered for the currency are none. A holiday that nobody entered counts as a
 * day of work; what settles is never earlier than so many days of the calendar.
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
  if (days === 0) {
    return valueDate;
  }
  const closed = new Set([
    ...(await observedHolidays(tx, valueDate)),
    ...(await observedBankHolidays(tx, currency, valueDate)),
  ]);
  return bankDayAfter(valueDate, days, closed);
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
