import type { Tx } from '../../../platform/db/client.ts';
import { refuseKyc } from '../errors.ts';
import type { KycApplication } from '../store.ts';
import type { Forms } from './forms-of.ts';
import { standingParties } from './parties-of.ts';

/** How far behind an owner another may stand. */
const MAX_DEPTH = 8;

const WHOLE_BPS = 10_000;

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
  | 'ownership_unexplained'
  | 'shares_exceed_whole'
  | 'ownership_cycle'
  | 'ownership_too_deep';

type OwnershipRule = {
  /** Who owns at least so much has to be named, down to the people. @units 1–10,000 */
  readonly thresholdBps: number;
  /** Whether ownership is said to be too widely held for anybody further to be named. */
  readonly isDispersed: boolean;
};

/**
 * What is wrong with who is said to stand behind a legal person; none where it can be reviewed. Every chain of
 * owners that holds enough must end in people, what ends in nobody may not add up to enough unless ownership is
 * dispersed or a trust's, and no layer may own more than all.
 * @shape in a fixed order, each once
 */
export function partyFaults(
  parties: readonly PartyFacts[],
  { thresholdBps, isDispersed }: OwnershipRule,
): readonly PartyFault[] {
  const owners = parties.filter(({ role }) => role === 'beneficial_owner');
  const faults = new Set<PartyFault>();
  if (!parties.some(({ role, kind }) => role === 'director' && kind === 'person')) {
    faults.add('director_missing');
  }
  if (!parties.some(({ role, kind }) => role === 'authorised_signatory' && kind === 'person')) {
    faults.add('signatory_missing');
  }
  const isExcused = isDispersed || parties.some(({ role }) => role === 'trustee');
  if (!owners.some(({ kind }) => kind === 'person') && !isExcused) {
    faults.add('owner_missing');
  }
  for (const owner of owners) {
    addChainFaults(faults, owner, owners, thresholdBps);
  }
  for (const parentId of new Set(owners.map((owner) => owner.parentId))) {
    if (shareOf(owners.filter((owner) => owner.parentId === parentId)) > WHOLE_BPS) {
      faults.add('shares_exceed_whole');
    }
  }
  // A tree that is none has faults of its own.
  const isTree = !faults.has('ownership_cycle') && !faults.has('ownership_too_deep');
  if (isTree && !isExcused && owners.length > 0 && isUnexplained(owners, thresholdBps)) {
    faults.add('ownership_unexplained');
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
export async function refuseIncompleteParties(
  tx: Tx,
  application: KycApplication,
  forms: Forms,
  thresholdBps: number,
): Promise<void> {
  if (application.applicantKind !== 'legal') {
    return;
  }
  const isDispersed = forms.beneficial_owner?.dispersed === true;
  const faults = partyFaults(await standingParties(tx, application.id), { thresholdBps, isDispersed });
  if (faults.length > 0) {
    throw refuseKyc('parties_incomplete', { detail: faults.join(', ') });
  }
}

const ORDER: readonly PartyFault[] = [
  'director_missing',
  'signatory_missing',
  'owner_missing',
  'owner_not_a_person',
  'ownership_unexplained',
  'shares_exceed_whole',
  'ownership_cycle',
  'ownership_too_deep',
];

function addChainFaults(
  faults: Set<PartyFault>,
  owner: PartyFacts,
  owners: readonly PartyFacts[],
  thresholdBps: number,
): void {
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
  const holdsEnough = (effectiveShareBps(owner.id, owners) ?? WHOLE_BPS) >= thresholdBps;
  const isEnd = !owners.some(({ parentId }) => parentId === owner.id);
  if (owner.kind === 'organisation' && holdsEnough && isEnd) {
    faults.add('owner_not_a_person');
  }
}

/** All there is to own, in units that no layer of it divides with a rest. */
const ALL = BigInt(WHOLE_BPS) ** BigInt(MAX_DEPTH + 1);

/** Whether so much in total is owned by nobody who is named as a person. */
function isUnexplained(owners: readonly PartyFacts[], thresholdBps: number): boolean {
  return unexplained(null, ALL, owners) * BigInt(WHOLE_BPS) >= ALL * BigInt(thresholdBps);
}

/** What of a holding ends in no person: what no owner is named for, and what organisations hold for nobody named. */
function unexplained(parentId: string | null, held: bigint, owners: readonly PartyFacts[]): bigint {
  let [rest, ended] = [held, 0n];
  for (const owner of owners.filter((one) => one.parentId === parentId)) {
    const share = (held * BigInt(owner.shareBps ?? 0)) / BigInt(WHOLE_BPS);
    rest -= share;
    ended += owner.kind === 'person' ? 0n : unexplained(owner.id, share, owners);
  }
  return ended + (rest > 0n ? rest : 0n);
}

function shareOf(owners: readonly PartyFacts[]): number {
  return owners.reduce((sum, { shareBps }) => sum + (shareBps ?? 0), 0);
}
