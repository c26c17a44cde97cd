/**
 * Who may approve an application, and why. Pure: what is known goes in, codes come out. It does not judge the
 * documents; a reviewer does.
 */
import type { Exposure } from '../../../platform/domain.ts';
import type { kycApplications } from '../schema.ts';

export type RiskLevel = 'low' | 'medium' | 'high' | 'prohibited';

/** Why one reviewer may not approve alone. */
export type SeniorReason =
  | 'level_enhanced'
  | 'politically_exposed'
  | 'risk_high'
  | 'legal_person'
  | 'item_waived'
  | 'notice_critical'
  | 'exposure_undecided'
  | 'exposure_confirmed';

export type SeniorFacts = {
  readonly level: (typeof kycApplications.$inferSelect)['level'];
  readonly politicallyExposed: boolean;
  /** Null where nobody has rated the person yet. */
  readonly risk: RiskLevel | null;
  readonly isLegalPerson: boolean;
  readonly itemsWaived: number;
  readonly criticalNotices: number;
  /** What was found of an office or a bad name, and how far it is decided. */
  readonly exposures: ReadonlySet<Exposure>;
};

/**
 * Why a senior person has to agree to an approval besides the reviewer; none where one reviewer is enough.
 * @shape in a fixed order
 */
export function requiresSenior(facts: SeniorFacts): readonly SeniorReason[] {
  const reasons: readonly (readonly [SeniorReason, boolean])[] = [
    ['level_enhanced', facts.level === 'enhanced'],
    ['politically_exposed', facts.politicallyExposed],
    ['risk_high', facts.risk === 'high' || facts.risk === 'prohibited'],
    ['legal_person', facts.isLegalPerson],
    ['item_waived', facts.itemsWaived > 0],
    ['notice_critical', facts.criticalNotices > 0],
    ['exposure_undecided', facts.exposures.has('undecided')],
    ['exposure_confirmed', facts.exposures.has('confirmed')],
  ];
  return reasons.filter(([, holds]) => holds).map(([reason]) => reason);
}
