/**
 * When an exchange trades, from the hours of its week and the days it is closed. Pure. A time of the local clock
 * means the first instant at which that clock reads it or more: an hour that comes twice in autumn begins with its
 * first, and a time that spring leaves out is the moment of the change. What is open is the regular session;
 * orders are taken in no other, but limit orders in the minutes that are set aside before it, to be collected.
 */
import { assert } from '../../../kernel/assert.ts';
import { type Instant, instantOfMs, msOfInstant } from '../../../kernel/time.ts';

export type SessionKind = 'pre' | 'regular' | 'post';

export type WeeklySession = {
  readonly kind: SessionKind;
  /** @units 1 is Monday, 7 Sunday */
  readonly opensOn: number;
  /** @units local HH:MM */
  readonly opensAt: string;
  readonly closesOn: number;
  readonly closesAt: string;
};

export type Closure = {
  /** The trading day. @units YYYY-MM-DD */
  readonly day: string;
  /** From when on it is closed; null for the whole of it. @units local HH:MM */
  readonly closesAt: string | null;
};

export type Calendar = {
  /** @units IANA name */
  readonly timeZone: string;
  /** Midnight is the end of the day. @units local HH:MM */
  readonly dayEndsAt: string;
  /** How long before an opening orders are collected for it. @units minutes */
  readonly preOpenMinutes: number;
  readonly sessions: readonly WeeklySession[];
  readonly closures: readonly Closure[];
  /** Since when it stands as it is: what closed an open market with it is as a closing then. */
  readonly changedAt?: Instant;
};

export type Session = { readonly kind: SessionKind; readonly opensAt: Instant; readonly closesAt: Instant };

/** What holds from one instant to another, exclusive. */
export type MarketState = {
  readonly open: boolean;
  /** It is closed and about to open: limit orders are collected for the opening auction. */
  readonly preOpen: boolean;
  readonly from: Instant;
  readonly until: Instant;
  /** When the orders of the day end: with the last regular session of the trading day; null where none are taken. */
  readonly dayOrdersEndAt: Instant | null;
};

/** @units milliseconds since the epoch; `to` is exclusive */
type Span = { readonly from: number; readonly to: number };

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Books halt within a second of the closing; what is collected for the next opening must find them halted. */
const REST_AFTER_CLOSE_MS = MINUTE_MS;

/** How far ahead an opening or a closing is looked for; a market that does neither within it has none. */
const HORIZON_DAYS = 30;

/** The sessions of a period as they really are, by when they open; what reaches into it counts whole. */
export function sessionsBetween(calendar: Calendar, from: Instant, to: Instant): readonly Session[] {
  const period = { from: msOfInstant(from), to: msOfInstant(to) };
  return KINDS.flatMap((kind) =>
    spansOf(calendar, period, kind).map((span) => ({
      kind,
      opensAt: instantOfMs(span.from),
      closesAt: instantOfMs(span.to),
    })),
  )
    .filter(({ opensAt, closesAt }) => opensAt < to && closesAt > from)
    .sort((left, right) => (left.opensAt < right.opensAt ? -1 : 1));
}

/** The session an instant lies in; the regular one where several do; null while all are closed. */
export function sessionAt(calendar: Calendar, at: Instant): Session | null {
  const found = sessionsBetween(calendar, at, instantOfMs(msOfInstant(at) + 1));
  return found.find(({ kind }) => kind === 'regular') ?? found[0] ?? null;
}

/** When the regular session begins next, after an instant; null where it does not within the horizon. */
export function nextOpen(calendar: Calendar, at: Instant): Instant | null {
  const ms = msOfInstant(at);
  const next = openSpans(calendar, ms).find((span) => span.from > ms);
  return next === undefined ? null : instantOfMs(next.from);
}

