/**
 * How much of a person's past rules look at for an activity: of each kind its own newest rows, so that what costs
 * nothing cannot crowd out what they add up; and no row that no rule would look at, since whoever trades much has
 * very many. Pure. A window that is full is something to look at by itself: crowded-past.ts, crowded-market.ts.
 */
import type { Activity, ActivityKind } from '../../../platform/activity.ts';
import { DAY_MS, HOUR_MS } from './sizes.ts';

/** How far back rules look. @units ms */
export const PAST_MS = 400 * DAY_MS;
/** As far back as a rule of the market can be told to look. */
export const MARKET_HOURS_MOST = 720;

/** Of what rules add up. */
export const PAST_ROWS = 400;
/** Of trades, where it is money that is looked at. */
export const MARKET_ROWS_OF_MONEY = 200;

/** So many rows of one kind. */
export type PastPart = {
  readonly kind: ActivityKind;
  readonly isMarket: boolean;
  readonly most: number;
  /** Only with the same person on the other side, in the same instrument. */
  readonly isWithSame: boolean;
  /** How far back. @units ms */
  readonly ms: number;
};

/**
 * Of what no rule adds up, the newest says that the person did something. Of transfers one more than rules add up, so
 * that the one which fills the window is told from those behind it.
 */
const PAST_OF_MONEY: readonly PastPart[] = [
  { kind: 'deposit', isMarket: false, most: PAST_ROWS },
  { kind: 'withdrawal_requested', isMarket: false, most: PAST_ROWS },
  { kind: 'withdrawal_ended', isMarket: false, most: PAST_ROWS },
  { kind: 'beneficiary_added', isMarket: false, most: PAST_ROWS },
  { kind: 'transfer', isMarket: false, most: PAST_ROWS + 1 },
  { kind: 'fill', isMarket: true, most: MARKET_ROWS_OF_MONEY },
  { kind: 'order_placed', isMarket: true, most: 1 },
  { kind: 'order_closed', isMarket: true, most: 1 },
].map((part) => ({ ...part, kind: part.kind as ActivityKind, isWithSame: false, ms: PAST_MS }));

/** An hour more: the trade that an order at the edge was taken away after. */
const OF_MARKET = { isMarket: true, most: PAST_ROWS + 1, ms: (MARKET_HOURS_MOST + 1) * HOUR_MS } as const;

/** Trades of the same two people: what others do between them hides none. */
const PAST_OF_FILL: readonly PastPart[] = [{ ...OF_MARKET, kind: 'fill', isWithSame: true }];

const PAST_OF_CANCELLED: readonly PastPart[] = [
  { ...OF_MARKET, kind: 'fill', isWithSame: false },
  { ...OF_MARKET, kind: 'order_closed', isWithSame: false },
];

const NOTHING: readonly PastPart[] = [];

/** What of the past is looked at for an activity. */
export function pastPartsOf({
  kind,
  userId,
  linkedUserId,
  data,
}: Pick<Activity, 'kind' | 'userId' | 'linkedUserId' | 'data'>): readonly PastPart[] {
  switch (kind) {
    case 'order_placed':
      return NOTHING;
    case 'fill':
      return linkedUserId === null || linkedUserId === userId ? NOTHING : PAST_OF_FILL;
    case 'order_closed':
      return data.end === 'cancelled' || data.reason === 'self_match' ? PAST_OF_CANCELLED : NOTHING;
    default:
      return PAST_OF_MONEY;
  }
}

/** How many activities of their kind stood before one of a market; instants, and only as far as rules see. */
export type Crowd = {
  /** When the newest of them was. */
  readonly newest: Activity['occurredAt'] | null;
  /** Since when there are PAST_ROWS; null where there are fewer. */
  readonly fullSince: Activity['occurredAt'] | null;
  /** Since when there is one more. */
  readonly moreSince: Activity['occurredAt'] | null;
};

/** Whether a crowd of its kind is looked at. */
export function isCrowding({ kind }: Pick<Activity, 'kind'>): boolean {
  return kind === 'fill' || kind === 'order_closed';
}

export const NO_CROWD: Crowd = { newest: null, fullSince: null, moreSince: null };

/** What there is of a crowd in instants, the newest first. */
export function crowdOf(instants: readonly Activity['occurredAt'][]): Crowd {
  return {
    newest: instants[0] ?? null,
    fullSince: instants[PAST_ROWS - 1] ?? null,
    moreSince: instants[PAST_ROWS] ?? null,
  };
}
