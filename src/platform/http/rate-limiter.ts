/**
 * Rate limits shared by all nodes. A node takes tokens from the database's counter in blocks and spends
 * them in memory, so that an ordinary request costs no round trip; near its limit a holder gets only
 * what the requests at hand need. A token is spent for good when it is granted, so what holds is: in any
 * stretch of time the nodes together let through at most what the counter grants in it (the quota plus
 * what comes back meanwhile) and what they held leased at its start, at most `blockMax` tokens each.
 * What it costs: a lease that expires unspent is lost to its holder.
 * @source ITU-T I.371 (GCRA); draft-ietf-httpapi-ratelimit-headers-11
 */
import { sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Deps, perDeps } from '../context.ts';
import { executePrepared } from '../db/prepared.ts';
import { rateCounters } from '../db/schema.ts';
import type { RateName, RatePolicy } from './rate-policy.ts';
import { refuse } from './refuse.ts';

/** Where a holder stands after a request: what the headers and a refusal say. */
export type Standing = {
  readonly policy: RatePolicy;
  /** Seconds until a token is there; 0 where this request got one. */
  readonly retryAfterSeconds: number;
  readonly remaining: number;
  /** Seconds until the whole quota is there again. */
  readonly resetSeconds: number;
};

/**
 * Spends one token of a holder: an address, a user or an API key. At once where the node holds one.
 * @errors busy, where the counter cannot be asked and the policy fails closed
 */
export type RateLimiter = (name: RateName, holder: string) => Standing | Promise<Standing>;

type Lease = {
  readonly policy: RatePolicy;
  readonly counter: Uint8Array;
  /** Granted and not yet spent. */
  tokens: number;
  expiresAtMs: number;
  block: number;
  /** What the counter had left when it was last asked. */
  remaining: number;
  wholeAtMs: number;
  /** Until when the counter has nothing for this holder; 0 where it gave what was needed. */
  refusesUntilMs: number;
  waiting: number;
  asking: Promise<void> | undefined;
};

/** What a node knows: a counter that cannot be asked for one holder cannot be asked for any. */
type Node = {
  readonly deps: Deps;
  readonly leases: Readonly<Record<RateName, Map<string, Lease>>>;
  unreachableUntilMs: number;
};

type Granted = {
  readonly granted: number;
  readonly remaining: number;
  readonly retry_after_ms: number;
  readonly reset_ms: number;
};

/** Long enough that who asks for something now and then is at hand; what is leased counts as spent in any case. */
const LEASE_MS = 60_000;
const FIRST_BLOCK = 8;
const MAX_LEASES = 50_000;
const ASK_TIMEOUT_MS = 2_000;
const UNREACHABLE_MS = 1_000;

/** The limiter of a node. */
export const rateLimiterOf = perDeps((deps: Deps): RateLimiter => {
  const names = Object.keys(deps.rateLimits) as RateName[];
  const node: Node = {
    deps,
    leases: Object.fromEntries(names.map((name) => [name, new Map()])) as unknown as Node['leases'],
    unreachableUntilMs: 0,
  };
  return (name, holder) => {
    const lease = node.leases[name].get(holder) ?? newLease(node, name, holder);
    const nowMs = deps.clock.realMs();
    if (lease.waiting === 0 && spend(lease, nowMs)) {
      return standing(lease, nowMs, 0);
    }
    return inTurn(node, lease);
  };
});

/** Deletes the counters that are whole again: a counter that is not there says the same. */
export async function purgeRateCounters(deps: Deps): Promise<void> {
  await deps.db.engine.delete(rateCounters).where(sql`${rateCounters.arrivesAt} < clock_timestamp()`);
}

/** IPv6 is counted by /64: whoever has one address of a network has them all. */
export function networkOf(address: string): string {
  if (!address.includes(':')) {
    return address;
  }
  const [head = '', tail = ''] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const [left, right] = [head, tail].map((part) => (part === '' ? [] : part.split(':')));
  const zeros = Array<string>(Math.max(0, 8 - (left?.length ?? 0) - (right?.length ?? 0))).fill('0');
  const groups = [...(left ?? []), ...zeros, ...(right ?? [])].slice(0, 4);
  return groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':');
}

