import type { Tx } from '../../../platform/db/client.ts';
import { refuseKyc } from '../errors.ts';
import type { KycApplication } from '../store.ts';
import { standingParties } from './parties-of.ts';

/** How far behind an owner another may stand. */
const MAX_DEPTH = 8;

const WHOLE_BPS = 10_000;

/** Who owns at least so much has to be named, down to the people. @units 0–10,000 */
const BENEFICIAL_OWNER_BPS = 2_000;

export type PartyFacts = {
  readonly id: string;
  readonly role: string;
  readonly kind: string;
  readonly shareBps: number | null;
  readonly parentId: string | null;
};

export type PartyFault =
  | 'director_missing'
  | 'signatory_missing'
  | 'owner_missing'
  | 'owner_not_a_person'
  | 'shares_exceed_whole'
  | 'ownership_cycle'
  | 'ownership_too_deep';

/**
 * What is wrong with who is said to stand behind a legal person; none where it can be reviewed. Every chain of
 * owners that holds enough must end in people, and no layer may own more than all.
 * @shape in a fixed order, each once
 */
export function partyFaults(parties: readonly PartyFacts[]): readonly PartyFault[] {
  const owners = parties.filter(({ role }) => role === 'beneficial_owner');
  const faults = new Set<PartyFault>();
  if (!parties.some(({ role, kind }) => role === 'director' && kind === 'person')) {
    faults.add('director_missing');
  }
  if (!parties.some(({ role, kind }) => role === 'authorised_signatory' && kind === 'person')) {
    faults.add('signatory_missing');
  }
  if (!owners.some(({ kind }) => kind === 'person') && !parties.some(({ role }) => role === 'trustee')) {
    faults.add('owner_missing');
  }
  for (const owner of owners) {
    addChainFaults(faults, owner, owners);
  }
  for (const parentId of new Set(owners.map((owner) => owner.parentId))) {
    if (shareOf(owners.filter((owner) => owner.parentId === parentId)) > WHOLE_BPS) {
      faults.add('shares_exceed_whole');
    }
  }
  return ORDER.filter((fault) => faults.has(fault));
}

/**
 * What an owner holds of the applicant through everybody between.
 * @units 0–10,000, rounded down at the end only; null where the chain does not end
 */
export function effectiveShareBps(ownerId: string, parties: readonly PartyFacts[]): number | null {
  const byId = new Map(parties.map((party) => [party.id, party]));
  let share = BigInt(WHOLE_BPS);
  let scale = 1n;
  let at = byId.get(ownerId);
  for (let depth = 0; at !== undefined; depth += 1) {
    if (depth >= MAX_DEPTH) {
      return null;
    }
    share *= BigInt(at.shareBps ?? 0);
    scale *= BigInt(WHOLE_BPS);
    at = at.parentId === null ? undefined : byId.get(at.parentId);
  }
  return Number.parseInt((share / scale).toString(), 10);
}

/**
 * Refuses a legal person whose people are not all named.
 * @errors parties_incomplete
 */
export async function refuseIncompleteParties(tx: Tx, application: KycApplication): Promise<void> {
  if (application.applicantKind !== 'legal') {
    return;
  }
  const faults = partyFaults(await standingParties(tx, application.id));
  if (faults.length > 0) {
    throw refuseKyc('parties_incomplete', { detail: faults.join(', ') });
  }
}

const ORDER: readonly PartyFault[] = [
  'director_missing',
  'signatory_missing',
  'owner_missing',
  'owner_not_a_person',
  'shares_exceed_whole',
  'ownership_cycle',
  'ownership_too_deep',
];

function addChainFaults(faults: Set<PartyFault>, owner: PartyFacts, owners: readonly PartyFacts[]): void {
  const seen = new Set<string>([owner.id]);
  let at = owner;
  while (at.parentId !== null) {
    const parent = owners.find(({ id }) => id === at.parentId);
    if (parent === undefined) {
      break;
    }
    if (seen.has(parent.id)) {
      faults.add('ownership_cycle');
      return;
    }
    seen.add(parent.id);
    at = parent;
  }
  if (seen.size > MAX_DEPTH) {
    faults.add('ownership_too_deep');
    return;
  }
  const holdsEnough = (effectiveShareBps(owner.id, owners) ?? WHOLE_BPS) >= BENEFICIAL_OWNER_BPS;
  const isEnd = !owners.some(({ parentId }) => parentId === owner.id);
  if (owner.kind === 'organisation' && holdsEnough && isEnd) {
    faults.add('owner_not_a_person');
  }
}

function shareOf(owners: readonly PartyFacts[]): number {
  return owners.reduce((sum, { shareBps }) => sum + (shareBps ?? 0), 0);
}
