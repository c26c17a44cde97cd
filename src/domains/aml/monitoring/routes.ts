import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import { activateRule } from './activate-rule.ts';
import {
  HitQuery,
  NewRule,
  NewSnooze,
  Rule,
  RuleHit,
  RuleList,
  RuleQuery,
  SimulatedAlert,
  SimulatedTime,
  Snooze,
} from './api.ts';
import { draftRule } from './draft-rule.ts';
import { simulateRule } from './simulate-rule.ts';
import { endSnooze, snoozeRule } from './snooze-rule.ts';
import { listRuleHits, listRules, listSimulatedAlerts, listSnoozes } from './store.ts';

const params = z.object({ id: idInput });
const Asked = z.object({ approval: ApprovalView }).openapi('MonitoringApproval');

export const monitoringEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'listMonitoringRules',
    method: 'get',
    path: '/v1/aml/rules',
    summary: 'Versions of monitoring rules, typologies and reference amounts',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject(RuleQuery),
    responses: { 200: RuleList },
    handler: async (ctx, { query }) => ({ status: 200, body: { data: [...(await listRules(ctx, query))] } }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'draftMonitoringRule',
    method: 'post',
    path: '/v1/aml/rules',
    summary: 'Draft the next version of a rule, a typology or the reference amounts',
    access: { staff: OFFICERS },
    body: NewRule,
    example: {
      key: 'typology.structuring',
      content: { alertAt: 40, holdAt: 60, windowDays: 14 },
      reason: 'Fewer alerts on salaries',
    },
    responses: { 201: Rule },
    problems: pickProblems(AML_PROBLEMS, 'rule_unknown', 'rule_content_invalid'),
    handler: async (ctx, { body }) => ({ status: 201, body: await draftRule(ctx, body) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'simulateMonitoringRule',
    method: 'post',
    path: '/v1/aml/rules/{id}/simulate',
    summary: 'Replay what people did with a draft and with what is in force',
    description: 'Counts the hits, alerts and held payments of both; nothing of them is raised.',
    access: { staff: OFFICERS },
    params,
    body: SimulatedTime,
    example: { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' },
    responses: { 200: Rule },
    problems: pickProblems(AML_PROBLEMS, 'rule_not_draft'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await simulateRule(ctx, id, body),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listSimulatedAlerts',
    method: 'get',
    path: '/v1/aml/rules/{id}/simulated-alerts',
    summary: 'The alerts a simulated draft would raise and what is in force does not, or the other way round',
    description: 'Of the newest simulation; the first thousand of each.',
    access: { staff: READERS, scope: 'aml:read' },
    params,
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(SimulatedAlert) },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { params: { id }, query }) => ({
      status: 200,
      body: await listSimulatedAlerts(ctx, id, query),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'activateMonitoringRule',
    method: 'post',
    path: '/v1/aml/rules/{id}/activate',
    summary: 'Ask for a simulated draft to be put into force; another person decides',
    access: { staff: OFFICERS, stepUp: true },
    params,
    responses: { 202: Asked },
    problems: {
      ...pickProblems(
        AML_PROBLEMS,
        'rule_not_draft',
        'rule_not_simulated',
        'rule_simulation_cut',
        'rule_simulation_old',
        'rule_simulation_empty',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id } }) => ({
      status: 202,
      body: { approval: await activateRule(ctx, id) },
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listMonitoringHits',
    method: 'get',
    path: '/v1/aml/rule-hits',
    summary: 'What monitoring rules found, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject({ ...pageQuery, ...HitQuery }),
    responses: { 200: pageOf(RuleHit) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listRuleHits(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listMonitoringSnoozes',
    method: 'get',
    path: '/v1/aml/rule-snoozes',
    summary: 'Rules that do not count for a customer until a day, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject({ ...pageQuery, userId: idInput.optional() }),
    responses: { 200: pageOf(Snooze) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listSnoozes(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'snoozeMonitoringRule',
    method: 'post',
    path: '/v1/aml/rule-snoozes',
    summary: 'Ask that a rule does not count for a customer until a day; another person decides',
    access: { staff: OFFICERS, stepUp: true },
    body: NewSnooze,
    example: {
      userId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      ruleKey: 'round_amounts',
      until: '2026-03-01T00:00:00Z',
      reason: 'A standing order of the same amount',
    },
    responses: { 202: Asked },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'rule_unknown', 'snooze_too_long', 'self_review'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found', 'approval_pending_exists'),
    },
    handler: async (ctx, { body }) => ({ status: 202, body: { approval: await snoozeRule(ctx, body) } }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'endMonitoringSnooze',
    method: 'post',
    path: '/v1/aml/rule-snoozes/{id}/end',
    summary: 'Let a snoozed rule count again before its day',
    access: { staff: OFFICERS },
    params,
    responses: { 200: Snooze },
    problems: pickProblems(AML_PROBLEMS, 'snooze_ended', 'self_review'),
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await endSnooze(ctx, id) }),
  }),
];
