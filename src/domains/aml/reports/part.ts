import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { reportChecks } from './checks.ts';
import { reportObstacles } from './closing-obstacles.ts';
import { concealedReports } from './concealed-from.ts';
import { figureEndpoints } from './figures-routes.ts';
import { reportInventory } from './inventory.ts';
import { noticeEndpoints } from './notice-routes.ts';
import { personalReports } from './personal-data.ts';
import { reportEndpoints } from './report-routes.ts';
import { suspiciousReports } from './schema.ts';
import { reportSealedColumns } from './sealed-columns.ts';
import { setHolidayAction } from './set-holiday.ts';
import { watchClocksJob } from './watch-clocks.ts';

/** What reports hand to AML's front door. */
export const reportsPart: DomainPart = {
  endpoints: [...noticeEndpoints, ...reportEndpoints, ...figureEndpoints],
  checks: reportChecks,
  approvalActions: [setHolidayAction],
  jobs: [watchClocksJob],
  inventory: reportInventory,
  sealedColumns: reportSealedColumns,
  personalData: [personalReports],
  closingObstacles: reportObstacles,
  personReads: ['sanctions_notice.read', 'aml_report.read', 'aml_report.document_read'],
  concealedFrom: [concealedReports],
  peopleBehind: [peopleBehind(suspiciousReports, suspiciousReports.id, suspiciousReports.userId)],
};
