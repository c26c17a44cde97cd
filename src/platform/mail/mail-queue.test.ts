import { describe, expect, test } from 'bun:test';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { MAIL_QUEUE_LIMITS, startMailQueue } from './mail-queue.ts';
import { folderTransport, type Mail, MailRefusedError } from './mailer.ts';

const LIMITS = { ...MAIL_QUEUE_LIMITS, retryAfterMs: [1, 1], atOnce: 1 };

/** A mail server in memory: it does what `play` says with the n-th attempt. */
function desk(play: (attempt: number, mail: Mail) => Promise<void>, limits = LIMITS) {
  const attempts: string[] = [];
  const logged: string[] = [];
  let closed = 0;
  const log = pino({ level: 'error' }, { write: (line) => void logged.push(line) });
  const queue = startMailQueue(
    {
      deliver: async (mail) => {
        attempts.push(mail.to);
        await play(attempts.length, mail);
      },
      close: () => {
        closed += 1;
      },
    },
    log,
    limits,
  );
  return { queue, attempts, logged, closed: () => closed };
}

const mailTo = (to: string): Mail => ({ to, subject: 'Hello', text: 'World' });
const never = () => new Promise<void>(() => {});

describe('a mail', () => {
  test('is not begun in the turn of whoever sends it', async () => {
    const { queue, attempts } = desk(async () => {});
    queue.send(mailTo('a@example.mu'));
    expect(attempts).toEqual([]);
    await queue.drained();
    expect(attempts).toEqual(['a@example.mu']);
    expect(queue.counts()).toEqual({ sent: 1, lost: 0, waiting: 0 });
  });

  test('is tried again after a failure that may pass', async () => {
    const { queue, attempts, logged } = desk(async (attempt) => {
      if (attempt < 3) {
        throw new Error('try later');
      }
    });
    queue.send(mailTo('a@example.mu'));
    await queue.drained();
    expect(attempts).toHaveLength(3);
    expect(queue.counts()).toEqual({ sent: 1, lost: 0, waiting: 0 });
    expect(logged).toEqual([]);
  });

  test('is lost after the last attempt, counted and logged without its address', async () => {
    const { queue, attempts, logged } = desk((_attempt, mail) =>
      Promise.reject(new Error(`no mailbox ${mail.to}`)),
    );
    queue.send(mailTo('anjali@example.mu'));
    await queue.drained();
    expect(attempts).toHaveLength(3);
    expect(queue.counts()).toEqual({ sent: 0, lost: 1, waiting: 0 });
    expect(logged.map((line) => JSON.parse(line))).toMatchObject([{ code: 'gave_up', failure: 'Error' }]);
    expect(logged.join()).not.toContain('anjali');
  });

  test('that is refused for good is not tried again', async () => {
    const { queue, attempts, logged } = desk(() => Promise.reject(new MailRefusedError('no')));
    queue.send(mailTo('a@example.mu'));
    await queue.drained();
    expect(attempts).toHaveLength(1);
    expect(logged.map((line) => JSON.parse(line).code)).toEqual(['refused']);
  });

  test('that its sender keeps is tried once, and who sends it hears what became of it', async () => {
    const { queue, attempts } = desk((attempt) => {
      const failures = [new Error('try later'), new MailRefusedError('no')];
      const failure = failures[attempt - 1];
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    });
    const said = () => queue.deliver(mailTo('a@example.mu')).catch(({ message }: Error) => message);
    expect(await said()).toBe('try later');
    expect(queue.counts()).toEqual({ sent: 0, lost: 0, waiting: 0 });
    expect([await said(), await said()]).toEqual([false, true]);
    expect([attempts.length, queue.counts()]).toEqual([3, { sent: 1, lost: 1, waiting: 0 }]);
    await queue.stop();
    expect(await said()).toBe('no mail leaves any more');
  });

  test('that its sender keeps takes no place of one that waits here, and is waited for', async () => {
    const kept = Promise.withResolvers<void>();
    const { queue, attempts } = desk((_attempt, mail) =>
      mail.to === 'kept@example.mu' ? kept.promise : Promise.resolve(),
    );
    const tried = queue.deliver(mailTo('kept@example.mu'));
    queue.send(mailTo('a@example.mu'));
    await Bun.sleep(0);
    expect(attempts).toEqual(['kept@example.mu', 'a@example.mu']);
    expect(queue.counts()).toEqual({ sent: 1, lost: 0, waiting: 1 });
    kept.resolve();
    await Promise.all([tried, queue.stop()]);
    expect(queue.counts()).toEqual({ sent: 2, lost: 0, waiting: 0 });
  });

  test('that fails holds up no other', async () => {
    const { queue, attempts } = desk((_attempt, mail) =>
      mail.to === 'bad@example.mu' ? Promise.reject(new Error('no')) : Promise.resolve(),
    );
    queue.send(mailTo('bad@example.mu'));
    queue.send(mailTo('good@example.mu'));
    await queue.drained();
    expect(attempts.slice(0, 2)).toEqual(['bad@example.mu', 'good@example.mu']);
    expect(queue.counts()).toEqual({ sent: 1, lost: 1, waiting: 0 });
  });
});

