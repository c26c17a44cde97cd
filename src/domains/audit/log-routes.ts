import { z } from '@hono/zod-openapi';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../platform/http/problems.ts';
import { idInput } from '../../platform/http/wire.ts';
import { AuditCheckpoint, AuditVerification } from './api.ts';
import { AUDIT_PROBLEMS } from './errors.ts';
import { readCheckpoint, readProof, readTile } from './prove.ts';
import { listCheckpoints, readConsistency } from './read-consistency.ts';
import { EXAMINERS } from './rules.ts';
import { verify } from './verify.ts';

const tag = 'audit';
const params = z.object({ id: idInput });
const TEXT = 'text/plain; charset=utf-8';
const sizeInput = z.coerce
  .number()
  .int()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER)
  .openapi({ example: 1, description: 'How many rows the tree has.' });
const tileParams = z.object({
  level: z
    .string()
    .regex(/^(entries|\d{1,2})$/)
    .openapi({ example: '0' }),
  index: z
    .string()
    .regex(/^[x0-9./p]{1,64}$/)
    .openapi({
      example: '000.p/17',
      description: 'The tile’s index in groups of three digits, as C2SP tlog-tiles has it.',
    }),
});

export const logEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'getAuditProof',
    method: 'get',
    path: '/v1/audit/logs/{id}/proof',
    tag,
    summary: 'The proof that a row is in the log, as a C2SP tlog-proof',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    params,
    responses: { 200: { binary: TEXT } },
    problems: pickProblems(AUDIT_PROBLEMS, 'row_not_sealed'),
    category: 'compliance',
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: textOf(await readProof(ctx, id)) }),
  }),
  endpoint({
    operationId: 'getAuditCheckpoint',
    method: 'get',
    path: '/v1/audit/log/checkpoint',
    tag,
    summary: 'The latest signed checkpoint of the log',
    description: 'A verifier keeps it: a log that is rolled back or replaced later does not continue it.',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    responses: { 200: { binary: TEXT } },
    category: 'compliance',
    handler: async (ctx) => ({ status: 200, body: textOf(await readCheckpoint(ctx)) }),
  }),
  endpoint({
    operationId: 'listAuditCheckpoints',
    method: 'get',
    path: '/v1/audit/log/checkpoints',
    tag,
    summary: 'The checkpoints that were signed, the newest first',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    query: z.strictObject(pageQuery),
    responses: { 200: pageOf(AuditCheckpoint) },
    category: 'compliance',
    handler: async (ctx, { query }) => ({ status: 200, body: await listCheckpoints(ctx, query) }),
  }),
  endpoint({
    operationId: 'getAuditConsistency',
    method: 'get',
    path: '/v1/audit/log/consistency',
    tag,
    summary: 'The proof that one tree of the log begins with another',
    description:
      'From any number of rows to any checkpoint, as plimsoll-consistency@1. Whoever kept a checkpoint of the smaller tree proves with it that the log only grew: `bun run verify-audit FILE --earlier CHECKPOINT --consistency PROOF`.',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    query: z.strictObject({ from: sizeInput, to: sizeInput }),
    responses: { 200: { binary: TEXT } },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    category: 'compliance',
    handler: async (ctx, { query }) => ({ status: 200, body: textOf(await readConsistency(ctx, query)) }),
  }),
  endpoint({
    operationId: 'getAuditTile',
    method: 'get',
    path: '/v1/audit/log/tile/{level}/{index}',
    tail: true,
    tag,
    summary: 'A tile or an entry bundle of the log, as in C2SP tlog-tiles',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    params: tileParams,
    responses: { 200: { binary: 'application/octet-stream' } },
    category: 'compliance',
    handler: async (ctx, { params: { level, index } }) => ({
      status: 200,
      body: bytesOf(await readTile(ctx, `/tile/${level}/${index}`)),
    }),
  }),
  endpoint({
    operationId: 'verifyAuditLog',
    method: 'get',
    path: '/v1/audit/verify',
    tag,
    summary: 'Verify the whole log where it is stored',
    access: { staff: EXAMINERS, scope: 'audit:read' },
    rate: 'export',
    responses: { 200: AuditVerification },
    category: 'compliance',
    handler: async (ctx) => ({ status: 200, body: await verify(ctx) }),
  }),
];

function textOf(text: string): Response {
  return new Response(text, { headers: { 'content-type': TEXT, 'cache-control': 'no-store' } });
}

function bytesOf(bytes: Uint8Array): Response {
  return new Response(Buffer.from(bytes), {
    headers: { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' },
  });
}
