import { z } from '@hono/zod-openapi';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import { WhitelistEntry, WhitelistQuery } from './api.ts';
import { revokeWhitelistEntry } from './revoke-entry.ts';
import { listWhitelist } from './store.ts';

export const whitelistEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'listAmlWhitelist',
    method: 'get',
    path: '/v1/aml/whitelist',
    summary: 'Whom customers are known not to be, newest first',
    access: { staff: READERS },
    query: z.strictObject({ ...pageQuery, ...WhitelistQuery }),
    responses: { 200: pageOf(WhitelistEntry) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listWhitelist(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'revokeAmlWhitelistEntry',
    method: 'post',
    path: '/v1/aml/whitelist/{id}/revoke',
    summary: 'Take an entry of the whitelist back; the customer is screened anew',
    access: { staff: OFFICERS },
    params: z.object({ id: idInput }),
    responses: { 200: WhitelistEntry },
    problems: pickProblems(AML_PROBLEMS, 'self_review'),
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: await revokeWhitelistEntry(ctx, id),
    }),
  }),
];
