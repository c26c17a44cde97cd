import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { addWhitelistAction } from './add-entries.ts';
import { expireWhitelistJob } from './expire-entries.ts';
import { whitelistInventory } from './inventory.ts';
import { personalWhitelist } from './personal-data.ts';
import { whitelistEndpoints } from './routes.ts';
import { whitelistEntries } from './schema.ts';

/** What the whitelist hands to AML's front door. */
export const whitelistPart: DomainPart = {
  endpoints: whitelistEndpoints,
  approvalActions: [addWhitelistAction],
  jobs: [expireWhitelistJob],
  inventory: whitelistInventory,
  personalData: [personalWhitelist],
  peopleBehind: [peopleBehind(whitelistEntries, whitelistEntries.id, whitelistEntries.userId)],
};
