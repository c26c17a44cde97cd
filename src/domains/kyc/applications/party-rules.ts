import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseKyc } from '../errors.ts';
import type { KycApplication } from '../store.ts';
import type { Forms } from './forms-of.ts';
import { partyFactsOf } from './parties-of.ts';

/** How far behind an owner another may stand. */
const MAX_DEPTH = 8;

const WHOLE_BPS = 10_000;

export type PartyFacts = {
  readonly id: string;
  readonly role: string;
  readonly kind: string;
  readonly shareBps: number | null;
  readonly parentId: string | null;
  /** Whether its shares are said to be listed on a market, where whoever holds much of it is made public. */
  readonly isListed?: boolean;
};

export type PartyFault =
  | 'director_missing'
  | 'signatory_missing'
  | 'owner_missing'
  | 'owner_not_a_person'
  | 'trust_undeclared'
  | 'trust_share_missing'
  | 'settlor_missing'
  | 'trustee_missing'
  | 'beneficiary_missing'
  | 'protector_missing'
  | 'ownership_unexplained'
  | 'shares_exceed_whole'
  | 'ownership_cycle'
  | 'ownership_too_deep';

type OwnershipRule = {
  /** Who owns at least so much has to be named, down to the people. @units 1–10,000 */
  readonly thresholdBps: number;
  /** Whether ownership is said to be too widely held for anybody further to be named. */
  readonly isDispersed: boolean;
  /** What is said of the trust that holds some or all of it; null where there is none. */
  readonly trust: { readonly hasProtector: boolean; readonly beneficiaryClass?: string | undefined } | null;
};

/**
 * What is wrong with who is said to stand behind a legal person; none where it can be reviewed. Every chain of
 * owners that holds enough must end in people, in a trust whose people are all named, or in an organisation whose
 * shares are listed; what ends in nobody may not add up to enough unless ownership is dispersed, and no layer may own
 * more than all. One trust is told of.
 * @shape in a fixed order, each once
 */
export function partyFaults(
  parties: readonly PartyFacts[],
  { thresholdBps, isDispersed, trust }: OwnershipRule,
): readonly PartyFault[] {
  const owners = parties.filter(isHolder);
  const faults = new Set<PartyFault>();
  if (!parties.some(({ role, kind }) => role === 'director' && kind === 'person')) {
    faults.add('director_missing');
  }
  if (!parties.some(({ role, kind }) => role === 'authorised_signatory' && kind === 'person')) {
    faults.add('signatory_missing');
  }
  if (!owners.some(isExplained) && !isDispersed) {
    faults.add('owner_missing');
  }
  addTrustFaults(faults, parties, trust);
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
  if (isTree && !isDispersed && owners.length > 0 && isUnexplained(owners, thresholdBps)) {
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
  ctx: Ctx,
  application: KycApplication,
  forms: Forms,
  thresholdBps: number,
): Promise<void> {
  if (application.applicantKind !== 'legal') {
    return;
  }
  const { dispersed, trust = null } = forms.beneficial_owner ?? {};
  const rule = { thresholdBps, isDispersed: dispersed === true, trust };
  const faults = partyFaults(await partyFactsOf(tx, ctx, application), rule);
  if (faults.length > 0) {
    throw refuseKyc('parties_incomplete', { detail: faults.join(', ') });
  }
}

/** Whether a part is one in a trust. */
export function isOfTrust(role: string): boolean {
  return TRUST_ROLES.has(role);
}

const ORDER: readonly PartyFault[] = [
  'director_missing',
  'signatory_missing',
  'owner_missing',
  'owner_not_a_person',
  'trust_undeclared',
  'trust_share_missing',
  'settlor_missing',
  'trustee_missing',
  'beneficiary_missing',
  'protector_missing',
  'ownership_unexplained',
  'shares_exceed_whole',
  'ownership_cycle',
  'ownership_too_deep',
];

const TRUST_ROLES: ReadonlySet<string> = new Set(['trustee', 'settlor', 'beneficiary', 'protector']);

/** Whether somebody is said to hold shares: as an owner, or as a trustee for others. */
function isHolder({ role, shareBps }: PartyFacts): boolean {
  return role === 'beneficial_owner' || (role === 'trustee' && shareBps !== null);
}

/** Whether nobody further has to be named for a holding: a person's, a trust's, or that of a listed organisation. */
function isExplained({ role, kind, isListed }: PartyFacts): boolean {
  return kind === 'person' || role === 'trustee' || isListed === true;
}

/**
 * Who holds in trust names who settled it, who holds, for whom, and who watches over that where somebody does. That
 * this is what has to be known of a trust is this project's assumption.
 */
function addTrustFaults(
  faults: Set<PartyFault>,
  parties: readonly PartyFacts[],
  trust: OwnershipRule['trust'],
): void {
  const isNamed = (named: string) => parties.some(({ role }) => role === named);
  if (trust === null && !parties.some(({ role }) => isOfTrust(role))) {
    return;
  }
  const missing: readonly (readonly [PartyFault, boolean])[] = [
    ['trust_undeclared', trust === null],
    ['trust_share_missing', !parties.some((party) => party.role === 'trustee' && isHolder(party))],
    ['settlor_missing', !isNamed('settlor')],
    ['trustee_missing', !isNamed('trustee')],
    ['beneficiary_missing', trust?.beneficiaryClass === undefined && !isNamed('beneficiary')],
    ['protector_missing', trust?.hasProtector === true && !isNamed('protector')],
  ];
  for (const [fault, holds] of missing) {
    if (holds) {
      faults.add(fault);
    }
  }
}

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
  if (!isExplained(owner) && holdsEnough && isEnd) {
    faults.add('owner_not_a_person');
  }
}

/** All there is to own, in units that no layer of it divides with a rest. */
const ALL = BigInt(WHOLE_BPS) ** BigInt(MAX_DEPTH + 1);

/** Whether so much in total is owned by nobody who is named as a person. */
function isUnexplained(owners: readonly PartyFacts[], thresholdBps: number): boolean {
  return unexplained(null, ALL, owners) * BigInt(WHOLE_BPS) >= ALL * BigInt(thresholdBps);
}

/** What of a holding is explained by nobody: what no owner is named for, and what organisations hold for nobody named. */
function unexplained(parentId: string | null, held: bigint, owners: readonly PartyFacts[]): bigint {
  let [rest, ended] = [held, 0n];
  for (const owner of owners.filter((one) => one.parentId === parentId)) {
    const share = (held * BigInt(owner.shareBps ?? 0)) / BigInt(WHOLE_BPS);
    rest -= share;
    ended += isExplained(owner) ? 0n : unexplained(owner.id, share, owners);
  }
  return ended + (rest > 0n ? rest : 0n);
}

function shareOf(owners: readonly PartyFacts[]): number {
  return owners.reduce((sum, { shareBps }) => sum + (shareBps ?? 0), 0);
}
