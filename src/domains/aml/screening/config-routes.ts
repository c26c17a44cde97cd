import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { screeningConfigDefault } from '../config.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import { NewScreeningConfig, ScreeningConfig, ScreeningConfigActivation } from './api.ts';
import { listConfigs } from './config-store.ts';
import { activateConfig, draftConfig } from './draft-config.ts';
import { simulateConfig } from './simulate-config.ts';

const params = z.object({ id: idInput });

export const configEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'listScreeningConfigs',
    method: 'get',
    path: '/v1/aml/screening-configs',
    summary: 'Every version of how names are weighed, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    responses: { 200: z.object({ data: z.array(ScreeningConfig) }).openapi('ScreeningConfigList') },
    handler: async (ctx) => ({ status: 200, body: { data: [...(await listConfigs(ctx))] } }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'createScreeningConfig',
    method: 'post',
    path: '/v1/aml/screening-configs',
    summary: 'Draft how names are weighed; nothing screens by it yet',
    access: { staff: OFFICERS },
    body: NewScreeningConfig,
    example: {
      content: { ...screeningConfigDefault, version: '2026-12-1', threshold: 0.72 },
      reason: 'Fewer homonyms',
    },
    responses: { 201: ScreeningConfig },
    problems: pickProblems(AML_PROBLEMS, 'config_unchanged'),
    handler: async (ctx, { body }) => ({ status: 201, body: await draftConfig(ctx, body) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'simulateScreeningConfig',
    method: 'post',
    path: '/v1/aml/screening-configs/{id}/simulate',
    summary: 'Hold a draft against the people screened last, beside what is active',
    description: 'Nobody’s screening, alert or gate changes. The counts are kept with the draft.',
    access: { staff: OFFICERS },
    params,
    responses: { 200: ScreeningConfig },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'config_not_draft', 'no_active_list'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await simulateConfig(ctx, id) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'activateScreeningConfig',
    method: 'post',
    path: '/v1/aml/screening-configs/{id}/activate',
    summary: 'Ask for a draft to screen from now on; an MLRO decides',
    description:
      'It takes a simulation against what is active that is not older than a week. Everybody is screened anew once it is active.',
    access: { staff: OFFICERS, stepUp: true },
    params,
    body: ScreeningConfigActivation,
    example: { reason: 'Fewer homonyms; the simulation lost no alert' },
    responses: { 202: z.object({ approval: ApprovalView }).openapi('ScreeningConfigApproval') },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'config_not_draft', 'simulation_missing'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found', 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await activateConfig(ctx, id, body.reason) },
    }),
  }),
];
