import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { AuditArchive, AuditEventTypeList, NewAuditArchive } from './archive-api.ts';
import { requestArchive } from './archive-month.ts';
import { getArchive, listArchives } from './archives.ts';
import { AUDIT_PROBLEMS } from './errors.ts';
import { KEEPERS } from './legal-holds.ts';
import { EXAMINERS, READERS } from './rules.ts';

const own = { tag: 'audit', category: 'compliance' } as const;

export const archiveEndpoints: readonly Endpoint[] = [
  endpoint({
    ...own,
    operationId: 'requestAuditArchive',
    method: 'post',
    path: '/v1/audit/archives',
    summary: 'Ask for a month of the audit log to be archived',
    description:
      'Only a month that its retention policy no longer keeps and that no legal hold keeps. Another person approves; a job then writes the rows to a file, verifies that file and detaches the month. Proofs of what remains, and of what is in the file, go on to hold.',
    access: { staff: KEEPERS, stepUp: true },
    body: NewAuditArchive,
    example: { month: '2018-03', reason: 'Seven years have passed' },
    responses: { 202: ApprovalView },
    problems: {
      ...pickProblems(AUDIT_PROBLEMS, 'month_archived', 'month_not_due'),
      ...pickProblems(PLATFORM_PROBLEMS, 'legal_hold'),
    },
    handler: async (ctx, { body }) => ({ status: 202, body: await requestArchive(ctx, body) }),
  }),
  endpoint({
    ...own,
    operationId: 'listAuditArchives',
    method: 'get',
    path: '/v1/audit/archives',
    summary: 'Months of the audit log that were archived or are about to be',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(AuditArchive) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listArchives(ctx, query) }),
  }),
  endpoint({
    ...own,
    operationId: 'getAuditArchive',
    method: 'get',
    path: '/v1/audit/archives/{id}',
    summary: 'An archived month, with the digest of its file and the checkpoint it leads to',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    params: z.object({ id: idInput }),
    responses: { 200: AuditArchive },
    handler: async (ctx, { params }) => ({ status: 200, body: await getArchive(ctx, params.id) }),
  }),
  endpoint({
    ...own,
    operationId: 'listAuditEventTypes',
    method: 'get',
    path: '/v1/audit/event-types',
    summary: 'Every event that can stand in the audit log',
    access: { staff: READERS, scope: 'audit:read' },
    responses: { 200: AuditEventTypeList },
    handler: async ({ deps }) => ({
      status: 200,
      body: { data: deps.auditRegistry.map((event) => ({ ...event, class: event.class ?? 'normal' })) },
    }),
  }),
];
