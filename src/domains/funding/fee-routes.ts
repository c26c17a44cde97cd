import type { Role } from '../../kernel/actor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { LEDGER_PROBLEMS } from '../ledger/index.ts';
import { ApprovalRequested } from './api.ts';
import { FUNDING_PROBLEMS } from './errors.ts';
import { FeeScheduleProposal, FeeSchedules, feeParams, feeQuery } from './fee-api.ts';
import { listFees } from './fee-schedules.ts';
import { proposeFees } from './propose-fees.ts';
import { TERM_ROLES } from './propose-funding-limit.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'auditor',
  'admin',
] as const satisfies readonly Role[];

const tag = 'funding';
const category = 'financial';

export const feeEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listFees',
    method: 'get',
    path: '/v1/fees',
    tag,
    summary: 'What moving money in and out costs, by tier, method and asset',
    description:
      'A tier is a fee schedule. A customer is on the one named after their KYC level, told as `tier`. A fee is its ' +
      'fixed part and its share of the amount, the share rounded up to the asset’s smallest part, together held ' +
      'between minimum and maximum; what a schedule does not name costs nothing. With `at` the schedules of that ' +
      'instant. What trading costs is at `/v1/trading-fees`.',
    access: { customer: true, staff: READERS, scope: 'funding:read' },
    query: feeQuery,
    responses: { 200: FeeSchedules },
    handler: async (ctx, { query }) => ({ status: 200, body: await listFees(ctx, query) }),
  }),
  endpoint({
    operationId: 'proposeFees',
    method: 'put',
    path: '/v1/fees/{tier}',
    tag,
    category,
    summary: 'Propose all fees of a tier',
    description:
      'They take effect when a second person approves them, or at `effectiveFrom` where that is later. What was ' +
      'requested before keeps its fee. What the proposal does not name costs nothing from then on.',
    access: { staff: TERM_ROLES },
    params: feeParams,
    body: FeeScheduleProposal,
    example: {
      fees: [
        {
          direction: 'withdrawal',
          method: 'bank_transfer',
          asset: 'USD',
          fixed: '2.5',
          rateBps: 10,
          minimum: '5',
          maximum: '50',
        },
      ],
      reason: 'Reviewed for the year',
    },
    responses: { 202: ApprovalRequested },
    problems: {
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
      ...pickProblems(FUNDING_PROBLEMS, 'fee_repeated', 'fee_does_not_fit'),
    },
    handler: async (ctx, { params: { tier }, body }) => ({
      status: 202,
      body: { approval: await proposeFees(ctx, { tier, ...body }) },
    }),
  }),
];
