import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { auditEvents } from '../audit/events.ts';
import type { Ctx } from '../context.ts';
import { auditLogs, outbox } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { serveMetrics } from '../http/metrics.ts';
import type { Mail } from '../mail/mailer.ts';
import { raiseAlarm } from './raise-alarm.ts';

const EVENTS = auditEvents({
  'test.tripped': {
    category: 'security',
    severity: 'critical',
    description: 'A wire was tripped',
    shows: ['count'],
  },
  'test.mild': { category: 'security', severity: 'info', description: 'Nothing much', shows: [] },
});

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(async () => {
  await foundation.close();
});

/** A context of its own, whose mail goes to the list that is answered. */
function watched(): { readonly ctx: Ctx; readonly mails: Mail[] } {
  const mails: Mail[] = [];
  const mail = { ...foundation.deps.mail, send: (sent: Mail) => void mails.push(sent) };
  const deps = { ...foundation.deps, alarmEmails: ['duty@example.mu', 'mlro@example.mu'], mail };
  return { ctx: { ...foundation.system, deps, requestId: newId() }, mails };
}

const raise = (ctx: Ctx, subjectUserId = newId()) =>
  transact(ctx, 'engine', (tx) =>
    raiseAlarm(tx, ctx, {
      event: EVENTS['test.tripped'],
      resource: { type: 'wire', id: 'w1' },
      subjectUserId,
      after: { count: 3, name: 'Anjali' },
    }),
  );

const rowsOf = (ctx: Ctx) =>
  foundation.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.requestId, ctx.requestId));
const eventsOf = (ctx: Ctx) =>
  foundation.deps.db.engine.select().from(outbox).where(eq(outbox.requestId, ctx.requestId));

test('an alarm leaves a critical audit row, an event no customer reads, a count and a mail to each address', async () => {
  const { ctx, mails } = watched();
  const port = freePort();
  const metrics = serveMetrics(ctx.deps, '127.0.0.1', port);
  const subject = newId();
  await raise(ctx, subject);
  expect(await rowsOf(ctx)).toMatchObject([
    { eventType: 'test.tripped', severity: 'critical', subjectUserId: subject, after: { count: 3 } },
  ]);
  expect(await eventsOf(ctx)).toMatchObject([
    {
      type: 'security.alarm_raised',
      userId: null,
      customerVisible: false,
      data: { alarm: 'test.tripped', resourceType: 'wire', resourceId: 'w1' },
    },
  ]);
  expect(mails.map((mail) => mail.to)).toEqual(['duty@example.mu', 'mlro@example.mu']);
  expect(mails[0]?.text).toContain('resource: wire w1');
  expect(mails[0]?.text).not.toContain(subject);
  expect(mails[0]?.text).not.toContain('Anjali');
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(text).toContain('plimsoll_alarms_total{alarm="test.tripped"} 1');
  await metrics.stop();
});

test('what was rolled back raises no alarm', async () => {
  const { ctx, mails } = watched();
  const failing = transact(ctx, 'engine', async (tx) => {
    await raiseAlarm(tx, ctx, {
      event: EVENTS['test.tripped'],
      resource: { type: 'wire', id: 'w2' },
      subjectUserId: null,
    });
    throw new RangeError('and now this');
  });
  expect(failing).rejects.toThrow('and now this');
  await failing.catch(() => undefined);
  expect([mails.length, (await rowsOf(ctx)).length, (await eventsOf(ctx)).length]).toEqual([0, 0, 0]);
});

test('only a critical event can be an alarm', async () => {
  const { ctx } = watched();
  const mild = transact(ctx, 'engine', (tx) =>
    raiseAlarm(tx, ctx, {
      event: EVENTS['test.mild'],
      resource: { type: 'wire', id: 'w3' },
      subjectUserId: null,
    }),
  );
  expect(mild).rejects.toThrow('an alarm is critical');
  await mild.catch(() => undefined);
});

function freePort(): number {
  const server = Bun.serve({ port: 0, fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  return port ?? 0;
}
