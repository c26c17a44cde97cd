import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { idInput } from '../../platform/http/wire.ts';
import { AuditVerification } from './api.ts';
import { AUDIT_PROBLEMS } from './errors.ts';
import { readCheckpoint, readProof, readTile } from './prove.ts';
import { EXAMINERS } from './rules.ts';
import { verify } from './verify.ts';

const tag = 'audit';
const params = z.object({ id: idInput });
const TEXT = 'text/plain; charset=utf-8';
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
