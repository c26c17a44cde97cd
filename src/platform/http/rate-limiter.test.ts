import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import type { Deps } from '../context.ts';
import { openClient } from '../db/client.ts';
import { rateCounters } from '../db/schema.ts';
import { networkOf, purgeRateCounters, rateLimiterOf, type Standing } from './rate-limiter.ts';
import { parseRateLimits } from './rate-policy.ts';

/** Windows of a day: while a test runs, next to nothing comes back. */
const DAY = 86_400;

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());

type Node = { readonly deps: Deps; readonly advance: (ms: number) => void };

/** Another node on the same database, with limits and, for its leases, a clock of its own. */
function node(limits: string): Node {
  let aheadMs = 0;
  const { clock } = foundation.deps;
  return {
    deps: {
      ...foundation.deps,
      rateLimits: parseRateLimits('production', limits),
      clock: { ...clock, realMs: () => clock.realMs() + aheadMs },
    },
    advance: (ms) => {
      aheadMs += ms;
    },
  };
}

async function take({ deps }: Node, holder: string): Promise<Standing> {
  return rateLimiterOf(deps)('read', holder);
}

async function passed(on: Node, holder: string, count: number): Promise<number> {
  const standings = await Promise.all(Array.from({ length: count }, () => take(on, holder)));
  return standings.filter((standing) => standing.retryAfterSeconds === 0).length;
}

type Granted = { granted: number; remaining: number; retry_after_ms: number; reset_ms: number };

async function takeTokens(counter: string, need: number, block = 1, quota = 100): Promise<Granted> {
  const intervalUs = (DAY * 1_000_000) / quota;
  const [row] = await foundation.deps.db.engine.execute<Granted>(
    sql`select * from take_tokens(sha256(${counter}::bytea), ${quota}, ${intervalUs}, ${need}, ${block})`,
  );
  return row!;
}

/** Lets time pass for every counter. */
async function pass(seconds: number): Promise<void> {
  await foundation.deps.db.engine
    .update(rateCounters)
    .set({ arrivesAt: sql`${rateCounters.arrivesAt} - make_interval(secs => ${seconds})` });
}

