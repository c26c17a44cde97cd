import { type Instant, parseInstant } from '../../../kernel/time.ts';

/** The same time of day some months on; where the month has no such day, its last one. @units UTC */
export function addMonths(from: Instant, months: number): Instant {
  const [year = '', month = '', day = ''] = from.slice(0, 10).split('-');
  const count = Number.parseInt(year, 10) * 12 + Number.parseInt(month, 10) - 1 + months;
  const [toYear, toMonth] = [Math.floor(count / 12), (count % 12) + 1];
  const toDay = Math.min(Number.parseInt(day, 10), lastDay(toYear, toMonth));
  const date = [padded(toYear, 4), padded(toMonth, 2), padded(toDay, 2)].join('-');
  return parseInstant(`${date}${from.slice(10)}`);
}

function lastDay(year: number, month: number): number {
  if (month === 2) {
    return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  }
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function padded(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
