/**
 * One course of `bench prices`: what was sent when, and when what it caused was committed or came to a subscriber. When a
 * transaction was committed PostgreSQL says itself, so that nobody has to look in time; of marks, which replace each
 * other, some positions are looked at ten times a second, and one that was replaced unseen counts as seen with the next.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { present } from '../../src/kernel/assert.ts';
import type { Id } from '../../src/kernel/id.ts';
import type { Child, Children } from '../orders-bench/children.ts';
import { processUs, serverUs, waitedUs } from '../orders-bench/processor.ts';
import type { BenchSystem, Product } from '../orders-bench/system.ts';
import { type Course, countOf, FIRST_SEQUENCE, instrumentOf, symbolOf } from './course.ts';
import type { Sent } from './exchange.ts';
import type { Asked } from './holdings.ts';
import type { StreamReport, StreamTask } from './subscribers.ts';

export type Stage = {
  readonly system: BenchSystem;
  readonly product: Product;
  readonly children: Children;
  readonly dataDir: string;
  readonly course: Course;
  /** Where the exchange is asked to play. */
  readonly exchange: string;
  readonly instrumentIds: readonly Id[];
  readonly positionIds: readonly Id[];
  readonly tokens: readonly string[];
  readonly alerts: readonly Asked[];
  readonly exits: readonly Asked[];
};

/** @units waits: ms from when the exchange sent a tick */
export type Figures = {
  readonly waits: Readonly<
    Record<'stored' | 'mark' | 'stream' | 'alert' | 'trigger' | 'exit', readonly number[]>
  >;
  readonly faults: readonly string[];
  readonly ticks: number;
  /** @units microseconds of the whole course; `waited`: the server had work and no processor */
  readonly processor: Readonly<Record<'bun' | 'postgres' | 'waited', number>>;
};

/** By instrument, when each of its ticks was sent, in their order. */
type Ticks = readonly (readonly Sent[])[];

const STREAMS = 50;
/** Each instrument is followed by two. */
const FOLLOWERS = 2;
const MARKS_LOOKED_AT = 200;
const LOOK_MS = 100;
/** What nobody saw by then is a fault. */
const AFTERWARDS_MS = 5_000;
const SUBSCRIBERS = join(import.meta.dir, 'subscribers.ts');

/** Plays a course and gathers what became of it. */
export async function runCourse(stage: Stage): Promise<Figures> {
  const { system, product, course } = stage;
  const streams = await startStreams(stage);
  const marks = lookAtMarks(stage);
  const used = () => ({
    bun: processUs(product.pid),
    postgres: serverUs(system.postgres.pid),
    waited: waitedUs(product.pid),
  });
  const before = used();
  const answer = await fetch(stage.exchange, { method: 'POST', body: JSON.stringify(course) });
  const sent = (await answer.json()) as readonly Sent[];
  const after = used();
  await Bun.sleep(AFTERWARDS_MS);
  const ticks = Array.from({ length: course.instruments }, (): Sent[] => []);
  for (const tick of sent) {
    ticks[tick.instrument]?.push(tick);
  }
  const faults: string[] = [];
  const shown = await streams.stop();
  faults.push(...shown.faults);
  return {
    waits: {
      stored: await storedAfter(stage, ticks, faults),
      mark: (await marks.stop()).flatMap((seen) => waitsOf(ticks, seen, 'mark', faults)),
      stream: shown.seen.flatMap((seen) => waitsOf(ticks, seen, 'message', faults)),
      alert: causedAfter(
        ticks,
        stage.alerts,
        await loggedAt(stage, 'price_alert.triggered'),
        'alert',
        faults,
      ),
      trigger: causedAfter(
        ticks,
        stage.exits,
        await loggedAt(stage, 'position.exit_triggered'),
        'exit',
        faults,
      ),
      exit: causedAfter(ticks, stage.exits, await orderedAt(stage), 'order of an exit', faults),
    },
    faults,
    ticks: sent.length,
    processor: {
      bun: after.bun - before.bun,
      postgres: after.postgres - before.postgres,
      waited: after.waited - before.waited,
    },
  };
}

type Seen = StreamReport['seen'][number];

/** How long each tick waited until it was seen, or a later one of its instrument. */
function waitsOf(ticks: Ticks, { instrument, counts, atMs }: Seen, what: string, faults: string[]): number[] {
  const sent = ticks[instrument] ?? [];
  const waits: number[] = [];
  let next = 0;
  for (const [place, count] of counts.entries()) {
    for (let tick = sent[next]; tick !== undefined && tick.count <= count; tick = sent[next]) {
      waits.push((atMs[place] ?? Number.NaN) - tick.atMs);
      next += 1;
    }
  }
  if (next < sent.length) {
    faults.push(`no ${what} shows the last ${sent.length - next} ticks of ${symbolOf(instrument)}`);
  }
  return waits;
}

