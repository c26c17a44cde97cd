import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { auditLogs } from '../../../platform/db/schema.ts';
import { type ReconciliationDesk, startReconciliationDesk } from './testing/reconciliation-desk.ts';

const DAY_MS = 86_400_000;

let desk: ReconciliationDesk;

beforeAll(async () => {
  desk = await startReconciliationDesk(import.meta.file);
});
afterAll(async () => {
  await desk.close();
});

test('a balance its customer leaves alone is idle, then dormant, then unclaimed, and their own movement wakes it', async () => {
  const [sleeper, active, empty] = [
    await desk.newCustomer(),
    await desk.newCustomer(),
    await desk.newCustomer(),
  ];
  await desk.fund(sleeper, 'USD', '25');
  await desk.fund(active, 'USD', '5');
  const quiet = async () => {
    const run = await desk.run();
    const views = run.run.quiet.views as readonly {
      accountId: string;
      state: string;
      balance: string;
      walletId: string;
    }[];
    const breaks = run.run.breaks as readonly { kind: string; object: string; severity: string }[];
    return { run, breaks, of: (accountId: string) => views.find((each) => each.accountId === accountId) };
  };
  const alarms = () =>
    desk.deps.db.engine
      .select({ after: auditLogs.after })
      .from(auditLogs)
      .where(and(eq(auditLogs.eventType, 'reconciliation_break.quiet'), eq(auditLogs.severity, 'critical')));
  expect((await quiet()).of(sleeper.accountId)).toBeUndefined();
  desk.advance(366 * DAY_MS);
  await desk.fund(active, 'USD', '5');
  const idle = await quiet();
  expect(idle.of(sleeper.accountId)).toMatchObject({ state: 'idle', balance: '25' });
  const object = `wallet ${idle.of(sleeper.accountId)?.walletId}`;
  expect([idle.of(active.accountId), idle.of(empty.accountId)]).toEqual([undefined, undefined]);
  expect(idle.breaks.filter((each) => each.object === object)).toEqual([]);
  desk.advance(366 * DAY_MS);
  const dormant = await quiet();
  expect(desk.breakIn(dormant.run, 'dormant_balance', object)).toMatchObject({
    amount: '25',
    currency: 'USD',
    severity: 'warning',
  });
  const told = await alarms();
  expect(told.map(({ after }) => after)).toEqual([{ dormantCount: 1, unclaimedCount: 0 }]);
  await quiet();
  expect(await alarms()).toHaveLength(1);
  desk.advance(1830 * DAY_MS);
  const unclaimed = await quiet();
  expect(desk.breakIn(unclaimed.run, 'unclaimed_balance', object)).toMatchObject({ amount: '25' });
  expect(desk.breakIn(unclaimed.run, 'dormant_balance', object)).toBeUndefined();
  expect((await alarms()).map(({ after }) => after)).toContainEqual({ dormantCount: 1, unclaimedCount: 1 });
  await desk.fund(sleeper, 'USD', '1');
  expect((await quiet()).of(sleeper.accountId)).toBeUndefined();
}, 90_000);