/** When the regular session ends next, after an instant; null where it does not within the horizon. */
export function nextClose(calendar: Calendar, at: Instant): Instant | null {
  const ms = msOfInstant(at);
  const next = openSpans(calendar, ms).find((span) => span.to > ms && span.to < horizonOf(ms));
  return next === undefined ? null : instantOfMs(next.to);
}

/** Whether a market takes orders at an instant, and for how long that answer holds. */
export function stateAt(calendar: Calendar, at: Instant): MarketState {
  const ms = msOfInstant(at);
  const spans = openSpans(calendar, ms);
  const current = spans.find((span) => span.from <= ms && ms < span.to);
  if (current === undefined) {
    return closedAt(calendar, spans, ms);
  }
  const day = tradingDayAt(calendar, ms);
  return {
    open: true,
    preOpen: false,
    from: instantOfMs(Math.max(current.from, day.from)),
    until: instantOfMs(Math.min(current.to, day.to)),
    dayOrdersEndAt: dayEndOf(calendar, spans, ms),
  };
}

function closedAt(calendar: Calendar, spans: readonly Span[], ms: number): MarketState {
  const closed = spans.findLast((span) => span.to <= ms)?.to;
  const opening = spans.find((span) => span.from > ms)?.from;
  const after = opening ?? horizonOf(ms);
  const changed = calendar.changedAt === undefined ? 0 : msOfInstant(calendar.changedAt);
  const rested = Math.max(closed ?? 0, changed) + REST_AFTER_CLOSE_MS;
  const begins = Math.max(after - calendar.preOpenMinutes * MINUTE_MS, rested);
  const collects = opening !== undefined && calendar.preOpenMinutes > 0 && begins < opening;
  const preOpen = collects && begins <= ms;
  return {
    open: false,
    preOpen,
    from: instantOfMs(preOpen ? begins : (closed ?? ms)),
    until: instantOfMs(collects && !preOpen ? begins : after),
    dayOrdersEndAt: preOpen ? dayEndOf(calendar, spans, after) : null,
  };
}

/** When the orders of the trading day of an instant end. */
function dayEndOf(calendar: Calendar, spans: readonly Span[], ms: number): Instant {
  const day = tradingDayAt(calendar, ms);
  const ofTheDay = spans.filter((span) => span.from < day.to && span.to > day.from);
  return instantOfMs(Math.min(day.to, Math.max(...ofTheDay.map((span) => span.to))));
}

/** The trading day of the exchange that an instant belongs to. @units YYYY-MM-DD */
export function tradingDateAt(calendar: Calendar, at: Instant): string {
  const ms = msOfInstant(at);
  const date = dateAt(calendar, ms);
  return (ms < tradingDay(calendar, date).to ? date : date.add({ days: 1 })).toString();
}

/**
 * The business day of the exchange so many of them after a trading day: one with a regular session, however short.
 * @units YYYY-MM-DD; the day itself for none
 */
export function businessDayAfter(calendar: Calendar, day: string, count: number): string {
  let date = Temporal.PlainDate.from(day);
  for (let left = count, looked = 0; left > 0; looked += 1) {
    assert(looked < LONGEST_CLOSURE_DAYS, 'an exchange opens again');
    date = date.add({ days: 1 });
    left -= isBusinessDay(calendar, date) ? 1 : 0;
  }
  return date.toString();
}

const LONGEST_CLOSURE_DAYS = 366;

function isBusinessDay(calendar: Calendar, date: Temporal.PlainDate): boolean {
  const day = tradingDay(calendar, date);
  return spansOf(calendar, day, 'regular').some((span) => span.from < day.to && span.to > day.from);
}

const KINDS: readonly SessionKind[] = ['pre', 'regular', 'post'];

function horizonOf(ms: number): number {
  return ms + HORIZON_DAYS * DAY_MS;
}

/** The regular sessions around an instant and up to the horizon; those that touch are one. */
function openSpans(calendar: Calendar, ms: number): readonly Span[] {
  const spans = spansOf(calendar, { from: ms - 2 * DAY_MS, to: horizonOf(ms) }, 'regular');
  const merged: { from: number; to: number }[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last !== undefined && span.from <= last.to) {
      last.to = Math.max(last.to, span.to);
    } else {
      merged.push({ ...span });
    }
  }
  return merged;
}

