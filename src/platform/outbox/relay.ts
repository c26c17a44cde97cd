/**
 * The outbox relay: places events in commit order and hands them to the in-process consumers. Any
 * number of nodes may run it, one works. It guarantees order per account (else per user) and at
 * least one delivery; it does not guarantee only one.
 */
import { sql } from 'drizzle-orm';
import { assert } from '../../kernel/assert.ts';
import type { Deps } from '../context.ts';
import { LOOK_UP_SETTINGS } from '../db/client-options.ts';
import { type LeaderSession, standForLeader } from '../db/leader.ts';
import { registerProbe } from '../health.ts';
import type { Consumer } from './consumer.ts';
import { writePositions } from './consumer-state.ts';
import { type Placement, placeEvents } from './place-events.ts';
import { type Pump, pumpOf, type RetryRules } from './pump.ts';

const POLL_MS = 500;
const FIRST_RECHECK_MS = 4;
const MAX_LAG_SECONDS = 30;
const DRAIN_TIMEOUT_MS = 20_000;
const DRAIN_RECHECK_MS = 10;

/** A quarter of a second, doubled each time: the last try of most consumers is about eight minutes after the first. */
const RETRY_RULES: RetryRules = { firstDelayMs: 250, maxAttempts: 12 };

export type Relay = {
  /** Looks at once, after a commit that wrote events. */
  readonly wake: () => void;
  /** Waits until all that is committed, and what handlers publish on it, is delivered or set back. */
  readonly drained: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Starts relaying; the caller stops it before it closes the databases. */
export function startRelay(deps: Deps, consumers: readonly Consumer[], rules = RETRY_RULES): Relay {
  const names = consumers.map((consumer) => consumer.name);
  assert(new Set(names).size === names.length, 'a consumer has a name of its own');
  const session = standForLeader(deps.db.connections.engine, 'outbox', LOOK_UP_SETTINGS);
  const pumps = consumers.map((consumer) => pumpOf(deps, session, consumer, rules));
  let stopped = false;
  let timer: Timer | null = null;
  let ticking: Promise<void> | null = null;
  let woken = false;
  let recheckMs = FIRST_RECHECK_MS;

  const tick = async (): Promise<void> => {
    woken = false;
    const placement = await placeAndKick(session, pumps);
    if (placement !== undefined) {
      recheckMs =
        placement.waiting && placement.placed === 0 ? Math.min(recheckMs * 2, POLL_MS) : FIRST_RECHECK_MS;
      schedule(placement.waiting ? recheckMs : POLL_MS);
    }
  };
  const run = (): void => {
    if (stopped || ticking !== null) {
      woken = true;
      return;
    }
    schedule(POLL_MS);
    ticking = tick()
      .catch((failure: unknown) => {
        deps.log.error({ failure: failure instanceof Error ? failure.name : 'unknown' }, 'the relay failed');
      })
      .finally(() => {
        ticking = null;
        if (woken) {
          run();
        }
      });
  };
  const schedule = (delayMs: number): void => {
    if (timer !== null) {
      clearTimeout(timer);
    }
    timer = stopped ? null : setTimeout(run, delayMs);
  };

  registerProbe(deps, { name: 'relay', run: () => lagOf(deps) });
  run();
  return {
    wake: () => {
      recheckMs = FIRST_RECHECK_MS;
      run();
    },
    drained: () => untilDelivered(deps, names, run),
    stop: async () => {
      stopped = true;
      schedule(0);
      await ticking;
      await Promise.all(pumps.map((pump) => pump.stop()));
      await session.close();
    },
  };
}

/**
 * Places what waits, moves on in the same transaction whom nothing of it is for, and has the others read.
 * @shape undefined where another node relays
 */
async function placeAndKick(session: LeaderSession, pumps: readonly Pump[]): Promise<Placement | undefined> {
  const look = await session.run(async (tx, term) => {
    const placement = await placeEvents(tx);
    const passing = placement.placed === 0 ? [] : pumps.filter((pump) => pump.passes(placement, term));
    if (passing.length > 0) {
      const names = passing.map(({ name }) => name);
      await writePositions(tx, names, placement.high);
    }
    return { placement, passing };
  });
  if (look === undefined) {
    return;
  }
  const { placement, passing } = look;
  for (const pump of passing) {
    pump.pass(placement);
  }
  for (const pump of pumps) {
    pump.kick(placement.high);
  }
  return placement;
}

/** Asks the database, so that it also holds where another node relays. */
async function untilDelivered(deps: Deps, consumers: readonly string[], wake: () => void): Promise<void> {
  const deadlineMs = deps.clock.realMs() + DRAIN_TIMEOUT_MS;
  for (;;) {
    wake();
    const [row] = await deps.db.engine.execute<{ done: boolean }>(sql`
      select not exists (select 1 from outbox where position is null)
        and (select count(*) from outbox_consumers
          where name = any(string_to_array(${consumers.join(',')}, ','))
            and position = (select coalesce(max(position), 0) from outbox))
          = case when exists (select 1 from outbox) then ${consumers.length}::int else 0 end as done`);
    if (row?.done === true) {
      return;
    }
    assert(deps.clock.realMs() < deadlineMs, 'the relay delivers within its time');
    await Bun.sleep(DRAIN_RECHECK_MS);
  }
}

async function lagOf(deps: Deps): Promise<string | null> {
  const [oldest] = await deps.db.engine.execute<{ id: string }>(
    sql`select id from outbox where position is null order by txid, id limit 1`,
  );
  // One of the future waits for as long: somebody's clock is wrong.
  const seconds =
    oldest === undefined ? 0 : Math.floor(Math.abs(deps.clock.realMs() - msOfId(oldest.id)) / 1000);
  return seconds > MAX_LAG_SECONDS ? `events wait for ${seconds} s` : null;
}

/** Business time may be moved; a UUIDv7 carries the real time it was made at. */
function msOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
