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

/** An intake that answers nothing before it is let go, and what becomes of orders submitted to it. */
function heldIntake() {
  const accept = Promise.withResolvers<void>();
  const batches: string[][] = [];
  const intake = createIntake(
    async (batch) => {
      batches.push(batch.map(({ ticket: { order } }) => order.accountId));
      await accept.promise;
      for (const { resolve } of batch) {
        resolve(undefined as never);
      }
    },
    () => Promise.resolve(),
    ({ order }) => order.accountId.startsWith('live'),
  );
  const ticket = (userId: string, accountId: string, origin?: 'liquidation') =>
    ({ userId, order: { accountId }, origin }) as Ticket;
  const outcomeOf = (submitted: Promise<unknown>) =>
    submitted.then(
      () => 'taken',
      (refusal: { readonly code: string }) => refusal.code,
    );
  return {
    accept,
    batches,
    submit: (...words: Parameters<typeof ticket>) => outcomeOf(intake.submit(ticket(...words))),
    submitMany: (times: number, ...words: Parameters<typeof ticket>) =>
      outcomeOf(intake.submitMany(Array.from({ length: times }, () => ticket(...words)))),
  };
}

test('a person has a bounded share of the queue with all their accounts, and leaves room for what the firm orders to close their positions', async () => {
  const { accept, submit, submitMany } = heldIntake();
  const first = submit('one', 'live 1');
  await Bun.sleep(0);
  const many = [submitMany(1_000, 'one', 'live 1'), submitMany(24, 'one', 'live 2')];
  const later = [
    submit('one', 'live 1'),
    submitMany(1, 'one', 'live 3'),
    submit('one', 'live 1', 'liquidation'),
    submit('other', 'live 4'),
  ];
  accept.resolve();
  expect(await Promise.all([first, ...many])).toEqual(['taken', 'taken', 'taken']);
  expect(await Promise.all(later)).toEqual(['busy', 'busy', 'taken', 'taken']);
});

test('what the firm orders is taken before customers who wait, however many, and leaves them half of each batch', async () => {
  const { accept, batches, submit, submitMany } = heldIntake();
  const first = submit('one', 'live 1');
  await Bun.sleep(0);
  const waiting = ['two', 'three', 'four', 'five'].map((userId) => submitMany(1_024, userId, 'live'));
  const later = [submit('six', 'live 6'), submitMany(300, 'seven', 'live 7', 'liquidation')];
  // One account's share is as large as ever; all of the firm's are bounded too.
  const closings = [1, 2, 3].map((nth) => submitMany(1_024, 'eight', `live 8${nth}`, 'liquidation'));
  const beyond = submitMany(1_024, 'nine', 'live 9', 'liquidation');
  accept.resolve();
  expect(await Promise.all([...later, beyond])).toEqual(['busy', 'taken', 'busy']);
  await Promise.all([first, ...waiting, ...closings]);
  const firms = batches.map((batch) => batch.filter((accountId) => /^live [78]/.test(accountId)).length);
  expect(batches.slice(0, 4).map(({ length }) => length)).toEqual([1, 256, 256, 256]);
  expect(firms.slice(0, 4)).toEqual([0, 128, 128, 128]);
  expect(batches.slice(1, 4).map((batch) => batch.filter((id) => id === 'live 7').length)).toEqual([
    128, 128, 44,
  ]);
});

test('play money takes half of the queue at most, and gives back what it took', async () => {
  const { accept, submit, submitMany } = heldIntake();
  const first = submit('one', 'paper 1');
  await Bun.sleep(0);
  const many = [submitMany(1_024, 'one', 'paper 1'), submitMany(1_024, 'two', 'paper 2')];
  const later = [
    submit('three', 'paper 3'),
    submit('three', 'live 3'),
    submit('one', 'paper 1', 'liquidation'),
  ];
  accept.resolve();
  expect(await Promise.all([first, ...many])).toEqual(['taken', 'taken', 'taken']);
  expect(await Promise.all(later)).toEqual(['busy', 'taken', 'taken']);
  expect(await Promise.all([submitMany(1_024, 'four', 'paper 4'), submit('three', 'paper 3')])).toEqual([
    'taken',
    'taken',
  ]);
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
  const isLive = () => true;
  const intake = createIntake(accept, backlog.room, isLive);
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
  const stuck = createIntake(accept, createBacklog(desk, 1).room, isLive);
  const last = stuck.submit({ order: { accountId: 'one' } } as Ticket);
  await stuck.close();
  await last;
  expect(accepted).toBe(3);
});