/** The sessions of one kind that touch a period, without what holidays take from them. */
function spansOf(calendar: Calendar, period: Span, kind: SessionKind): readonly Span[] {
  const first = dateAt(calendar, period.from).subtract({ days: 8 });
  const days = Math.ceil((period.to - period.from) / DAY_MS) + 10;
  const weekly = calendar.sessions.filter((session) => session.kind === kind);
  const whole: Span[] = [];
  for (let offset = 0; offset < days; offset += 1) {
    const day = first.add({ days: offset });
    for (const session of weekly) {
      if (session.opensOn === day.dayOfWeek) {
        whole.push(spanOf(calendar, session, day));
      }
    }
  }
  const closed = closedSpans(calendar, first.toString(), first.add({ days: days + 9 }).toString());
  return whole
    .filter((span) => span.to >= period.from && span.from <= period.to)
    .flatMap((span) => without(span, closed))
    .sort((left, right) => left.from - right.from);
}

function spanOf(calendar: Calendar, session: WeeklySession, day: Temporal.PlainDate): Span {
  const sameDay = session.closesOn === session.opensOn && session.closesAt <= session.opensAt;
  const days = sameDay ? 7 : (session.closesOn - session.opensOn + 7) % 7;
  return {
    from: momentOf(day, session.opensAt, calendar.timeZone),
    to: momentOf(day.add({ days }), session.closesAt, calendar.timeZone),
  };
}

/** What holidays take away between two days. */
function closedSpans(calendar: Calendar, from: string, to: string): readonly Span[] {
  return calendar.closures
    .filter(({ day }) => from <= day && day <= to)
    .map(({ day, closesAt }) => {
      const date = Temporal.PlainDate.from(day);
      const whole = tradingDay(calendar, date);
      const early = closesAt === null ? whole.from : momentOf(date, closesAt, calendar.timeZone);
      return { from: Math.max(whole.from, early), to: whole.to };
    })
    .filter(({ from: closed, to: reopened }) => closed < reopened);
}

function without(span: Span, closed: readonly Span[]): readonly Span[] {
  return closed.reduce<readonly Span[]>(
    (left, cut) =>
      left.flatMap((piece) =>
        [
          { from: piece.from, to: Math.min(piece.to, cut.from) },
          { from: Math.max(piece.from, cut.to), to: piece.to },
        ].filter(({ from, to }) => from < to),
      ),
    span.from < span.to ? [span] : [],
  );
}

function tradingDayAt(calendar: Calendar, ms: number): Span {
  const date = dateAt(calendar, ms);
  const today = tradingDay(calendar, date);
  return ms < today.to ? today : tradingDay(calendar, date.add({ days: 1 }));
}

function tradingDay(calendar: Calendar, date: Temporal.PlainDate): Span {
  const endOf = (day: Temporal.PlainDate): number =>
    momentOf(
      calendar.dayEndsAt === '00:00' ? day.add({ days: 1 }) : day,
      calendar.dayEndsAt,
      calendar.timeZone,
    );
  return { from: endOf(date.subtract({ days: 1 })), to: endOf(date) };
}

function dateAt(calendar: Calendar, ms: number): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(calendar.timeZone).toPlainDate();
}

/** The first instant at which the local clock reads this time of this day, or more. */
function momentOf(day: Temporal.PlainDate, time: string, timeZone: string): number {
  const local = day.toPlainDateTime(Temporal.PlainTime.from(time));
  const read = local.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
  // Where the clock leaves the time out, `earlier` answers one from before the change.
  const skipped = !read.toPlainDateTime().equals(local);
  const change = skipped ? read.getTimeZoneTransition('next') : null;
  return (change ?? read).epochMilliseconds;
}
