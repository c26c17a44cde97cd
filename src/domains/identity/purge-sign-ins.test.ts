import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs, parseInstant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { legalHolds } from '../../platform/privacy/schema.ts';
import { type IdentityDesk, startIdentityDesk } from '../../testing/identity-desk.ts';
import { createEmailToken } from './email-tokens.ts';
import { openSession } from './open-session.ts';
import { purgeSignIns } from './purge-sign-ins.ts';
import { emailTokens, sessions } from './schema.ts';

const DAY_MS = 86_400_000;

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});
afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function daysOn(days: number): Ctx {
  const { clock } = desk.deps;
  const aheadMs = days * DAY_MS;
  const later = {
    ...clock,
    realMs: () => clock.realMs() + aheadMs,
    realNow: () => addMs(clock.realNow(), aheadMs),
  };
  return { ...desk.system, deps: { ...desk.deps, clock: later } };
}

async function signedIn(): Promise<Id> {
  const { userId } = await desk.newPerson();
  await transact(desk.system, 'engine', async (tx) => {
    await openSession(tx, desk.system, userId, { methods: ['pwd'], secondFactor: false });
    await createEmailToken(tx, desk.system, userId, 'reset_password');
  });
  return userId;
}

async function left(userId: Id) {
  const { engine } = desk.deps.db;
  return [
    await engine.$count(sessions, eq(sessions.userId, userId)),
    await engine.$count(emailTokens, eq(emailTokens.userId, userId)),
  ];
}

async function held(hold: Partial<typeof legalHolds.$inferInsert>): Promise<void> {
  const sealed = new Uint8Array(40);
  await desk.deps.db.engine.insert(legalHolds).values({
    id: newId(),
    scope: 'user',
    reference: sealed as never,
    reason: sealed as never,
    placedBy: newId(),
    placedAt: desk.deps.clock.realNow(),
    ...hold,
  });
}

test('sessions go 90 days after they could last be used, mailed tokens after 30, on record with counts', async () => {
  const userId = await signedIn();
  const purged = () => desk.deps.db.engine.$count(auditLogs, eq(auditLogs.eventType, 'rows.purged'));
  await purgeSignIns(daysOn(29));
  expect(await left(userId)).toEqual([1, 1]);
  await purgeSignIns(daysOn(31));
  expect(await left(userId)).toEqual([1, 0]);
  await purgeSignIns(daysOn(96));
  expect(await left(userId)).toEqual([1, 0]);
  const before = await purged();
  await purgeSignIns(daysOn(99));
  expect(await left(userId)).toEqual([0, 0]);
  expect(await purged()).toBe(before + 1);
  await purgeSignIns(daysOn(99));
  expect(await purged()).toBe(before + 1);
});

test('sessions of a person, or of a time, under a legal hold stay as long as it lasts', async () => {
  const [person, other] = [await signedIn(), await signedIn()];
  await held({ userId: person });
  await purgeSignIns(daysOn(200));
  expect([(await left(person))[0], (await left(other))[0]]).toEqual([1, 0]);
  const [inside, after] = [await signedIn(), await signedIn()];
  const at = parseInstant('2021-03-01T10:00:00Z');
  for (const [userId, days] of [[inside, 0] as const, [after, 5] as const]) {
    const loggedInAt = addMs(at, days * DAY_MS);
    const set = { loggedInAt, lastActiveAt: addMs(loggedInAt, DAY_MS) };
    await desk.deps.db.engine.update(sessions).set(set).where(eq(sessions.userId, userId));
  }
  await held({ scope: 'period', userId: null, periodFrom: addMs(at, -DAY_MS), periodTo: addMs(at, 3600) });
  await purgeSignIns(daysOn(200));
  expect([(await left(inside))[0], (await left(after))[0]]).toEqual([1, 0]);
});
