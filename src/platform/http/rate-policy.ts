/**
 * How often what may be asked: a class for each kind of operation, counted per credential (per address
 * where there is none), and one coarse class for an address, counted before any credential is looked
 * at. The sandbox serves one machine's evaluation and gets numbers that only a runaway loop meets.
 */
import type { Mode } from '../context.ts';

/** What an operation declares; by default reading is `read` and everything else `write`. */
export type RateClass = 'sign_in' | 'recovery' | 'read' | 'write' | 'orders' | 'order_batches' | 'export';

export type RateName = RateClass | 'address';

export type RatePolicy = {
  readonly name: RateName;
  /** Tokens of a full bucket, one a request. */
  readonly quota: number;
  /** How long an empty bucket takes to fill. @units seconds */
  readonly windowSeconds: number;
  /** What one token takes to come back, rounded up, so that the database reckons in whole numbers. */
  readonly intervalUs: number;
  /** The most a node takes ahead of its requests. */
  readonly blockMax: number;
  /** Refuses when the counter cannot be asked. */
  readonly failsClosed: boolean;
  /** The `RateLimit-Policy` field. @source draft-ietf-httpapi-ratelimit-headers-11 */
  readonly field: string;
};

export type RateLimits = Readonly<Record<RateName, RatePolicy>>;

type Numbers = readonly [quota: number, windowSeconds: number];

const NUMBERS: Readonly<Record<Mode, Readonly<Record<RateName, Numbers>>>> = {
  production: {
    address: [12_000, 60],
    sign_in: [60, 60],
    recovery: [20, 300],
    read: [600, 60],
    write: [300, 60],
    orders: [6_000, 60],
    order_batches: [60, 60],
    export: [20, 60],
  },
  sandbox: {
    address: [12_000_000, 60],
    sign_in: [1_200, 60],
    recovery: [3_000, 60],
    read: [6_000_000, 60],
    write: [600_000, 60],
    orders: [1_200_000, 60],
    order_batches: [12_000, 60],
    export: [600, 60],
  },
};

const MAX_QUOTA = 100_000_000;
const MAX_WINDOW_SECONDS = 86_400;
const US_PER_SECOND = 1_000_000;

/** A node holds at most this part of a quota ahead of its requests. */
const BLOCKS_PER_QUOTA = 20;

/**
 * The policies of a mode, with what an operator changed: `read=600/60,sign_in=20/60`.
 * @units requests / seconds
 * @errors RangeError that says what is wrong
 */
export function parseRateLimits(mode: Mode, overrides: string): RateLimits {
  const numbers: Record<RateName, Numbers> = { ...NUMBERS[mode] };
  const seen = new Set<RateName>();
  for (const entry of overrides.split(',').map((text) => text.trim())) {
    if (entry === '' && overrides.trim() === '') {
      break;
    }
    const [name, quota, windowSeconds] = parseEntry(entry);
    if (seen.has(name)) {
      throw new RangeError(`${name} is given twice`);
    }
    seen.add(name);
    numbers[name] = [quota, windowSeconds];
  }
  const names = Object.keys(numbers) as RateName[];
  return Object.fromEntries(names.map((name) => [name, policyOf(name, numbers[name])])) as RateLimits;
}

function parseEntry(entry: string): readonly [RateName, number, number] {
  const [, name = '', quotaText = '', secondsText = ''] =
    /^([a-z_]+)=(\d{1,9})\/(\d{1,5})$/.exec(entry) ?? [];
  if (!isRateName(name)) {
    const names = Object.keys(NUMBERS.production).join(', ');
    throw new RangeError(`${entry}: must be name=requests/seconds, the name one of ${names}`);
  }
  const quota = Number.parseInt(quotaText, 10);
  const seconds = Number.parseInt(secondsText, 10);
  if (seconds < 1 || seconds > MAX_WINDOW_SECONDS) {
    throw new RangeError(`${name}: the window must be 1 to ${MAX_WINDOW_SECONDS} seconds`);
  }
  if (quota < 1 || quota > Math.min(MAX_QUOTA, seconds * US_PER_SECOND)) {
    throw new RangeError(`${name}: must allow 1 to ${MAX_QUOTA} requests, and at most a million a second`);
  }
  return [name, quota, seconds];
}

function policyOf(name: RateName, [quota, windowSeconds]: Numbers): RatePolicy {
  const guardsSecrets = name === 'sign_in' || name === 'recovery';
  return {
    name,
    quota,
    windowSeconds,
    intervalUs: Math.ceil((windowSeconds * US_PER_SECOND) / quota),
    // Where secrets are guessed at, hashing costs more than the round trip: every request is counted.
    blockMax: guardsSecrets ? 1 : Math.max(1, Math.floor(quota / BLOCKS_PER_QUOTA)),
    failsClosed: guardsSecrets,
    field: `"${name}";q=${quota};w=${windowSeconds}`,
  };
}

function isRateName(text: string): text is RateName {
  return Object.hasOwn(NUMBERS.production, text);
}
