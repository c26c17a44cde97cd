import { and, eq, gte, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { amlAlerts } from '../schema.ts';
import { totalOf } from './evaluate.ts';
import { TYPOLOGY_KEYS, type TypologyKey } from './rule.ts';
import type { RuleSet } from './rule-set.ts';
import { ruleHitAlerts, ruleHits } from './schema.ts';
import { DAY_MS } from './sizes.ts';

/** What stands against a person for one typology. */
export type Standing = {
  readonly typology: TypologyKey;
  readonly points: number;
  /** Part of it went into an alert that is still open. */
  readonly isTold: boolean;
  readonly isAlert: boolean;
  readonly isHold: boolean;
};

/** What makes further hits of a typology part of one alert. */
export function typologyDedup(typology: TypologyKey): string {
  return `typology:${typology}`;
}

/**
 * Adds up what was found about a person and nobody has closed yet. What people looked at counts no more: that is
 * what went into an alert that is closed, and nothing else, however old it is. The database adds up, so that what
 * is read is a row for each rule.
 */
export async function standingsOf(
  tx: Tx,
  userId: Id,
  at: Instant,
  set: RuleSet,
): Promise<readonly Standing[]> {
  const hits = await tx
    .select({
      typology: ruleHits.typology,
      ruleKey: ruleHits.ruleKey,
      addsEach: ruleHits.addsEach,
      points: sql<number>`least(case when ${ruleHits.addsEach} then sum(${ruleHits.points})
        else max(${ruleHits.points}) end, ${POINTS_MOST})::int`,
      isTold: sql<boolean>`bool_or(${ruleHitAlerts.hitId} is not null)`,
    })
    .from(ruleHits)
    .leftJoin(ruleHitAlerts, eq(ruleHitAlerts.hitId, ruleHits.id))
    .where(and(eq(ruleHits.userId, userId), or(...TYPOLOGY_KEYS.map((key) => counts(at, set, key)))))
    .groupBy(ruleHits.typology, ruleHits.ruleKey, ruleHits.addsEach);
  return TYPOLOGY_KEYS.flatMap((typology) => {
    const { alertAt, holdAt } = set.typologies[typology];
    const counted = hits.filter((hit) => hit.typology === typology);
    const points = totalOf(counted);
    const isTold = counted.some((hit) => hit.isTold);
    const isHold = holdAt !== null && points >= holdAt;
    return points === 0 ? [] : [{ typology, points, isTold, isAlert: points >= alertAt, isHold }];
  });
}

/** The oldest hits of a typology that count and went into no alert yet, so many at most. */
export async function untoldHits(
  tx: Tx,
  userId: Id,
  typology: TypologyKey,
  { at, set, most }: { readonly at: Instant; readonly set: RuleSet; readonly most: number },
) {
  return tx
    .select({
      id: ruleHits.id,
      ruleKey: ruleHits.ruleKey,
      points: ruleHits.points,
      addsEach: ruleHits.addsEach,
    })
    .from(ruleHits)
    .leftJoin(ruleHitAlerts, eq(ruleHitAlerts.hitId, ruleHits.id))
    .where(and(eq(ruleHits.userId, userId), counts(at, set, typology), isNull(ruleHitAlerts.hitId)))
    .orderBy(ruleHits.at, ruleHits.id)
    .limit(most);
}

/** What a sum is cut at, far above what any typology asks for. */
const POINTS_MOST = 1_000_000;

/** Of a hit with what tells the alert it went into: it is of the window, is not snoozed, and nobody closed it. */
function counts(at: Instant, set: RuleSet, typology: TypologyKey): SQL | undefined {
  return and(
    eq(ruleHits.typology, typology),
    isNull(ruleHits.snoozeId),
    gte(ruleHits.at, addMs(at, -set.typologies[typology].windowDays * DAY_MS)),
    sql`not exists (select from ${amlAlerts} where ${amlAlerts.id} = ${ruleHitAlerts.alertId}
      and ${amlAlerts.status} = 'resolved')`,
  );
}
