/** Orders are taken in batches, one transaction for many people; each audit row is still its own author's (I5). */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { inArray } from 'drizzle-orm';
import { actorIdOf, personOf } from '../kernel/actor.ts';
import { present } from '../kernel/assert.ts';
import { auditLogs } from '../platform/db/schema.ts';
import { startTradingDesk, type TradingDesk } from './trading-desk.ts';

const TRADERS = 8;
const ORDERS_EACH = 32;

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
}, 60_000);

afterAll(async () => {
  await desk.close();
});

test('256 orders of many people at once leave 256 rows, each with its own actor, subject and request', async () => {
  const traders = await Promise.all(Array.from({ length: TRADERS }, () => desk.newTrader({ USD: '100000' })));
  const answers = await Promise.all(
    traders.flatMap((trader) =>
      Array.from({ length: ORDERS_EACH }, async () => ({
        trader,
        answer: await desk.place(trader, 'buy 0.001 at 50000'),
      })),
    ),
  );
  const expected = new Map(
    answers.map(({ trader, answer }) => [
      String(answer.body.id),
      {
        actorId: actorIdOf(trader.actor),
        person: personOf(trader.actor),
        request: answer.headers.get('x-request-id'),
      },
    ]),
  );
  expect(expected.size).toBe(TRADERS * ORDERS_EACH);
  const rows = await desk.deps.db.engine
    .select()
    .from(auditLogs)
    .where(
      inArray(
        auditLogs.requestId,
        [...expected.values()].map(({ request }) => request ?? ''),
      ),
    );
  expect(rows.length).toBe(expected.size);
  for (const row of rows) {
    const wanted = present(expected.get(row.resourceId), 'each row is about one of the orders');
    expect([row.actorId, row.actorUserId, row.subjectUserId, row.requestId]).toEqual([
      wanted.actorId,
      wanted.person,
      wanted.person,
      present(wanted.request, 'each answer names its request'),
    ]);
  }
  // They did share transactions: otherwise this would say nothing about batches.
  expect(new Set(rows.map((row) => row.txid)).size).toBeLessThan(rows.length);
}, 60_000);
