/**
 * Holds what people did against two sets of rules, in the order it came about, and counts what each would have
 * raised. The same rules decide as on the day; what they may look at is made from the activities themselves.
 */
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant, msOfInstant } from '../../../kernel/time.ts';
import type { Activity } from '../../../platform/activity.ts';
import { type CountedHit, type Hit, hitsOf, totalOf } from './evaluate.ts';
import { OTHERS_MS } from './load-others.ts';
import { SHARED_MS } from './load-view.ts';
import { type Crowd, crowdOf, isCrowding, NO_CROWD, PAST_MS, PAST_ROWS, pastPartsOf } from './past-window.ts';
import type { Peers, TypologyKey, View } from './rule.ts';
import type { RuleSet } from './rule-set.ts';
import { DAY_MS, hasMoved } from './sizes.ts';
import { inOrder, isMarket } from './watched.ts';

export type Replayed = Activity & { readonly id: Id };

/** An alert that would have been raised: about whom, and by which activity. */
export type ReplayedAlert = {
  readonly userId: Id;
  readonly typology: TypologyKey;
  readonly activityId: Id;
  readonly points: number;
  readonly at: Instant;
};

/** What one set made of the activities. */
export type ReplayTally = {
  readonly hits: readonly (Hit & { readonly activityId: Id })[];
  /** Each alert that would have been raised, by `person typology activity`. */
  readonly alerts: ReadonlyMap<string, ReplayedAlert>;
  readonly holds: ReadonlySet<string>;
};

/** One pass: give it the activities in their order, then ask for what came out. */
export type Replay = {
  readonly next: (activity: Replayed) => void;
  readonly before: () => ReplayTally;
  readonly after: () => ReplayTally;
};

type Dated = CountedHit & { readonly atMs: number };

type Side = {
  readonly set: RuleSet;
  readonly hits: (Hit & { readonly activityId: Id })[];
  readonly alerts: Map<string, ReplayedAlert>;
  readonly holds: Set<string>;
  readonly dated: Map<string, Dated[]>;
  /** Until when an alert of a person and typology takes further hits in. @units ms */
  readonly openUntil: Map<string, number>;
};

/** Begins a pass with two sets of rules; `peersOf` says what the peers of a person move now. */
export function startReplay(before: RuleSet, after: RuleSet, peersOf: (userId: Id) => Peers | null): Replay {
  const past = new Map<Id, Map<string, Replayed[]>>();
  const fillsOf = new Map<string, Replayed[]>();
  const users = new Map<string, Map<Id, number>>();
  const sides = [sideOf(before), sideOf(after)] as const;
  return {
    next: (activity) => {
      const own = past.get(activity.userId) ?? new Map<string, Replayed[]>();
      past.set(activity.userId, own);
      const place =
        activity.counterpartyIndex === null ? null : Buffer.from(activity.counterpartyIndex).toString('hex');
      const view = {
        past: pastOf(own, activity),
        crowd: crowdBefore(own, activity),
        movedBefore: isMarket(activity) ? null : movedBefore(own, activity),
        others: othersOf(fillsOf.get(activity.instrument ?? '') ?? [], activity),
        sharers: place === null ? 0 : sharersOf(users.get(place), activity),
        peers: isMarket(activity) ? null : peersOf(activity.userId),
      };
      for (const side of sides) {
        judge(side, activity, { ...view, reference: side.set.reference });
      }
      keep(own, activity.kind, activity);
      if (activity.kind === 'fill') {
        keep(own, keyWithSame(activity), activity);
      }
      if (activity.kind === 'fill' && activity.instrument !== null) {
        const fills = fillsOf.get(activity.instrument) ?? [];
        fills.push(activity);
        fillsOf.set(activity.instrument, fills);
      }
      if (place !== null) {
        const known = users.get(place) ?? new Map<Id, number>();
        known.set(activity.userId, msOfInstant(activity.occurredAt));
        users.set(place, known);
      }
    },
    before: () => sides[0],
    after: () => sides[1],
  };
}

