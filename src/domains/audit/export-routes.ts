import { z } from '@hono/zod-openapi';
import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { idInput } from '../../platform/http/wire.ts';
import { cancelExport } from './cancel-export.ts';
import { AUDIT_PROBLEMS } from './errors.ts';
import { AuditExport, auditExportQuery, NewAuditExport } from './export-api.ts';
import { downloadExport, getExport, getManifest, listExports } from './read-export.ts';
import { requestExport } from './request-export.ts';
import { EXAMINERS } from './rules.ts';

const tag = 'audit';
const params = z.object({ id: idInput });

export const exportEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'createAuditExport',
    restricted: true,
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
    restricted: true,
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
    operationId: 'listAuditExports',
    restricted: true,
    method: 'get',
    path: '/v1/audit/exports',
    tag,
    summary: 'Exports of the audit log, newest first',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    query: auditExportQuery,
    responses: { 200: pageOf(AuditExport) },
    category: 'compliance',
    handler: async (ctx, { query }) => ({ status: 200, body: await listExports(ctx, query) }),
  }),
  endpoint({
    operationId: 'cancelAuditExport',
    restricted: true,
    method: 'post',
    path: '/v1/audit/exports/{id}/cancel',
    tag,
    summary: 'Call an export off that is not written yet',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    params,
    responses: { 200: AuditExport },
    problems: pickProblems(AUDIT_PROBLEMS, 'export_finished'),
    category: 'compliance',
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await cancelExport(ctx, id) }),
  }),
  endpoint({
    operationId: 'getAuditExportManifest',
    restricted: true,
    method: 'get',
    path: '/v1/audit/exports/{id}/manifest',
    tag,
    summary: 'What a completed export holds, signed by the log',
    description:
      'A C2SP signed note over period, filters, row count, tree size, checkpoint and the digests of the file.',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    params,
    responses: { 200: { binary: 'text/plain' } },
    problems: pickProblems(AUDIT_PROBLEMS, 'export_not_ready'),
    category: 'compliance',
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getManifest(ctx, id) }),
  }),
  endpoint({
    operationId: 'downloadAuditExport',
    restricted: true,
    method: 'get',
    path: '/v1/audit/exports/{id}/download',
    tag,
    summary: 'The file of a completed export',
    description:
      'Takes `Range: bytes=…` with `If-Range: <ETag>`, so that a download that broke off goes on where it was. The content type is that of the format, or `application/octet-stream` for a file encrypted with age.',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    rate: 'export',
    params,
    reads: ['range', 'if-range'],
    responses: { 200: { binary: 'application/x-ndjson' }, 206: { binary: 'application/x-ndjson' } },
    problems: pickProblems(AUDIT_PROBLEMS, 'export_not_ready', 'range_not_satisfiable'),
    category: 'compliance',
    handler: (ctx, { params: { id }, headers }) =>
      downloadExport(ctx, id, { range: headers.range ?? '', ifRange: headers['if-range'] ?? '' }),
  }),
];
