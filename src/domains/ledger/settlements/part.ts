import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { inventoryOf } from '../../../platform/db/inventory.ts';
import type { DomainPart } from '../../../platform/domain-part.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { endpoint } from '../../../platform/http/endpoint.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { Settlement, SettlementQuery } from './api.ts';
import { obligationChecks } from './checks.ts';
import { listObligations } from './read-obligations.ts';
import { settlementObligations } from './schema.ts';
import { settleObligations } from './settle-obligations.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];

/** What settlement cycles hand to the front door of the ledger. */
export const settlementPart: DomainPart = {
  endpoints: [
    endpoint({
      operationId: 'listSettlements',
      method: 'get',
      path: '/v1/accounts/{id}/settlements',
      tag: 'ledger',
      summary: 'What trades brought to an account after their day, newest first',
      description:
        'Each row is what one fill brought: units bought, or money for units sold. Until `settlesOn` it can be traded on and not withdrawn, transferred or converted. What settles at once has no row.',
      access: { customer: true, staff: READERS, scope: 'accounts:read' },
      params: z.object({ id: idInput }),
      query: SettlementQuery,
      responses: { 200: pageOf(Settlement).openapi('SettlementPage') },
      handler: async (ctx, { params: { id }, query }) => ({
        status: 200,
        body: await listObligations(ctx, { ...query, accountId: id }),
      }),
    }),
  ],
  checks: obligationChecks,
  jobs: [{ name: 'ledger.settle-trades', cron: '* * * * *', run: settleObligations }],
  inventory: [
    inventoryOf(settlementObligations, 'transactions', {
      fillId: 'internal',
      tradeId: 'internal',
      userId: 'internal',
      accountId: 'internal',
      walletId: 'internal',
      book: 'internal',
      asset: 'internal',
      amount: 'internal',
      used: 'internal',
      tradeDate: 'internal',
      settlesOn: 'internal',
      createdAt: 'internal',
      settledAt: 'internal',
    }),
  ],
};
