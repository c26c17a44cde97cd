import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { LEDGER_PROBLEMS } from '../errors.ts';
import { NewTransfer, Transfer, transfersQuery } from './api.ts';
import { getTransfer, listTransfers } from './read-transfers.ts';
import { transferFunds } from './transfer-funds.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];
const READING = { customer: true, staff: READERS, scope: 'accounts:read' } as const;
const tag = 'ledger';

export const transferEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'createTransfer',
    method: 'post',
    path: '/v1/transfers',
    tag,
    category: 'financial',
    summary: 'Move funds between two accounts of one’s own',
    description:
      'Answers when the transfer is durable. Both accounts are live or both are paper. What can still be called ' +
      'back stays where it came in: only settled funds move. Units keep their cost and the day they were acquired. ' +
      'After 503 the transfer may have been made: the same key answers what became of it.',
    access: { customer: true, scope: 'transfers:write' },
    idempotency: 'verb',
    body: NewTransfer,
    example: {
      fromAccountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      toAccountId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a002',
      asset: 'USD',
      amount: '100.25',
    },
    responses: { 201: Transfer },
    problems: {
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
      ...pickProblems(
        LEDGER_PROBLEMS,
        'transfer_books_differ',
        'kyc_not_approved',
        'account_restricted',
        'under_review',
        'account_not_active',
        'unknown_asset',
        'amount_too_precise',
        'wallet_not_active',
        'margin_unknown',
        'insufficient_funds',
        'balance_out_of_range',
      ),
    },
    handler: async (ctx, { body }) => {
      const { transfer, replayed } = await transferFunds(ctx, body);
      return {
        status: 201,
        body: transfer,
        ...(replayed ? { headers: { 'idempotent-replayed': 'true' } } : {}),
      };
    },
  }),
  endpoint({
    operationId: 'listTransfers',
    method: 'get',
    path: '/v1/transfers',
    tag,
    summary: 'Transfers between own accounts, newest first',
    access: READING,
    query: transfersQuery,
    responses: { 200: pageOf(Transfer) },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { query }) => ({ status: 200, body: await listTransfers(ctx, query) }),
  }),
  endpoint({
    operationId: 'getTransfer',
    method: 'get',
    path: '/v1/transfers/{id}',
    tag,
    summary: 'One transfer between own accounts',
    access: READING,
    params: z.object({ id: idInput }),
    responses: { 200: Transfer },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getTransfer(ctx, id) }),
  }),
];
