import { afterAll, beforeAll, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../../testing/foundation.ts';
import { until } from '../../../testing/until.ts';
import { createBacklog } from './backlog.ts';
import { createDesk, emptyBook } from './desk.ts';
import { createIntake } from './intake.ts';
import type { Ticket } from './ticket.ts';
import { tradingEngine } from './trading-engine.ts';

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());

test('a start that fails keeps no session, which would keep the books from the next one', async () => {
  const { deps } = foundation;
  // The first look around fails: the database is there, the pool is not.
  const broken = { ...deps, db: { ...deps.db, engine: null as never } };
  const started = tradingEngine(broken).start();
  expect(
    await started.then(
      () => 'started',
      () => 'failed',
    ),
  ).toBe('failed');
  await until(async () => {
    const [row] = await deps.db.engine.execute<{ count: number }>(sql`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and query ilike 'listen %'`);
    return row?.count === 0;
  });
});

test('an account has a bounded share of the queue, and leaves room for what the firm orders to close its positions', async () => {
  const accept = Promise.withResolvers<void>();
  const intake = createIntake(
    async (batch) => {
      await accept.promise;
      for (const { resolve } of batch) {
        resolve(undefined as never);
      }
    },
    () => Promise.resolve(),
  );
  const ticket = (accountId: string, origin?: 'liquidation') => ({ order: { accountId }, origin }) as Ticket;
  const outcomeOf = (submitted: Promise<unknown>) =>
    submitted.then(
      () => 'taken',
      (refusal: { readonly code: string }) => refusal.code,
    );
  const first = outcomeOf(intake.submit(ticket('one')));
  await Bun.sleep(0);
  const many = intake.submitMany(Array.from({ length: 1_024 }, () => ticket('one')));
  const later = [
    outcomeOf(intake.submit(ticket('one'))),
    outcomeOf(intake.submit(ticket('one', 'liquidation'))),
    outcomeOf(intake.submit(ticket('other'))),
  ];
  accept.resolve();
  expect([await first, ...(await Promise.all(later))]).toEqual(['taken', 'busy', 'taken', 'taken']);
  expect((await many).every(({ status }) => status === 'fulfilled')).toBe(true);
});

test('nothing is accepted while too much waits to be settled, unless settlement is stuck', async () => {
  const desk = createDesk();
  const book = emptyBook(
    { instrumentId: newId(), book: 'live' },
    { symbol: 'A/B', lot: 1n, venue: null },
    1n,
  );
  book.queue.push(
    ...Array.from({ length: 4_097 }, () => ({ type: 'end', orderId: newId(), reason: 'requested' }) as const),
  );
  desk.books.set('a', book);
  const backlog = createBacklog(desk, 60_000);
  let accepted = 0;
  const accept: Parameters<typeof createIntake>[0] = async (batch) => {
    for (const { resolve } of batch) {
      accepted += 1;
      resolve(undefined as never);
    }
  };
  const intake = createIntake(accept, backlog.room);
  const submit = () => intake.submit({ order: { accountId: 'one' } } as Ticket);
  // A book that is not taken from keeps nobody waiting.
  await submit();
  book.ready = true;
  const waiting = submit();
  await Bun.sleep(0);
  backlog.stepped();
  await Bun.sleep(0);
  expect(accepted).toBe(1);
  book.queue.pop();
  backlog.stepped();
  await waiting;
  book.queue.push({ type: 'end', orderId: newId(), reason: 'requested' });
  // Who stops is not kept from it by what waits for room: that is answered first.
  const stuck = createIntake(accept, createBacklog(desk, 1).room);
  const last = stuck.submit({ order: { accountId: 'one' } } as Ticket);
  await stuck.close();
  await last;
  expect(accepted).toBe(3);
});
