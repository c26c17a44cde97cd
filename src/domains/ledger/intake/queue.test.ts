import { expect, test } from 'bun:test';
import { DomainError } from '../../../kernel/error.ts';
import { createQueue, type Outcome, type QueueLimits } from './queue.ts';

type Ticket = { readonly who: string; readonly n: number };

const LIMITS: QueueLimits<Ticket> = {
  lanes: 2,
  batchMax: 4,
  queueMax: 10,
  shareMax: 6,
  shareOf: ({ who }) => who,
};

/** A writer whose batches wait until they are let go. */
function heldWriter() {
  const batches: { readonly tickets: readonly Ticket[]; readonly go: (error?: Error) => void }[] = [];
  const carryOut = (tickets: readonly Ticket[]) =>
    new Promise<readonly Outcome<Ticket, number>[]>((resolve, reject) => {
      const go = (error?: Error) =>
        error === undefined
          ? resolve(tickets.map((ticket) => ({ ticket, answer: ticket.n })))
          : reject(error);
      batches.push({ tickets, go });
    });
  return { batches, carryOut };
}

const ticket = (n: number, who = `person ${n}`): Ticket => ({ who, n });
const turns = async () => {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
};
const codeOf = (answer: PromiseSettledResult<unknown>) =>
  answer.status === 'rejected' && answer.reason instanceof DomainError ? answer.reason.code : answer.status;

test('alone, a ticket waits for nobody; together they go in the order they came, a batch at a time', async () => {
  const { batches, carryOut } = heldWriter();
  const queue = createQueue(LIMITS, carryOut);
  const first = queue.submit(ticket(0));
  await turns();
  expect(batches.map(({ tickets }) => tickets.length)).toEqual([1]);
  const rest = [1, 2, 3, 4, 5, 6, 7].map((n) => queue.submit(ticket(n)));
  await turns();
  // The second lane takes a full batch; what is left waits for the first that is free.
  expect(batches.map(({ tickets }) => tickets.map(({ n }) => n))).toEqual([[0], [1, 2, 3, 4]]);
  batches[0]?.go();
  expect(await first).toBe(0);
  await turns();
  expect(batches[2]?.tickets.map(({ n }) => n)).toEqual([5, 6, 7]);
  batches[1]?.go();
  batches[2]?.go();
  expect(await Promise.all(rest)).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('never more batches at once than there are lanes', async () => {
  let [inFlight, most] = [0, 0];
  const queue = createQueue<Ticket, number>({ ...LIMITS, queueMax: 1_000 }, async (tickets) => {
    inFlight += 1;
    most = Math.max(most, inFlight);
    await turns();
    inFlight -= 1;
    return tickets.map((each) => ({ ticket: each, answer: each.n }));
  });
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => queue.submit(ticket(n))));
  expect([answers, most]).toEqual([Array.from({ length: 200 }, (_, n) => n), 2]);
});

test('a full queue refuses the next and loses none of those it took', async () => {
  const { batches, carryOut } = heldWriter();
  const queue = createQueue(LIMITS, carryOut);
  const inFlight = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => queue.submit(ticket(n)));
  await turns();
  const waiting = Array.from({ length: 10 }, (_, n) => queue.submit(ticket(100 + n)));
  const [refused] = await Promise.allSettled([queue.submit(ticket(999))]);
  expect(refused === undefined ? '' : codeOf(refused)).toBe('busy');
  for (let done = 0; done < batches.length; done += 1) {
    batches[done]?.go();
    await turns();
  }
  expect((await Promise.all([...inFlight, ...waiting])).length).toBe(18);
});

test('one person fills no more than their share, and others still get in', async () => {
  const { batches, carryOut } = heldWriter();
  const queue = createQueue({ ...LIMITS, lanes: 1, batchMax: 1 }, carryOut);
  const all = [queue.submit(ticket(0, 'busy'))];
  await turns();
  for (let n = 1; n <= 6; n += 1) {
    all.push(queue.submit(ticket(n, 'busy')));
  }
  const [beyond] = await Promise.allSettled([queue.submit(ticket(7, 'busy'))]);
  expect(beyond === undefined ? '' : codeOf(beyond)).toBe('busy');
  all.push(queue.submit(ticket(8, 'other')));
  for (let done = 0; done < 8; done += 1) {
    batches[done]?.go();
    await turns();
  }
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4, 5, 6, 8]);
});

test('a refused ticket hears its own refusal, and the others of its batch their answers', async () => {
  const queue = createQueue<Ticket, number>(LIMITS, async (tickets) =>
    tickets.map((each) =>
      each.n === 2 ? { ticket: each, error: new Error('not you') } : { ticket: each, answer: each.n },
    ),
  );
  const answers = await Promise.allSettled([1, 2, 3].map((n) => queue.submit(ticket(n))));
  expect(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.message)),
  ).toEqual([1, 'not you', 3]);
});

test('a writer that throws, or forgets somebody, leaves nobody waiting and goes on', async () => {
  let call = 0;
  const queue = createQueue<Ticket, number>(LIMITS, async (tickets) => {
    call += 1;
    if (call === 1) {
      throw new Error('broken');
    }
    return call === 2 ? [] : tickets.map((each) => ({ ticket: each, answer: each.n }));
  });
  for (const expected of ['rejected', 'rejected', 'fulfilled'] as const) {
    const [answer] = await Promise.allSettled([queue.submit(ticket(call))]);
    expect(answer?.status).toBe(expected);
  }
});

test('closing takes nothing new and waits until everything taken has its answer', async () => {
  const { batches, carryOut } = heldWriter();
  const queue = createQueue(LIMITS, carryOut);
  const taken = Array.from({ length: 10 }, (_, n) => queue.submit(ticket(n)));
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  const [late] = await Promise.allSettled([queue.submit(ticket(11))]);
  expect(late === undefined ? '' : codeOf(late)).toBe('busy');
  await turns();
  for (let done = 0; done < batches.length; done += 1) {
    expect(closed).toBe(false);
    batches[done]?.go();
    await turns();
  }
  expect((await Promise.all(taken)).length).toBe(10);
  await closing;
  await createQueue(LIMITS, carryOut).close();
});
