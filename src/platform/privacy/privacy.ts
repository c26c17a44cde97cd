import type {
  ClosingObstacles,
  ConcealedFrom,
  Domain,
  PeopleBehind,
  PersonalData,
  RetentionPiece,
} from '../domain.ts';

/** What all domains contribute to the rights of a person; no domain knows who else is there. */
export type Privacy = {
  readonly personalData: readonly PersonalData[];
  readonly retention: readonly RetentionPiece[];
  readonly closingObstacles: readonly ClosingObstacles[];
  /** Types of audit events that tell of staff who saw a person. */
  readonly personReads: readonly string[];
  readonly peopleBehind: readonly PeopleBehind[];
  readonly concealedFrom: readonly ConcealedFrom[];
};

/** Gathers the contributions of the domains that are there. */
export function privacyOf(domains: readonly Domain[]): Privacy {
  return {
    personalData: domains.flatMap((domain) => domain.personalData),
    retention: domains.flatMap((domain) => domain.retention ?? []),
    closingObstacles: domains.flatMap((domain) => domain.closingObstacles ?? []),
    personReads: domains.flatMap((domain) => domain.personReads ?? []),
    peopleBehind: domains.flatMap((domain) => domain.peopleBehind ?? []),
    concealedFrom: domains.flatMap((domain) => domain.concealedFrom ?? []),
  };
}
