import type { DomainPart } from '../../../platform/domain-part.ts';
import { venueChecks } from './checks.ts';
import { venueInventory } from './inventory.ts';
import { venueOrderResolution } from './resolve-venue-order.ts';
import { venueEndpoints } from './routes.ts';

/** What orders at venues hand to the front door of trading. */
export const venuePart: DomainPart = {
  endpoints: venueEndpoints,
  checks: venueChecks,
  approvalActions: [venueOrderResolution],
  inventory: venueInventory,
};