describe('the queue', () => {
  test('takes no more than it has room for, and says so', async () => {
    const { queue, logged } = desk(never, { ...LIMITS, capacity: 2, stopWithinMs: 1 });
    for (const to of ['a@example.mu', 'b@example.mu', 'c@example.mu']) {
      queue.send(mailTo(to));
    }
    expect(queue.counts()).toEqual({ sent: 0, lost: 1, waiting: 2 });
    expect(logged.map((line) => JSON.parse(line).code)).toEqual(['queue_full']);
    await queue.stop();
  });

  test('sends what waits before it stops, without waiting for the next attempt’s time', async () => {
    const { queue, attempts, closed } = desk(
      async (attempt) => {
        if (attempt === 1) {
          throw new Error('try later');
        }
      },
      { ...LIMITS, retryAfterMs: [3_600_000] },
    );
    queue.send(mailTo('a@example.mu'));
    await Bun.sleep(0);
    await queue.stop();
    expect(attempts).toHaveLength(2);
    expect(queue.counts()).toEqual({ sent: 1, lost: 0, waiting: 0 });
    expect(closed()).toBe(1);
  });

  test('stops before a server that never answers, and counts what was lost once', async () => {
    let release = () => {};
    const { queue, logged } = desk(
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
      { ...LIMITS, stopWithinMs: 1 },
    );
    queue.send(mailTo('a@example.mu'));
    queue.send(mailTo('b@example.mu'));
    await Bun.sleep(0);
    await queue.stop();
    release();
    await Bun.sleep(0);
    expect(queue.counts()).toMatchObject({ sent: 0, lost: 2 });
    expect(logged.map((line) => JSON.parse(line).code)).toEqual(['stopped', 'stopped']);
  });

  test('takes nothing once it has stopped', async () => {
    const { queue, attempts } = desk(async () => {});
    await queue.stop();
    queue.send(mailTo('a@example.mu'));
    await queue.drained();
    expect([attempts.length, queue.counts().lost]).toEqual([0, 1]);
  });
});

test('the folder keeps messages from others, and a subject starts no other header', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'plimsoll-mail-'));
  const folder = join(parent, 'mail');
  await folderTransport(folder).deliver({ ...mailTo('a@example.mu'), subject: 'Hi\r\nBcc: b@example.mu' });
  const [name = ''] = await readdir(folder);
  const text = await readFile(join(folder, name), 'utf8');
  expect(text.split('\r\n')).toEqual(['To: a@example.mu', 'Subject: Hi  Bcc: b@example.mu', '', 'World', '']);
  expect([(await stat(folder)).mode & 0o777, (await stat(join(folder, name))).mode & 0o777]).toEqual([
    0o700, 0o600,
  ]);
  await rm(parent, { recursive: true });
});