/** How long what waited for a phase of its instrument took; each has to come once. */
function causedAfter(
  ticks: Ticks,
  asked: readonly Asked[],
  cameAt: ReadonlyMap<string, readonly number[]>,
  what: string,
  faults: string[],
): number[] {
  return asked.flatMap(({ id, instrument, phase }) => {
    const tick = ticks[instrument]?.find((each) => each.phase === phase);
    const came = cameAt.get(id) ?? [];
    const [first] = came;
    if (tick === undefined || first === undefined || came.length !== 1 || first < tick.atMs) {
      const early = first !== undefined && tick !== undefined && first < tick.atMs ? ', before its tick' : '';
      faults.push(`an ${what} on ${symbolOf(instrument)} (${phase}) came ${came.length} times${early}`);
      return [];
    }
    return [first - tick.atMs];
  });
}

/** When a row's transaction was committed. @units ms since 1970 */
const COMMITTED_AT = sql.raw('(extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000)::float8');

type Came = { readonly id: string; readonly at: number };

function byId(rows: readonly Came[]): ReadonlyMap<string, readonly number[]> {
  const grouped = Map.groupBy(rows, ({ id }) => id);
  return new Map([...grouped].map(([id, came]) => [id, came.map(({ at }) => at)]));
}

/** By its row in the log, which nobody writes again. */
async function loggedAt({ system }: Stage, event: string) {
  return byId(
    await system.ctx.deps.db.engine.execute<Came>(sql`
      select resource_id as id, ${COMMITTED_AT} as at from audit_logs where event_type = ${event}`),
  );
}

async function orderedAt({ system }: Stage) {
  return byId(
    await system.ctx.deps.db.engine.execute<Came>(sql`
      select position_id::text as id, ${COMMITTED_AT} as at from position_exit_orders where order_id is not null`),
  );
}

async function storedAfter(stage: Stage, ticks: Ticks, faults: string[]): Promise<number[]> {
  const rows = await stage.system.ctx.deps.db.engine.execute<Came & { readonly count: number }>(sql`
    select instrument_id::text as id, (sequence - ${FIRST_SEQUENCE})::int as count, ${COMMITTED_AT} as at
    from price_ticks where source = 'coinbase' and sequence > ${FIRST_SEQUENCE}`);
  const instruments = new Map(stage.instrumentIds.map((id, index) => [id as string, index]));
  const sent = ticks.reduce((sum, each) => sum + each.length, 0);
  if (rows.length !== sent) {
    faults.push(`of ${sent} ticks ${rows.length} were stored`);
  }
  return rows.map(({ id, count, at }) => {
    const tick = ticks[instruments.get(id) ?? -1]?.[count - 1];
    return at - present(tick, 'what is stored was sent').atMs;
  });
}

/** Looks at the marks of some positions that nothing closes, spread over all. */
function lookAtMarks({ system, positionIds, exits }: Stage) {
  const { engine } = system.ctx.deps.db;
  const closing = new Set(exits.map(({ id }) => id));
  const kept = positionIds.filter((id) => !closing.has(id));
  const step = Math.max(1, Math.floor(kept.length / MARKS_LOOKED_AT));
  const chosen = kept.filter((_, index) => index % step === 0).slice(0, MARKS_LOOKED_AT);
  const seen = new Map<string, { instrument: number; counts: number[]; atMs: number[] }>();
  let stopped = false;
  const run = async (): Promise<void> => {
    while (!stopped) {
      const rows = await engine.execute<Came & { readonly symbol: string; readonly price: string }>(sql`
        select id::text, symbol, mark_price::text as price, ${COMMITTED_AT} as at from positions
        where id = any (${sql.param(chosen)}::uuid[])`);
      for (const { id, symbol, price, at } of rows) {
        const one = seen.get(id) ?? { instrument: instrumentOf(symbol) ?? -1, counts: [], atMs: [] };
        seen.set(id, one);
        const count = countOf(price);
        if (count !== (one.counts.at(-1) ?? 0)) {
          one.counts.push(count);
          one.atMs.push(at);
        }
      }
      await Bun.sleep(LOOK_MS);
    }
  };
  const running = run();
  return {
    stop: async (): Promise<readonly Seen[]> => {
      stopped = true;
      await running;
      return [...seen.values()];
    },
  };
}

async function startStreams({ children, course, dataDir, product, tokens }: Stage) {
  const each = Math.ceil((course.instruments * FOLLOWERS) / STREAMS);
  const task: StreamTask = {
    port: product.port,
    streams: Array.from({ length: STREAMS }, (_, stream) => ({
      token: present(tokens[stream % tokens.length], 'somebody signed in'),
      symbols: Array.from({ length: each }, (_none, place) =>
        symbolOf((stream * each + place) % course.instruments),
      ),
    })),
  };
  const path = join(dataDir, 'streams.json');
  writeFileSync(path, JSON.stringify(task), { mode: 0o600 });
  const child = children.start([process.execPath, SUBSCRIBERS, path], process.env);
  const lines = linesOf(child);
  if ((await lines.next()).value !== 'ready') {
    throw new Error('the subscribers did not start');
  }
  rmSync(path, { force: true });
  return {
    stop: async (): Promise<StreamReport> => {
      child.kill('SIGTERM');
      return JSON.parse((await lines.next()).value ?? '') as StreamReport;
    },
  };
}

/** What a process prints, line by line. */
export async function* linesOf(child: Child): AsyncGenerator<string, undefined> {
  let printed = '';
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    const parts = `${printed}${decoder.decode(chunk, { stream: true })}`.split('\n');
    printed = parts.pop() ?? '';
    yield* parts;
  }
  return undefined;
}
