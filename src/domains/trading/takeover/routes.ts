import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { TRADING_PROBLEMS } from '../errors.ts';
import { FirmExposures, NewTakeover, RequestedTakeover } from './api.ts';
import { firmExposure } from './exposure.ts';
import { takeOverPosition } from './take-over.ts';

export const takeoverEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'takeOverPosition',
    method: 'post',
    path: '/v1/positions/{id}/take-over',
    tag: 'risk',
    summary: 'Ask another person to agree that the firm takes over what a liquidation finds nobody for',
    description:
      'Of a live account that is being liquidated, once the orders of its liquidation have found no taker for five ' +
      'minutes and the last one found none either. The vote closes the position, or the part that is named, against ' +
      'the firm at the mark of then, which somebody has to stand for; nobody names a price. It is never more than the ' +
      'liquidation would close. What of its orders is still open ends with it. Neither of the two holds the instrument as a ' +
      'customer.',
    access: { staff: ['risk_manager'] },
    category: 'trading',
    params: z.object({ id: idInput }),
    body: NewTakeover,
    example: { quantity: '0.5', reason: 'Nobody has quoted within the bound for an hour' },
    responses: { 202: RequestedTakeover },
    problems: {
      ...pickProblems(
        TRADING_PROBLEMS,
        'position_closed',
        'takeover_of_paper',
        'account_restricted',
        'account_not_active',
        'liquidation_not_running',
        'liquidation_finds_takers',
        'closing_under_way',
        'instrument_not_trading',
        'mark_not_vouched',
        'takeover_quantity_invalid',
      ),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found', 'approval_pending_exists'),
    },
    handler: async (ctx, { params, body }) => ({
      status: 202,
      body: await takeOverPosition(ctx, {
        positionId: params.id,
        quantity: body.quantity ?? null,
        reason: body.reason,
      }),
    }),
  }),
  endpoint({
    operationId: 'getFirmExposure',
    method: 'get',
    path: '/v1/risk/firm-exposure',
    tag: 'risk',
    summary: 'What the firm itself holds of contracts, by what it took over',
    description: 'At the prices of now, one for each contract that the firm ever took anything over of.',
    access: {
      staff: ['risk_manager', 'compliance_officer', 'operations', 'auditor'],
      scope: 'orders:read',
    },
    responses: { 200: FirmExposures },
    handler: async (ctx) => ({ status: 200, body: await firmExposure(ctx) }),
  }),
];
