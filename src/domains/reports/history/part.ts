import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import type { DomainPart } from '../../../platform/domain-part.ts';
import { endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { REPORT_PROBLEMS } from '../errors.ts';
import { HistoryQuery, PortfolioHistory } from './api.ts';
import { historyChecks } from './checks.ts';
import { historyInventory } from './inventory.ts';
import { getPortfolioHistory } from './read-history.ts';
import { portfolioSnapshots } from './schema.ts';
import { takeSnapshots } from './take-snapshots.ts';

const READERS = [
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'auditor',
] as const satisfies readonly Role[];

/** What portfolio history hands to the front door of reports. */
export const historyPart: DomainPart = {
  endpoints: [
    endpoint({
      operationId: 'getPortfolioHistory',
      method: 'get',
      path: '/v1/accounts/{id}/portfolio/history',
      tag: 'reports',
      summary: 'What an account was worth at the end of each day, and why it changed',
      description:
        'For each day and for all of them together: equity − opening = realised + unrealised + fees + transfers, to the last decimal, in the account’s base currency.',
      access: { customer: true, staff: READERS, scope: 'accounts:read' },
      params: z.object({ id: idInput }),
      query: HistoryQuery,
      responses: { 200: PortfolioHistory },
      problems: pickProblems(REPORT_PROBLEMS, 'history_range_too_long'),
      handler: async (ctx, { params: { id }, query }) => ({
        status: 200,
        body: await getPortfolioHistory(ctx, id, query),
      }),
    }),
  ],
  checks: historyChecks,
  jobs: [{ name: 'reports.take-snapshots', cron: '*/10 * * * *', run: takeSnapshots }],
  inventory: historyInventory,
  personalData: [
    {
      name: 'portfolio',
      recordClass: 'transactions',
      tables: ['portfolio_snapshots'],
      sections: { portfolioHistory: personalRows(portfolioSnapshots, { keys: ['accountId', 'day'] }) },
    },
  ],
};
