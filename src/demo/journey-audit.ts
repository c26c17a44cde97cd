import { ok, UnexpectedAnswer, until } from './client.ts';
import type { Step } from './journey.ts';
import { person } from './journey-identity.ts';

export const auditSteps: readonly Step[] = [
  {
    title: 'The auditor reads what was recorded of the customer',
    run: async (journey) => {
      const auditor = await person(journey, 'auditor');
      const { data } = await ok(
        auditor.GET('/v1/audit/logs', { params: { query: { userId: journey.customer.userId, limit: 200 } } }),
      );
      const refusals = data.filter((row) => row.outcome === 'refused').length;
      if (data.length === 0 || refusals === 0) {
        throw new UnexpectedAnswer(`${data.length} rows, ${refusals} refusals`);
      }
      return `${data.length} rows, ${refusals} of them refusals`;
    },
  },
  {
    title: 'The auditor exports the log',
    run: async (journey) => {
      const auditor = await person(journey, 'auditor');
      const requested = await ok(
        auditor.POST('/v1/audit/exports', {
          body: {
            from: new Date(0).toISOString(),
            to: new Date(journey.nowMs() + 60_000).toISOString(),
            format: 'ndjson',
          },
        }),
      );
      const path = { id: requested.id };
      const done = await until('the export', async () => {
        const found = await ok(auditor.GET('/v1/audit/exports/{id}', { params: { path } }));
        if (found.status === 'failed') {
          throw new UnexpectedAnswer('the export failed');
        }
        return found.status === 'completed' ? found : undefined;
      });
      const { data } = await auditor.GET('/v1/audit/exports/{id}/download', {
        params: { path },
        parseAs: 'text',
      });
      journey.auditFile = data ?? '';
      journey.verifierKey = done.verifierKey ?? '';
      return `${done.rowCount} rows, tree of ${done.treeSize}`;
    },
  },
  {
    title: 'The server proves its own log',
    run: async (journey) => {
      const auditor = await person(journey, 'auditor');
      const report = await ok(auditor.GET('/v1/audit/verify'));
      if (!report.holds) {
        throw new UnexpectedAnswer('the log does not hold');
      }
      return 'the log holds';
    },
  },
];