function sideOf(set: RuleSet): Side {
  return {
    set,
    hits: [],
    alerts: new Map(),
    holds: new Set(),
    dated: new Map(),
    openUntil: new Map(),
  };
}

/** Trades with the same person in the same instrument. */
function keyWithSame({ linkedUserId, instrument }: Activity): string {
  return `fill ${linkedUserId} ${instrument}`;
}

function keep(own: Map<string, Replayed[]>, key: string, activity: Replayed): void {
  const alike = own.get(key) ?? [];
  alike.push(activity);
  own.set(key, alike);
}

function pastOf(own: ReadonlyMap<string, readonly Replayed[]>, activity: Activity): readonly Activity[] {
  return pastPartsOf(activity)
    .flatMap(({ kind, most, isWithSame, ms }) => {
      const since = addMs(activity.occurredAt, -ms);
      const rows = own.get(isWithSame ? keyWithSame(activity) : kind) ?? [];
      return rows.slice(-most).filter(({ occurredAt }) => occurredAt >= since);
    })
    .toSorted((left, right) => inOrder(right, left));
}

function crowdBefore(own: ReadonlyMap<string, readonly Replayed[]>, activity: Activity): Crowd {
  return isCrowding(activity)
    ? crowdOf(
        (own.get(activity.kind) ?? [])
          .slice(-(PAST_ROWS + 1))
          .toReversed()
          .map(({ occurredAt }) => occurredAt),
      )
    : NO_CROWD;
}

function movedBefore(own: ReadonlyMap<string, readonly Replayed[]>, activity: Activity): Instant | null {
  const since = addMs(activity.occurredAt, -PAST_MS);
  const newest = (['deposit', 'fill', 'withdrawal_ended'] as const).flatMap(
    (kind) =>
      (own.get(kind) ?? []).findLast((one) => hasMoved(one) && one.occurredAt < since)?.occurredAt ?? [],
  );
  return newest.toSorted().at(-1) ?? null;
}

function othersOf(fills: readonly Replayed[], activity: Activity): readonly Activity[] {
  if (activity.kind !== 'order_placed') {
    return [];
  }
  const since = addMs(activity.occurredAt, -OTHERS_MS);
  return fills
    .slice(-2 * PAST_ROWS)
    .filter(({ userId, occurredAt }) => userId !== activity.userId && occurredAt >= since)
    .toReversed()
    .slice(0, PAST_ROWS);
}

function sharersOf(known: ReadonlyMap<Id, number> | undefined, activity: Activity): number {
  const since = msOfInstant(activity.occurredAt) - SHARED_MS;
  return [...(known ?? [])].filter(([userId, atMs]) => userId !== activity.userId && atMs >= since).length;
}

function judge(side: Side, activity: Replayed, view: View): void {
  const atMs = msOfInstant(activity.occurredAt);
  for (const hit of hitsOf(activity, view, side.set)) {
    side.hits.push({ ...hit, activityId: activity.id });
    const key = `${hit.userId} ${hit.typology}`;
    const { windowDays } = side.set.typologies[hit.typology];
    const standing = [
      ...(side.dated.get(key) ?? []).filter((earlier) => earlier.atMs >= atMs - windowDays * DAY_MS),
      { ruleKey: hit.ruleKey, points: hit.points, addsEach: hit.addsEach, atMs },
    ];
    side.dated.set(key, standing);
    raise(side, key, {
      userId: hit.userId,
      typology: hit.typology,
      activityId: activity.id,
      points: totalOf(standing),
      at: activity.occurredAt,
    });
  }
}

function raise(side: Side, key: string, found: ReplayedAlert): void {
  const { alertAt, holdAt, windowDays } = side.set.typologies[found.typology];
  const name = `${key} ${found.activityId}`;
  const atMs = msOfInstant(found.at);
  if (found.points >= alertAt && (side.openUntil.get(key) ?? 0) < atMs) {
    side.alerts.set(name, found);
    side.openUntil.set(key, atMs + windowDays * DAY_MS);
  }
  if (holdAt !== null && found.points >= holdAt) {
    side.holds.add(name);
  }
}
