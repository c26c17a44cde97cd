import { assert } from '../../kernel/assert.ts';
import { isId } from '../../kernel/id.ts';
import type { Domain } from '../../platform/domain.ts';
import { archiveAction } from './archive-month.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { auditChecks } from './checks.ts';
import { destroyDue } from './destroy-due.ts';
import { dueMonths } from './due-months.ts';
import { expireExports } from './expire-exports.ts';
import { personalEvidence, personalRetention, personalTrail } from './personal-data.ts';
import { releaseAction } from './release-legal-hold.ts';
import { reportDue } from './report-due.ts';
import { EXPORT_REQUESTED } from './request-export.ts';
import { RETENTION_EVENTS } from './retention-events.ts';
import { policyChange } from './retention-policies.ts';
import { destructionAction } from './retention-runs.ts';
import { auditEndpoints } from './routes.ts';
import { runArchives } from './run-archives.ts';
import { runExports, startExport } from './run-exports.ts';

/** The front door of audit. */
export const auditDomain: Domain = {
  name: 'audit',
  auditEvents: [...Object.values(AUDIT_EVENTS), ...Object.values(RETENTION_EVENTS)],
  endpoints: auditEndpoints,
  checks: auditChecks,
  consumers: [
    {
      name: 'audit.exporter',
      types: [EXPORT_REQUESTED],
      handle: async (ctx, event) => {
        const { exportId } = event.data;
        assert(typeof exportId === 'string' && isId(exportId), 'the event names an export');
        startExport(ctx, exportId);
      },
    },
  ],
  approvalActions: [archiveAction, releaseAction, policyChange, destructionAction],
  jobs: [
    {
      name: 'audit.report-due',
      cron: '20 3 1 * *',
      run: async (ctx) => {
        await reportDue(ctx);
      },
    },
    { name: 'audit.destroy-due', cron: '*/5 * * * *', run: destroyDue },
    { name: 'audit.archive-months', cron: '*/10 * * * *', run: runArchives },
    { name: 'audit.write-exports', cron: '* * * * *', run: runExports },
    { name: 'audit.expire-exports', cron: '17 * * * *', run: expireExports },
  ],
  retention: [dueMonths],
  personalData: [personalTrail, personalEvidence, personalRetention],
};
