import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { dayInput, instantInput, wireId, wireInstant, wireOf } from '../../../platform/http/wire.ts';
import { exchange } from '../schema.ts';
import { marketCalendars, marketHolidays, sessionKind } from './schema.ts';

export const exchangeInput = z.enum(exchange.enumValues);

const timeInput = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time as HH:MM')
  .openapi({ example: '09:30' });

const weekdayInput = z.number().int().min(1).max(7).openapi({ description: '1 is Monday', example: 1 });

const weekly = {
  kind: z.enum(sessionKind.enumValues),
  opensOn: weekdayInput,
  opensAt: timeInput,
  closesOn: weekdayInput,
  closesAt: timeInput,
};

const nullableInstant = z.union([wireInstant, z.null()]);

const ExchangeClock = z
  .object({
    exchange: exchangeInput,
    timeZone: z.string().openapi({ example: 'America/New_York' }),
    open: z.boolean().openapi({ description: 'In its regular session, the only one that takes every order' }),
    preOpen: z.boolean().openapi({
      description: 'Closed and about to open: limit orders are taken and collected for the opening auction',
    }),
    session: z.union([z.enum(sessionKind.enumValues), z.null()]),
    nextOpen: nullableInstant,
    nextClose: nullableInstant.openapi({ description: 'Null where it does not close within 30 days' }),
  })
  .openapi('ExchangeClock');

export const MarketClock = z
  .object({
    now: wireInstant,
    phase: z
      .enum(['continuous'])
      .openapi({ description: 'While an exchange is open, what is not halted trades continuously' }),
    exchanges: z.array(ExchangeClock).optional(),
  })
  .openapi('MarketClock');

export const MarketClockQuery = z.strictObject({
  exchange: z
    .enum([...exchange.enumValues, 'all'])
    .optional()
    .openapi({ description: 'Adds when this exchange, or all of them, opens and closes next' }),
});

export const SessionQuery = z.strictObject({ from: instantInput.optional(), to: instantInput.optional() });

export const SessionList = z
  .object({
    symbol: z.string(),
    exchange: exchangeInput,
    timeZone: z.string(),
    data: z.array(
      z
        .object({ kind: z.enum(sessionKind.enumValues), opensAt: wireInstant, closesAt: wireInstant })
        .openapi('MarketSession'),
    ),
  })
  .openapi('MarketSessionList');

export const CalendarList = z
  .object({
    data: z.array(
      wireOf(marketCalendars)
        .pick({
          exchange: true,
          timeZone: true,
          dayEndsAt: true,
          preOpenMinutes: true,
          source: true,
          version: true,
          updatedAt: true,
        })
        .extend({ exchange: exchangeInput, sessions: z.array(z.object(weekly).openapi('WeeklySession')) })
        .openapi('MarketCalendar'),
    ),
  })
  .openapi('MarketCalendarList');

export const NewHours = z
  .strictObject({
    timeZone: z.string().min(1).max(60).openapi({ example: 'Europe/London' }),
    dayEndsAt: timeInput.openapi({ description: 'Local; midnight ends the day' }),
    preOpenMinutes: z.number().int().min(0).max(720).default(0).openapi({
      description: 'How long before each opening limit orders are collected for its auction',
      example: 30,
    }),
    source: z.string().min(1).max(300).openapi({ description: 'Where the hours were found' }),
    sessions: z.array(z.strictObject(weekly)).min(1).max(60),
    reason: z.string().min(1).max(500),
  })
  .openapi('NewMarketHours');

export const ProposedHours = z
  .object({ exchange: exchangeInput, approvalId: wireId })
  .openapi('ProposedMarketHours');

export const Holiday = wireOf(marketHolidays)
  .pick({ day: true, name: true, closesAt: true, source: true, createdAt: true })
  .extend({ id: wireId, exchange: exchangeInput, source: z.enum(['release', 'rule', 'staff']) })
  .openapi('MarketHoliday');

export const HolidayQuery = z.strictObject({
  ...pageQuery,
  exchange: exchangeInput.optional(),
  from: dayInput.optional(),
  to: dayInput.optional(),
});

export const NewHolidays = z
  .strictObject({
    exchange: exchangeInput,
    holidays: z
      .array(
        z.strictObject({
          day: dayInput,
          name: z.string().min(1).max(120),
          closesAt: timeInput
            .nullable()
            .default(null)
            .openapi({ description: 'Local; left out where the whole trading day is closed' }),
        }),
      )
      .min(1)
      .max(100),
  })
  .openapi('NewMarketHolidays');

export const HolidayList = z.object({ data: z.array(Holiday) }).openapi('MarketHolidayList');

export const ProposedRemoval = z.object({ approvalId: wireId }).openapi('ProposedHolidayRemoval');
