import { z } from '@hono/zod-openapi';
import { type Role, STAFF_ROLES } from '../../../kernel/actor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { LEDGER_PROBLEMS } from '../../ledger/index.ts';
import { TRADING_PROBLEMS } from '../errors.ts';
import { AccountFeeTier, FeeTierProposal, FeeTierQuery, FeeTiersRequested, TradingFees } from './api.ts';
import { FEE_ROLES, proposeFeeTiers } from './propose-fee-tiers.ts';
import { getFeeTier, listTradingFees } from './read-fees.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];

export const feeEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listTradingFees',
    method: 'get',
    path: '/v1/trading-fees',
    tag: 'trading',
    summary: 'The tiers of trading fees, in force and to come',
    description:
      'A fill is charged the fee of its instrument (`makerFeeBps`, `takerFeeBps`), or that of the customer’s tier where it is lower. The tier of a day is that of the volume in live accounts of the 30 days before it. Without tiers only the instrument’s own fees hold.',
    access: { customer: true, staff: STAFF_ROLES, scope: 'markets:read' },
    responses: { 200: TradingFees },
    handler: async (ctx) => ({ status: 200, body: await listTradingFees(ctx) }),
  }),
  endpoint({
    operationId: 'proposeFeeTiers',
    method: 'put',
    path: '/v1/trading-fees',
    tag: 'trading',
    category: 'financial',
    summary: 'Propose all tiers of trading fees',
    description:
      'They take effect the day after a second person approves them, or on `effectiveOn` where that is later, in place of those before; without any, only the instruments’ own fees hold from then on. Volume is counted from the first schedule on, always in its currency.',
    access: { staff: FEE_ROLES },
    body: FeeTierProposal,
    example: {
      currency: 'USD',
      tiers: [
        { name: 'Silver', minVolume: '100000', makerFeeBps: 8, takerFeeBps: 15 },
        { name: 'Gold', minVolume: '1000000', makerFeeBps: 4, takerFeeBps: 10 },
      ],
      reason: 'Reviewed for the year',
    },
    responses: { 202: FeeTiersRequested },
    problems: {
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
      ...pickProblems(LEDGER_PROBLEMS, 'unknown_asset'),
      ...pickProblems(TRADING_PROBLEMS, 'fee_tiers_disordered', 'fee_tier_currency_fixed'),
    },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await proposeFeeTiers(ctx, body) },
    }),
  }),
  endpoint({
    operationId: 'getFeeTier',
    method: 'get',
    path: '/v1/accounts/{id}/fee-tier',
    tag: 'trading',
    summary: 'What the owner of an account turned over, and the fees they pay',
    description:
      'Volume is a person’s, whatever their accounts; paper accounts are charged by it and add nothing to it. With `symbol` what a trade of today in this instrument is charged.',
    access: { customer: true, staff: READERS, scope: 'accounts:read' },
    params: z.object({ id: idInput }),
    query: FeeTierQuery,
    responses: { 200: AccountFeeTier },
    handler: async (ctx, { params: { id }, query: { symbol } }) => ({
      status: 200,
      body: await getFeeTier(ctx, id, symbol),
    }),
  }),
];
