import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { amlCaseEvents, amlCaseFiles, amlCaseSubjects, amlCases } from './schema.ts';

/** What each column holds. */
export const caseInventory: readonly TableInventory[] = [
  inventoryOf(amlCases, 'supervision', {
    id: 'internal',
    number: 'internal',
    userId: 'internal',
    kind: 'internal',
    status: 'internal',
    severity: 'internal',
    assigneeId: 'internal',
    openedBy: 'internal',
    openedAt: 'internal',
    dueAt: 'internal',
    suspicionAt: 'internal',
    disposition: 'internal',
    closeApprovalId: 'internal',
    closedAt: 'internal',
    closedBy: 'internal',
    version: 'internal',
  }),
  inventoryOf(amlCaseSubjects, 'supervision', {
    caseId: 'internal',
    userId: 'internal',
    addedBy: 'internal',
    addedAt: 'internal',
  }),
  inventoryOf(amlCaseEvents, 'supervision', {
    id: 'internal',
    caseId: 'internal',
    type: 'internal',
    actor: 'internal',
    at: 'internal',
    data: 'internal',
    body: 'personal, sealed under the person key',
  }),
  inventoryOf(amlCaseFiles, 'supervision', {
    id: 'internal',
    caseId: 'internal',
    name: 'personal, sealed under the person key',
    contentType: 'internal',
    sizeBytes: 'internal',
    sha256: 'personal, hash',
    uploadedBy: 'internal',
    uploadedAt: 'internal',
  }),
];
