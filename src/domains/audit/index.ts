import { assert } from '../../kernel/assert.ts';
import { isId } from '../../kernel/id.ts';
import type { Domain } from '../../platform/domain.ts';
import { auditChecks } from './checks.ts';
import { personalEvidence, personalTrail } from './personal-data.ts';
import { EXPORT_REQUESTED } from './request-export.ts';
import { auditEndpoints } from './routes.ts';
import { writeExportFile } from './write-export-file.ts';

/** The front door of audit. */
export const auditDomain: Domain = {
  name: 'audit',
  endpoints: auditEndpoints,
  checks: auditChecks,
  consumers: [
    {
      name: 'audit.exporter',
      types: [EXPORT_REQUESTED],
      handle: (ctx, event) => {
        const { exportId } = event.data;
        assert(typeof exportId === 'string' && isId(exportId), 'the event names an export');
        return writeExportFile(ctx, exportId);
      },
    },
  ],
  approvalActions: [],
  jobs: [],
  personalData: [personalTrail, personalEvidence],
};
