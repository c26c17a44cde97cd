import { pageOf } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint } from '../../platform/http/endpoint.ts';
import { AuditLog, auditLogQuery } from './api.ts';
import { readLog } from './read-log.ts';
import { READERS } from './rules.ts';

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
      'Administrators see rows of class normal without the personal part. A search by `userId` finds what the person did and what was done about them. Whoever a search by person, actor, resource or request tells of is recorded as read. Nobody finds restricted rows about themselves. A search looks at so many rows at a time: a page may hold fewer than asked for, even none, while `nextCursor` goes on.',
    access: { staff: READERS, scope: 'audit:read' },
    query: auditLogQuery,
    responses: { 200: pageOf(AuditLog) },
    category: 'compliance',
    handler: async (ctx, { query }) => ({ status: 200, body: await readLog(ctx, query) }),
  }),
];
