import { z } from '@hono/zod-openapi';
import { STAFF_ROLES } from '../../../kernel/actor.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { ReasonInput, symbolInput } from '../api.ts';
import { MARKETS_PROBLEMS } from '../errors.ts';
import { addHolidays } from './add-holidays.ts';
import {
  CalendarList,
  exchangeInput,
  Holiday,
  HolidayList,
  HolidayQuery,
  MarketClock,
  MarketClockQuery,
  NewHolidays,
  NewHours,
  ProposedHours,
  ProposedRemoval,
  SessionList,
  SessionQuery,
} from './api.ts';
import { listSessions } from './list-sessions.ts';
import { marketClock } from './market-clock.ts';
import { removeHoliday } from './remove-holiday.ts';
import { setHours } from './set-hours.ts';
import { listCalendars, listHolidays } from './store.ts';

const EVERYONE = { customer: true, staff: STAFF_ROLES, scope: 'markets:read' } as const;

export const calendarEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'getMarketClock',
    method: 'get',
    path: '/v1/market/clock',
    tag: 'markets',
    summary: 'The time that orders and sessions go by',
    access: EVERYONE,
    query: MarketClockQuery,
    responses: { 200: MarketClock },
    handler: async (ctx, { query }) => ({ status: 200, body: await marketClock(ctx, query.exchange) }),
  }),
  endpoint({
    operationId: 'listTradingSessions',
    method: 'get',
    path: '/v1/instruments/{symbol}/sessions',
    tag: 'markets',
    summary: 'When the exchange of an instrument trades',
    description:
      'A week from now unless a period is given, 92 days at most. Orders are taken in regular sessions, limit orders also in the minutes that the calendar sets aside before each opening.',
    access: EVERYONE,
    params: z.object({ symbol: symbolInput }),
    query: SessionQuery,
    responses: { 200: SessionList },
    problems: pickProblems(MARKETS_PROBLEMS, 'sessions_period_invalid'),
    handler: async (ctx, { params: { symbol }, query }) => ({
      status: 200,
      body: await listSessions(ctx, symbol, query),
    }),
  }),
  endpoint({
    operationId: 'listMarketCalendars',
    method: 'get',
    path: '/v1/market/calendars',
    tag: 'markets',
    summary: 'The hours of every exchange, and where they were found',
    access: EVERYONE,
    responses: { 200: CalendarList },
    handler: async (ctx) => ({ status: 200, body: { data: await listCalendars(ctx) } }),
  }),
  endpoint({
    operationId: 'proposeMarketHours',
    method: 'put',
    path: '/v1/market/calendars/{exchange}',
    tag: 'markets',
    summary: 'Propose other hours for an exchange',
    description:
      'All of its sessions, in its own time zone; one that ends when it began lasts a week. They hold when another person approves them.',
    access: { staff: ['admin', 'risk_manager', 'operations'] },
    category: 'trading',
    params: z.object({ exchange: exchangeInput }),
    body: NewHours,
    example: {
      timeZone: 'Indian/Mauritius',
      dayEndsAt: '00:00',
      preOpenMinutes: 30,
      source: 'SEM, trading hours of the official market',
      sessions: [{ kind: 'regular', opensOn: 1, opensAt: '10:00', closesOn: 1, closesAt: '14:30' }],
      reason: 'Trading on Mondays only',
    },
    responses: { 202: ProposedHours },
    problems: {
      ...pickProblems(MARKETS_PROBLEMS, 'market_hours_invalid', 'market_hours_unchanged'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { exchange }, body }) => ({
      status: 202,
      body: await setHours(ctx, exchange, body),
    }),
  }),
  endpoint({
    operationId: 'listMarketHolidays',
    method: 'get',
    path: '/v1/market/holidays',
    tag: 'markets',
    summary: 'Days on which exchanges are closed or close early',
    access: EVERYONE,
    query: HolidayQuery,
    responses: { 200: pageOf(Holiday).openapi('MarketHolidayPage') },
    handler: async (ctx, { query }) => ({ status: 200, body: await listHolidays(ctx, query) }),
  }),
  endpoint({
    operationId: 'addMarketHolidays',
    method: 'post',
    path: '/v1/market/holidays',
    tag: 'markets',
    summary: 'Enter holidays and half days of an exchange',
    description:
      'They hold at once, since they only take trading away. Of several for one day the earliest end counts; those that are known are passed over.',
    access: { staff: ['admin', 'risk_manager', 'operations'] },
    category: 'trading',
    body: NewHolidays,
    example: {
      exchange: 'SEM',
      holidays: [
        { day: '2027-03-12', name: 'National Day' },
        { day: '2027-12-24', name: 'Christmas Eve', closesAt: '12:00' },
      ],
    },
    responses: { 201: HolidayList },
    problems: pickProblems(MARKETS_PROBLEMS, 'half_day_too_late', 'holiday_exists'),
    handler: async (ctx, { body }) => ({ status: 201, body: { data: await addHolidays(ctx, body) } }),
  }),
  endpoint({
    operationId: 'removeMarketHoliday',
    method: 'post',
    path: '/v1/market/holidays/{id}/remove',
    tag: 'markets',
    summary: 'Ask that a holiday is taken away',
    description: 'It opens a market, so another person decides.',
    access: { staff: ['admin', 'risk_manager', 'operations'] },
    category: 'trading',
    params: z.object({ id: idInput }),
    body: ReasonInput,
    example: { reason: 'The exchange trades on that day after all' },
    responses: { 202: ProposedRemoval },
    problems: pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: await removeHoliday(ctx, id, body.reason),
    }),
  }),
];
