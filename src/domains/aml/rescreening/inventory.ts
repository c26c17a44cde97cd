import { inventoryOf, type TableInventory } from '../../../platform/db/inventory.ts';
import { rescreeningResults, rescreeningRuns, screeningListSets, screeningStandings } from './schema.ts';

/** What each column holds. */
export const rescreeningInventory: readonly TableInventory[] = [
  inventoryOf(rescreeningResults, 'supervision', {
    runId: 'internal',
    userId: 'internal',
    listSet: 'internal',
    outcome: 'internal',
    isDelta: 'internal',
    entities: 'internal',
    subjectDigest: 'personal, blind index',
    screeningId: 'internal',
    at: 'internal',
  }),
  inventoryOf(rescreeningRuns, 'supervision', {
    id: 'internal',
    cause: 'internal',
    status: 'internal',
    isFull: 'internal',
    listSet: 'internal',
    configHash: 'internal',
    afterUserId: 'internal',
    total: 'internal',
    done: 'internal',
    hits: 'internal',
    skipped: 'internal',
    requestedBy: 'internal',
    startedAt: 'internal',
    movedAt: 'internal',
    finishedAt: 'internal',
    version: 'internal',
  }),
  inventoryOf(screeningListSets, 'supervision', {
    hash: 'internal',
    versions: 'internal',
    createdAt: 'internal',
  }),
  inventoryOf(screeningStandings, 'supervision', {
    userId: 'internal',
    screeningId: 'internal',
    listSet: 'internal',
    configHash: 'internal',
    checkedAt: 'internal',
    nextDueAt: 'internal',
    version: 'internal',
  }),
];