async function inTurn(node: Node, lease: Lease): Promise<Standing> {
  const { clock } = node.deps;
  lease.waiting += 1;
  try {
    for (let asked = false; ; asked = true) {
      const nowMs = clock.realMs();
      if (spend(lease, nowMs)) {
        return standing(lease, nowMs, 0);
      }
      // Who waited for an answer that was too small is refused by it, however soon tokens come back.
      if (nowMs < lease.refusesUntilMs || (asked && lease.refusesUntilMs !== 0)) {
        return standing(lease, nowMs, Math.max(1, Math.ceil((lease.refusesUntilMs - nowMs) / 1000)));
      }
      if (nowMs < node.unreachableUntilMs) {
        return unlimited(lease, nowMs);
      }
      lease.asking ??= ask(node, lease).finally(() => {
        lease.asking = undefined;
      });
      await lease.asking;
    }
  } finally {
    lease.waiting -= 1;
  }
}

/**
 * Without the counter, guessing at passwords and tokens stops: that limit protects people. The others
 * share out a service whose operations refuse by themselves where they need the database.
 */
function unlimited(lease: Lease, nowMs: number): Standing {
  if (lease.policy.failsClosed) {
    throw refuse('busy', { headers: { 'retry-after': '2' } });
  }
  return standing(lease, nowMs, 0);
}

/** Takes what the waiting requests need, or a block: twice the last one where that was used up in time. */
async function ask(node: Node, lease: Lease): Promise<void> {
  const { deps } = node;
  const { policy } = lease;
  const usedUp = lease.tokens === 0 && deps.clock.realMs() < lease.expiresAtMs;
  lease.block = Math.min(policy.blockMax, usedUp ? lease.block * 2 : FIRST_BLOCK);
  lease.tokens = 0;
  const need = lease.waiting;
  try {
    const row = await inTime(takeTokens(deps, lease, need));
    const nowMs = deps.clock.realMs();
    lease.tokens = row.granted;
    lease.expiresAtMs = nowMs + Math.min(LEASE_MS, policy.windowSeconds * 1000);
    lease.remaining = row.remaining;
    lease.wholeAtMs = nowMs + row.reset_ms;
    lease.refusesUntilMs = row.granted < need ? nowMs + row.retry_after_ms : 0;
  } catch (failure) {
    lease.refusesUntilMs = 0;
    node.unreachableUntilMs = deps.clock.realMs() + UNREACHABLE_MS;
    deps.log.error(
      { policy: policy.name, failure: failure instanceof Error ? failure.name : 'unknown' },
      'a rate counter could not be asked',
    );
  }
}

async function takeTokens(deps: Deps, lease: Lease, need: number): Promise<Granted> {
  const { quota, intervalUs } = lease.policy;
  const which = sql.param(lease.counter, rateCounters.counter);
  const [row] = await executePrepared<Granted>(
    deps.db.engine,
    sql`select * from take_tokens(${which}, ${quota}, ${intervalUs}, ${need}, ${lease.block})`,
  );
  return present(row, 'the counter answers with one row');
}

async function inTime<Value>(work: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), ASK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function spend(lease: Lease, nowMs: number): boolean {
  if (lease.tokens === 0 || nowMs >= lease.expiresAtMs) {
    return false;
  }
  lease.tokens -= 1;
  return true;
}

function standing(lease: Lease, nowMs: number, retryAfterSeconds: number): Standing {
  return {
    policy: lease.policy,
    retryAfterSeconds,
    remaining: retryAfterSeconds === 0 ? lease.remaining + lease.tokens : 0,
    resetSeconds: Math.max(0, Math.ceil((lease.wholeAtMs - nowMs) / 1000)),
  };
}

/** A counter is named by a keyed hash: the table holds no address. */
function newLease({ deps, leases }: Node, name: RateName, holder: string): Lease {
  const policy = deps.rateLimits[name];
  const holders = leases[name];
  const oldest = holders.size >= MAX_LEASES ? holders.keys().next().value : undefined;
  if (oldest !== undefined) {
    holders.delete(oldest);
  }
  const lease: Lease = {
    policy,
    counter: deps.keyring.blindIndex('rate_counter', `${name}\0${holder}`),
    tokens: 0,
    expiresAtMs: 0,
    block: 0,
    remaining: policy.quota,
    wholeAtMs: 0,
    refusesUntilMs: 0,
    waiting: 0,
    asking: undefined,
  };
  holders.set(holder, lease);
  return lease;
}
