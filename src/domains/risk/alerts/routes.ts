import { z } from '@hono/zod-openapi';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { RISK_PROBLEMS } from '../errors.ts';
import { acknowledgeAlert } from './acknowledge-alert.ts';
import { AlertNote, RiskAlert, RiskAlertQuery } from './api.ts';
import { listAlerts } from './list-alerts.ts';

export const alertEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listRiskAlerts',
    method: 'get',
    path: '/v1/risk/alerts',
    tag: 'risk',
    summary: 'What the firm should look at, newest first',
    description: 'One for each condition and day of the firm.',
    access: { staff: ['risk_manager', 'compliance_officer', 'admin', 'auditor'], scope: 'risk:read' },
    query: RiskAlertQuery,
    responses: { 200: pageOf(RiskAlert).openapi('RiskAlertPage') },
    handler: async (ctx, { query }) => ({ status: 200, body: await listAlerts(ctx, query) }),
  }),
  endpoint({
    operationId: 'acknowledgeRiskAlert',
    method: 'post',
    path: '/v1/risk/alerts/{id}/acknowledge',
    tag: 'risk',
    summary: 'Note that somebody saw to an alert',
    access: { staff: ['risk_manager', 'compliance_officer', 'admin'] },
    category: 'trading',
    params: z.object({ id: idInput }),
    body: AlertNote,
    example: { note: 'Called the customer, who will reduce' },
    responses: { 200: RiskAlert },
    problems: {
      ...pickProblems(RISK_PROBLEMS, 'alert_acknowledged'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { params, body }) => ({
      status: 200,
      body: await acknowledgeAlert(ctx, { alertId: params.id, note: body.note }),
    }),
  }),
];
