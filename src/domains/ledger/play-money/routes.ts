import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { LEDGER_PROBLEMS } from '../errors.ts';
import { NewPlayMoney, PlayMoney } from './api.ts';
import { fundPaperAccount } from './fund-paper-account.ts';

export const playMoneyEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'fundPaperAccount',
    method: 'post',
    path: '/v1/paper/accounts/{id}/funds',
    tag: 'ledger',
    category: 'financial',
    summary: 'Give a paper account of one’s own play money',
    description:
      'In the base currency of the account, until its wallet holds 1,000,000 of it, and three times in 24 hours. ' +
      'Play money is nobody’s: it stays in the book of paper, is traded, converted and moved to other paper accounts ' +
      'of the same person, and is never paid out, nor moved to a live account.',
    access: { customer: true, scope: 'orders:write' },
    idempotency: 'transaction',
    params: z.object({ id: idInput }),
    body: NewPlayMoney,
    example: { amount: '100000' },
    responses: { 201: PlayMoney },
    problems: pickProblems(
      LEDGER_PROBLEMS,
      'account_not_paper',
      'account_restricted',
      'account_not_active',
      'unknown_asset',
      'amount_too_precise',
      'wallet_not_active',
      'play_money_given_often',
      'play_money_exceeded',
    ),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 201,
      body: await fundPaperAccount(ctx, { accountId: id, ...body }),
    }),
  }),
];
