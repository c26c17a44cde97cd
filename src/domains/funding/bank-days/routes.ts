import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { ApprovalReason } from '../../../platform/approvals/api.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { dayInput, wireOf } from '../../../platform/http/wire.ts';
import { LEDGER_PROBLEMS } from '../../ledger/index.ts';
import { ApprovalRequested } from '../api.ts';
import { FUNDING_PROBLEMS } from '../errors.ts';
import { TERM_ROLES } from '../propose-funding-limit.ts';
import { listBankHolidays } from './bank-holidays.ts';
import { bankHolidays } from './schema.ts';
import { proposeBankHoliday } from './set-bank-holiday.ts';

const READERS = [
  'operations',
  'compliance_officer',
  'mlro',
  'auditor',
  'admin',
] as const satisfies readonly Role[];

const tag = 'funding';
const category = 'admin_action';

const currency = z
  .string()
  .regex(/^[A-Z0-9.]{2,12}$/)
  .openapi({ example: 'EUR' });

const BankHoliday = wireOf(bankHolidays)
  .pick({ currency: true, day: true, name: true, observed: true, approvalId: true })
  .openapi('BankHoliday');

const SetBankHoliday = z
  .strictObject({
    currency,
    day: dayInput,
    name: z.string().trim().min(1).max(100).openapi({ example: 'Christmas' }),
    observed: z.boolean().openapi({
      description: 'False where banks settle on a day that was entered after all',
    }),
    reason: ApprovalReason.shape.reason,
  })
  .openapi('SetBankHoliday');

/** The days on which deposits do not settle. */
export const bankDayEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listBankHolidays',
    method: 'get',
    path: '/v1/funding/bank-holidays',
    tag,
    summary: 'Days on which banks do not settle a currency, besides Saturdays and Sundays',
    description:
      'What counts now of each currency and day, the first 1,000 from `from` on. The holidays where the authority sits ' +
      '(`GET /v1/aml/holidays`) are none of settlement either.',
    access: { staff: READERS },
    query: z.strictObject({ currency: currency.optional(), from: dayInput.optional() }),
    responses: { 200: z.object({ data: z.array(BankHoliday) }).openapi('BankHolidayList') },
    handler: async (ctx, { query }) => ({ status: 200, body: { data: await listBankHolidays(ctx, query) } }),
  }),
  endpoint({
    operationId: 'setBankHoliday',
    method: 'post',
    path: '/v1/funding/bank-holidays',
    tag,
    category,
    summary: 'Ask that a day counts, or does not count, for the settlement of deposits',
    description: 'Another person approves. Deposits that are credited already keep their settlement date.',
    access: { staff: TERM_ROLES },
    body: SetBankHoliday,
    example: {
      currency: 'EUR',
      day: '2026-12-25',
      name: 'Christmas',
      observed: true,
      reason: 'Calendar of the bank',
    },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(FUNDING_PROBLEMS, 'bank_holiday_not_fiat'),
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await proposeBankHoliday(ctx, body) },
    }),
  }),
];
