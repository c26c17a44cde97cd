/** Whole numbers of the environment, each with the words that refuse another text. */
import { z } from 'zod';

export const years = z
  .string()
  .regex(/^\d{1,2}$/, 'must be a number of years from 1 to 30')
  .transform((text) => Number.parseInt(text, 10))
  .refine((number) => number >= 1 && number <= 30, 'must be a number of years from 1 to 30');

export const days = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, 'must be a number of days from 1 to 3650')
  .transform((text) => Number.parseInt(text, 10))
  .refine((number) => number <= 3650, 'must be a number of days from 1 to 3650');

export const months = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, 'must be a number of months from 1 to 999')
  .transform((text) => Number.parseInt(text, 10));

export const people = z
  .string()
  .regex(/^[1-9]\d{0,5}$/, 'must be a number of people from 1 to 999999')
  .transform((text) => Number.parseInt(text, 10));

/** How long a margin call stands, when it is recalled before, and whether positions are closed once that is over. */
export type MarginCallTerms = {
  readonly hours: number;
  /** So long before the deadline the customer is reminded. */
  readonly remindMinutes: number;
  readonly liquidates: boolean;
};

const MINUTES_PER_HOUR = 60;

export const marginCallTerms = z
  .string()
  .regex(
    /^[1-9]\d{0,2}h(,remind=[1-9]\d{0,2}[hm])?(,liquidate)?$/,
    'must be hours from 1h to 999h, such as 24h, 24h,remind=4h or 24h,remind=90m,liquidate',
  )
  .transform((text): MarginCallTerms => {
    const hours = Number.parseInt(text, 10);
    const [, count, unit] = /remind=(\d+)([hm])/.exec(text) ?? [];
    // Unless said otherwise a quarter of the time is left.
    const remindMinutes =
      count === undefined
        ? (hours * MINUTES_PER_HOUR) / 4
        : Number.parseInt(count, 10) * (unit === 'h' ? MINUTES_PER_HOUR : 1);
    return { hours, remindMinutes, liquidates: text.endsWith('liquidate') };
  })
  .refine(
    ({ hours, remindMinutes }) => remindMinutes < hours * MINUTES_PER_HOUR,
    'must remind of a call after it was made: a shorter time than the call stands',
  );
