import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { idInput } from '../../platform/http/wire.ts';
import { AuditExport, NewAuditExport } from './api.ts';
import { AUDIT_PROBLEMS } from './errors.ts';
import { downloadExport, getExport } from './read-export.ts';
import { requestExport } from './request-export.ts';
import { EXAMINERS } from './rules.ts';

const tag = 'audit';
const params = z.object({ id: idInput });

export const exportEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'createAuditExport',
    method: 'post',
    path: '/v1/audit/exports',
    tag,
    summary: 'Request an export that proves itself offline',
    description:
      'A worker seals the log and writes the file; poll the export until it is completed. `bun run verify-audit FILE --key KEY` checks the file without server or database.',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    rate: 'export',
    body: NewAuditExport,
    example: { from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z', format: 'ndjson' },
    responses: { 202: AuditExport },
    category: 'compliance',
    handler: async (ctx, { body }) => ({ status: 202, body: await requestExport(ctx, body) }),
  }),
  endpoint({
    operationId: 'getAuditExport',
    method: 'get',
    path: '/v1/audit/exports/{id}',
    tag,
    summary: 'How far an export is',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    params,
    responses: { 200: AuditExport },
    category: 'compliance',
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getExport(ctx, id) }),
  }),
  endpoint({
    operationId: 'downloadAuditExport',
    method: 'get',
    path: '/v1/audit/exports/{id}/download',
    tag,
    summary: 'The file of a completed export',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    rate: 'export',
    params,
    responses: { 200: { binary: 'application/x-ndjson' } },
    problems: pickProblems(AUDIT_PROBLEMS, 'export_not_ready'),
    category: 'compliance',
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await downloadExport(ctx, id) }),
  }),
];
