/**
 * Instants with the precision PostgreSQL keeps. An instant is RFC 3339 text in UTC with six
 * decimals, so that text order is time order and keyset cursors lose nothing.
 */

declare const instantBrand: unique symbol;

/** @units RFC 3339, UTC, `YYYY-MM-DDTHH:mm:ss.ffffffZ` */
export type Instant = string & { readonly [instantBrand]: true };

export const INSTANT_PATTERN = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;

/**
 * Reads RFC 3339 text, also as PostgreSQL prints it (`2026-01-01 00:00:00.5+00`).
 * @errors RangeError when the text is no instant
 */
export function parseInstant(text: string): Instant {
  return fromTemporal(Temporal.Instant.from(text.replace(' ', 'T').replace(/([+-]\d{2})$/, '$1:00')));
}

/** Reads what PostgreSQL prints for an instant in a session of UTC. @errors RangeError when it is none */
export function readStoredInstant(text: string): Instant {
  const [, day, time, fraction = ''] = STORED_PATTERN.exec(text) ?? [];
  return day === undefined || time === undefined
    ? parseInstant(text)
    : (`${day}T${time}.${fraction.padEnd(6, '0')}Z` as Instant);
}

const STORED_PATTERN = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?\+00$/;

/** @units milliseconds since 1970-01-01T00:00:00Z */
export function instantOfMs(epochMs: number): Instant {
  // Every request asks for the time, and a Date says it in half the time Temporal takes.
  return `${new Date(epochMs).toISOString().slice(0, -1)}000Z` as Instant;
}

/** @units milliseconds since 1970-01-01T00:00:00Z, rounded down */
export function msOfInstant(instant: Instant): number {
  return Temporal.Instant.from(instant).epochMilliseconds;
}

/**
 * Moves an instant.
 * @units milliseconds, negative for earlier
 */
export function addMs(instant: Instant, ms: number): Instant {
  return fromTemporal(Temporal.Instant.from(instant).add({ milliseconds: ms }));
}

/**
 * Business time (movable in the sandbox) and real time (never moved). Tokens, one-time codes, rate
 * limits, seals and `recorded_at` use real time.
 */
export type Clock = {
  readonly now: () => Instant;
  readonly realNow: () => Instant;
  readonly realMs: () => number;
};

/**
 * The system clock, shifted by an offset for business time.
 * @units offset in milliseconds
 */
export function systemClock(offsetMs: () => number = () => 0): Clock {
  return {
    now: () => instantOfMs(Date.now() + offsetMs()),
    realNow: () => instantOfMs(Date.now()),
    realMs: () => Date.now(),
  };
}

/** How far a clock is ahead of the machine's. @units milliseconds */
export type ClockShift = { readonly businessMs: number; readonly realMs: number };

const TRIES = 10;

/** How far a clock is ahead now, so that another thread can go by it. */
export function shiftOf(clock: Clock): ClockShift {
  return { businessMs: aheadOf(() => msOfInstant(clock.now())), realMs: aheadOf(clock.realMs) };
}

/** The machine's clock, ahead by what is asked for each time. */
export function shiftedClock(shift: () => ClockShift): Clock {
  return {
    now: () => instantOfMs(Date.now() + shift().businessMs),
    realNow: () => instantOfMs(Date.now() + shift().realMs),
    realMs: () => Date.now() + shift().realMs,
  };
}

/** Read within one millisecond of the machine's, or time that passes meanwhile would look like a shift. */
function aheadOf(said: () => number): number {
  let ahead = 0;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const beforeMs = Date.now();
    ahead = said() - beforeMs;
    if (Date.now() === beforeMs) {
      break;
    }
  }
  return ahead;
}

function fromTemporal(instant: Temporal.Instant): Instant {
  return instant.toString({ fractionalSecondDigits: 6 }) as Instant;
}
