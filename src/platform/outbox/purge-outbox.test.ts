import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { addMs } from '../../kernel/time.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import type { Ctx } from '../context.ts';
import { auditLogs, outbox, outboxConsumers, outboxRetries } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { placeEvents } from './place-events.ts';
import { publish } from './publish.ts';
import { purgeOutbox } from './purge-outbox.ts';

const DAY_MS = 86_400_000;

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());
beforeEach(async () => {
  const { engine } = foundation.deps.db;
  await engine.delete(outbox);
  await engine.delete(outboxConsumers);
  await engine.delete(outboxRetries);
});

async function written(count: number): Promise<void> {
  const event = { type: 'thing.happened', userId: null, customerVisible: false, data: {} };
  await transact(foundation.system, 'engine', (tx) =>
    publish(
      tx,
      foundation.system,
      Array.from({ length: count }, () => event),
    ),
  );
}

/** An event waits for every older transaction of the server, those of other databases too. */
async function place(): Promise<void> {
  while ((await transact(foundation.system, 'engine', placeEvents)).waiting) {
    await Bun.sleep(10);
  }
}

/** Somebody has read up to there. */
const read = (name: string, position: bigint) =>
  foundation.deps.db.engine.insert(outboxConsumers).values({ name, position });

async function positions(): Promise<(number | null)[]> {
  const rows = await foundation.deps.db.engine.select().from(outbox).orderBy(outbox.position);
  return rows.map(({ position }) => (position === null ? null : Number(position)));
}

function daysOn(days: number): Ctx {
  const { system, deps } = foundation;
  const { clock } = deps;
  const aheadMs = days * DAY_MS;
  const later = {
    ...clock,
    realMs: () => clock.realMs() + aheadMs,
    realNow: () => addMs(clock.realNow(), aheadMs),
  };
  return { ...system, deps: { ...deps, clock: later } };
}

async function recorded() {
  return foundation.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.eventType, 'rows.purged'));
}

test('removes what was delivered 90 days ago, keeps the last, and says once how much went', async () => {
  const before = (await recorded()).length;
  await written(5);
  await place();
  await read('reader', 5n);
  await purgeOutbox(daysOn(89));
  expect(await positions()).toEqual([1, 2, 3, 4, 5]);
  expect(await recorded()).toHaveLength(before);
  await purgeOutbox(daysOn(91));
  await purgeOutbox(daysOn(91));
  expect(await positions()).toEqual([5]);
  expect((await recorded()).slice(before).map(({ after }) => after)).toEqual([{ counts: { outbox: 4 } }]);
  await written(1);
  await place();
  expect(await positions()).toEqual([5, 6]);
});

test('removes nothing that somebody has to read, to try again or to place', async () => {
  await written(6);
  await place();
  await written(1);
  await purgeOutbox(daysOn(91));
  expect(await positions()).toEqual([1, 2, 3, 4, 5, 6, null]);
  await read('fast', 6n);
  await read('slow', 4n);
  const parked = { consumer: 'fast', orderingKey: 'house', attempts: 12, lastError: 'Error' };
  const nextAttemptAt = foundation.deps.clock.realNow();
  await foundation.deps.db.engine.insert(outboxRetries).values({ ...parked, position: 3n, nextAttemptAt });
  await purgeOutbox(daysOn(91));
  expect(await positions()).toEqual([3, 4, 5, 6, null]);
  await foundation.deps.db.engine.delete(outboxRetries);
  await purgeOutbox(daysOn(91));
  expect(await positions()).toEqual([5, 6, null]);
});