describe('the counter', () => {
  test('gives each token once, whoever asks at the same time', async () => {
    const counter = newId();
    const answers = await Promise.all(Array.from({ length: 300 }, () => takeTokens(counter, 1)));
    expect(answers.filter((answer) => answer.granted === 1)).toHaveLength(100);
    const remaining = answers.filter((answer) => answer.granted === 1).map((answer) => answer.remaining);
    expect(remaining.sort((left, right) => left - right)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  test('says when one token and when the whole quota is back, and keeps its word', async () => {
    const counter = newId();
    expect(await takeTokens(counter, 100)).toMatchObject({ granted: 100, remaining: 0, retry_after_ms: 0 });
    const refused = await takeTokens(counter, 1);
    expect(refused.granted).toBe(0);
    // A hundredth of a day, and a day.
    expect(Math.ceil(refused.retry_after_ms / 60_000)).toBe(15);
    expect(Math.ceil(refused.reset_ms / 60_000)).toBe(1_440);
    await pass(863);
    expect((await takeTokens(counter, 2)).granted).toBe(0);
    await pass(2);
    expect((await takeTokens(counter, 2)).granted).toBe(1);
    await pass(DAY);
    expect(await takeTokens(counter, 100)).toMatchObject({ granted: 100, remaining: 0 });
  });

  test('gives blocks while a quarter of the quota stays free, then only what is needed', async () => {
    const counter = newId();
    const granted: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      granted.push((await takeTokens(counter, 2, 20)).granted);
    }
    expect(granted).toEqual([20, 20, 20, 2, 2, 2, 2, 2, 2]);
  });

  test('never idles above its quota, however long nobody asked', async () => {
    const counter = newId();
    await takeTokens(counter, 1);
    await pass(30 * DAY);
    expect(await takeTokens(counter, 200)).toMatchObject({ granted: 100, remaining: 0 });
  });

  test.each([
    [1, 1],
    [7, 60],
    [599, 60],
    [6_000_000, 60],
  ])('a full bucket of %p in %p s holds exactly its quota', async (quota, windowSeconds) => {
    const policy = parseRateLimits('production', `read=${quota}/${windowSeconds}`).read;
    const ask = async (need: number) =>
      (
        await foundation.deps.db.engine.execute<Granted>(
          sql`select * from take_tokens(sha256(${newId()}::bytea), ${quota}, ${policy.intervalUs}, ${need}, 1)`,
        )
      )[0]!.granted;
    expect([await ask(quota), await ask(quota + 1)]).toEqual([quota, quota]);
  });

  test('that is whole again is purged, and one that is not stays', async () => {
    const [whole, used] = [newId(), newId()];
    await takeTokens(whole, 1);
    await pass(DAY);
    await takeTokens(used, 1);
    await purgeRateCounters(foundation.deps);
    const left = await foundation.deps.db.engine.execute<{ known: boolean }>(sql`
      select exists (select from rate_counters where counter = sha256(given::bytea)) as known
      from unnest(array[${whole}, ${used}]) as given`);
    expect(left.map((row) => row.known)).toEqual([false, true]);
  });
});

describe('two nodes', () => {
  const limit = `read=200/${DAY}`;

  test('let through no more than the limit between them, and nothing is refused before it', async () => {
    const [one, two] = [node(limit), node(limit)];
    const holder = newId();
    const counts = await Promise.all([passed(one, holder, 200), passed(two, holder, 200)]);
    const total = counts[0] + counts[1];
    expect(total).toBeLessThanOrEqual(200);
    // What is missing lies leased and unspent on one of them: at most a block each.
    expect(total).toBeGreaterThanOrEqual(200 - 2 * one.deps.rateLimits.read.blockMax);
    const rest = (await passed(one, holder, 50)) + (await passed(two, holder, 50));
    expect(total + rest).toBe(200);
  });

  test('count exactly near the limit: what one was granted the other cannot spend', async () => {
    const [one, two] = [node(limit), node(limit)];
    const holder = newId();
    let spent = 0;
    while (spent < 160) {
      spent += await passed(one, holder, 1);
    }
    const last = await passed(two, holder, 100);
    const leased = 200 - spent - last;
    expect(leased).toBeLessThanOrEqual(one.deps.rateLimits.read.blockMax);
    expect(await passed(one, holder, 100)).toBe(leased);
  });

  test('count holders and classes apart', async () => {
    const on = node(`read=1/${DAY},write=1/${DAY}`);
    const holder = newId();
    expect(await passed(on, holder, 3)).toBe(1);
    expect(await passed(on, newId(), 3)).toBe(1);
    const write = await rateLimiterOf(on.deps)('write', holder);
    expect([write.policy.name, write.retryAfterSeconds]).toEqual(['write', 0]);
  });
});

describe('a lease', () => {
  test('spares the round trips: blocks grow with the use, and requests within one answer at once', async () => {
    const on = node(`read=10000/${DAY}`);
    const holder = newId();
    let asked = 0;
    for (let request = 0; request < 2_000; request += 1) {
      const standing = rateLimiterOf(on.deps)('read', holder);
      asked += standing instanceof Promise ? 1 : 0;
      expect((await standing).retryAfterSeconds).toBe(0);
    }
    // 8, 16, 32 … up to a twentieth of the quota.
    expect(asked).toBe(9);
  });

  test('expires unspent, and what it held is lost rather than spent twice', async () => {
    const on = node(`read=100/${DAY}`);
    const holder = newId();
    expect(await take(on, holder)).toMatchObject({ remaining: 99 });
    on.advance(60_000);
    // The first lease of five is gone with the four tokens nobody spent.
    expect(await take(on, holder)).toMatchObject({ remaining: 94 });
  });

  test('lives no longer than the window of its policy', async () => {
    const on = node('read=100/2');
    const holder = newId();
    await take(on, holder);
    expect(rateLimiterOf(on.deps)('read', holder)).not.toBeInstanceOf(Promise);
    on.advance(2_000);
    expect(rateLimiterOf(on.deps)('read', holder)).toBeInstanceOf(Promise);
  });

  test('that is refused is refused without asking again until a token is back', async () => {
    const on = node(`read=1/${DAY}`);
    const holder = newId();
    expect(await passed(on, holder, 2)).toBe(1);
    await pass(2 * DAY);
    expect(await passed(on, holder, 1)).toBe(0);
    on.advance(DAY * 1_000);
    expect(await passed(on, holder, 1)).toBe(1);
  });
});

describe('a counter that cannot be asked', () => {
  test('refuses signing in and recovery as busy, lets the rest through, and counts again afterwards', async () => {
    const owner = openClient(foundation.database.owner, 1);
    const signature = 'take_tokens(bytea, integer, bigint, integer, integer)';
    await owner.unsafe(`REVOKE EXECUTE ON FUNCTION ${signature} FROM plimsoll_engine`);
    const on = node(`read=1/${DAY}`);
    const limiter = rateLimiterOf(on.deps);
    for (const name of ['sign_in', 'recovery'] as const) {
      expect(await Promise.resolve(limiter(name, 'x')).catch((error) => error)).toMatchObject({
        code: 'busy',
      });
    }
    for (const name of ['address', 'read', 'write', 'orders', 'export'] as const) {
      expect((await limiter(name, 'x')).retryAfterSeconds).toBe(0);
    }
    expect(await passed(on, 'x', 5)).toBe(5);
    await owner.unsafe(`GRANT EXECUTE ON FUNCTION ${signature} TO plimsoll_engine`);
    await owner.end();
    on.advance(1_000);
    expect(await passed(on, 'x', 5)).toBe(1);
  });
});

describe('an address', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['', ''],
    ['2001:db8:0:1::1', '2001:db8:0:1'],
    ['2001:DB8:0:1:ffff:ffff:ffff:ffff', '2001:db8:0:1'],
    ['2001:0db8:0000:0001::', '2001:db8:0:1'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%p is counted as %p', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test('is not kept: a counter is a keyed hash', async () => {
    await take(node('read=5/60'), '203.0.113.77');
    const rows = await foundation.deps.db.engine.select().from(rateCounters);
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows.map((row) => Buffer.from(row.counter).toString('latin1')))).not.toContain(
      '203.0',
    );
  });
});
