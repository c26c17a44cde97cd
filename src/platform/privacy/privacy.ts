import type { ClosingObstacles, Domain, PersonalData } from '../domain.ts';

/** What all domains contribute to the rights of a person; no domain knows who else is there. */
export type Privacy = {
  readonly personalData: readonly PersonalData[];
  readonly closingObstacles: readonly ClosingObstacles[];
  /** Types of audit events that tell of staff who saw a person. */
  readonly personReads: readonly string[];
};

/** Gathers the contributions of the domains that are there. */
export function privacyOf(domains: readonly Domain[]): Privacy {
  return {
    personalData: domains.flatMap((domain) => domain.personalData),
    closingObstacles: domains.flatMap((domain) => domain.closingObstacles ?? []),
    personReads: domains.flatMap((domain) => domain.personReads ?? []),
  };
}
