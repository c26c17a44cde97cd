import type { DomainPart } from '../../../platform/domain-part.ts';
import { changeListAction } from './change-list.ts';
import { listChecks } from './checks.ts';
import { fetchLists } from './fetch-lists.ts';
import { listInventory } from './inventory.ts';
import { activateVersionAction, overrideRefusalAction } from './let-through.ts';
import { listEndpoints } from './routes.ts';

/** What the lists hand to AML's front door. */
export const listsPart: DomainPart = {
  endpoints: listEndpoints,
  checks: listChecks,
  approvalActions: [changeListAction, activateVersionAction, overrideRefusalAction],
  jobs: [{ name: 'aml.fetch-lists', cron: '*/10 * * * *', run: fetchLists }],
  inventory: listInventory,
};
