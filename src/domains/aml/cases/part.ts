import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { caseChecks } from './checks.ts';
import { closeCaseAction } from './close-case.ts';
import { concealedCases } from './concealed-from.ts';
import { caseInventory } from './inventory.ts';
import { personalCases } from './personal-data.ts';
import { caseEndpoints } from './routes.ts';
import { amlCaseSubjects } from './schema.ts';
import { caseSealedColumns } from './sealed-columns.ts';

/** What cases hand to AML's front door. */
export const casesPart: DomainPart = {
  endpoints: caseEndpoints,
  checks: caseChecks,
  approvalActions: [closeCaseAction],
  inventory: caseInventory,
  sealedColumns: caseSealedColumns,
  personalData: [personalCases],
  personReads: ['aml_case.file_read'],
  concealedFrom: [concealedCases],
  peopleBehind: [peopleBehind(amlCaseSubjects, amlCaseSubjects.caseId, amlCaseSubjects.userId)],
};
