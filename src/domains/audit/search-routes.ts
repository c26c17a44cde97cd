import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint } from '../../platform/http/endpoint.ts';
import { AuditLog, auditLogQuery } from './api.ts';
import { READERS } from './rules.ts';
import { searchLogs } from './search-logs.ts';

const tag = 'audit';

export const searchEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listAuditLogs',
    recordsReads: true,
    method: 'get',
    path: '/v1/audit/logs',
    tag,
    summary: 'Search the audit log, newest first',
    description:
      'Administrators see rows of class normal without the personal part. A search by `userId` finds what the person did and what was done about them, and is itself recorded.',
    access: { staff: READERS, scope: 'audit:read' },
    query: auditLogQuery,
    responses: { 200: pageOf(AuditLog) },
    category: 'compliance',
    handler: async (ctx, { query }) => ({ status: 200, body: await searchLogs(ctx, query) }),
  }),
];
