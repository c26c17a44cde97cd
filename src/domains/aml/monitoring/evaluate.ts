/**
 * Holds an activity against every rule in force, and adds up what was found. Pure: the path of money, the job and
 * the simulation all decide by this.
 */
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Activity } from '../../../platform/activity.ts';
import { type Finding, pointsOf, type TypologyKey, type View } from './rule.ts';
import type { ActiveRule, RuleSet } from './rule-set.ts';
import { isSameHour } from './said-this-hour.ts';

/** What a measure is cut at: as high as a band can begin, and within what a column holds. */
const MEASURE_MOST = 1_000_000_000;

/** What a rule found in an activity. */
export type Hit = {
  readonly ruleKey: string;
  readonly ruleVersion: number;
  readonly contentHash: string;
  readonly typology: TypologyKey;
  readonly userId: Id;
  readonly measure: number;
  readonly points: number;
  readonly addsEach: boolean;
  readonly facts: { readonly [key: string]: Json };
};

/** A hit as it counts: nothing while its rule is snoozed. */
export type CountedHit = Pick<Hit, 'ruleKey' | 'points' | 'addsEach'>;

/**
 * Every hit of an activity. A rule that fails is a hit of its own, of what an alert needs: it neither lets
 * everything through nor stops all money.
 */
export function hitsOf(activity: Activity, view: View, set: RuleSet): readonly Hit[] {
  return set.rules
    .filter(({ definition, content }) => content.isEnabled && definition.kinds.includes(activity.kind))
    .flatMap((active) => hitsOfRule(activity, view, active, set));
}

/** Whether a rule in force looks at what others did before an activity; one that fails to say so looks. */
export function looksAtOthers(activity: Activity, { rules, reference }: RuleSet): boolean {
  return rules.some(({ definition, content }) => {
    if (!(content.isEnabled && definition.kinds.includes(activity.kind))) {
      return false;
    }
    try {
      return definition.looksAtOthers?.(activity, reference, content.parameters) ?? false;
    } catch {
      return true;
    }
  });
}

/** The points of one typology: of each rule its strongest hit, or every hit where each counts. */
export function totalOf(hits: readonly CountedHit[]): number {
  const strongest = new Map<string, number>();
  let total = 0;
  for (const { ruleKey, points, addsEach } of hits) {
    if (addsEach) {
      total += points;
    } else {
      strongest.set(ruleKey, Math.max(points, strongest.get(ruleKey) ?? 0));
    }
  }
  return [...strongest.values()].reduce((sum, points) => sum + points, total);
}

function hitsOfRule(activity: Activity, view: View, active: ActiveRule, set: RuleSet): readonly Hit[] {
  const { definition, content, version, contentHash } = active;
  const common = {
    ruleKey: definition.key,
    ruleVersion: version,
    contentHash,
    typology: content.typology,
    addsEach: content.addsEach,
  };
  const findings = findingsOf(activity, view, active);
  if (findings === null) {
    const points = set.typologies[content.typology].alertAt;
    return [{ ...common, userId: activity.userId, measure: 0, points, facts: { isFailed: true } }];
  }
  return findings.flatMap(({ userId = activity.userId, measure: found, facts, before }) => {
    const measure = Math.min(found, MEASURE_MOST);
    const points = pointsOf(content.bands, measure);
    const isSaid =
      before !== undefined &&
      isSameHour(before.at, activity.occurredAt) &&
      pointsOf(content.bands, before.measure) === points;
    return points === 0 || isSaid ? [] : [{ ...common, userId, measure, points, facts }];
  });
}

function findingsOf(activity: Activity, view: View, active: ActiveRule): readonly Finding[] | null {
  try {
    return active.definition.evaluate(activity, view, active.content.parameters);
  } catch {
    return null;
  }
}
