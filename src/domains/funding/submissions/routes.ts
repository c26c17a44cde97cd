import type { Role } from '../../../kernel/actor.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint } from '../../../platform/http/endpoint.ts';
import { PayoutSubmission, submissionQuery } from './api.ts';
import { listSubmissions } from './submission-store.ts';

const READERS = ['operations', 'compliance_officer', 'mlro', 'auditor'] as const satisfies readonly Role[];

/** Payouts that providers carry. */
export const submissionEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listPayoutSubmissions',
    method: 'get',
    path: '/v1/payout-submissions',
    tag: 'funding',
    summary: 'Payouts that providers carry, newest first',
    description:
      'What a provider was told and what it said last; `sentAt` is null while it was not told. What it said in whole is ' +
      'among the events of providers of the same `withdrawalId`.',
    access: { staff: READERS },
    query: submissionQuery,
    responses: { 200: pageOf(PayoutSubmission) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listSubmissions(ctx, query) }),
  }),
];
