import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import type { Actor } from '../../kernel/actor.ts';
import { DomainError } from '../../kernel/error.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from './client.ts';
import { isRetryable, sqlStateOf, translateDatabaseError } from './errors.ts';
import { executePrepared } from './prepared.ts';
import { files, systemMarks } from './schema.ts';
import { onCommit, together, transact, transactInLane } from './transact.ts';

let foundation: Foundation;
let system: Ctx;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  system = foundation.system;
});
afterAll(() => foundation.close());

function mark(tx: Tx, name: string) {
  return tx.insert(systemMarks).values({ name, value: 1, markedAt: system.deps.clock.realNow() });
}

async function marks(name: string): Promise<number> {
  const { engine } = system.deps.db;
  return (await engine.select().from(systemMarks).where(eq(systemMarks.name, name))).length;
}

function fail(tx: Tx, state: string) {
  return tx.execute(sql.raw(`do $$ begin raise exception 'secret' using errcode = '${state}'; end $$`));
}

function customer(userId: Id): Ctx {
  const actor: Actor = { kind: 'customer', userId, roles: ['customer'], sessionId: newId(), mfaAtMs: null };
  return foundation.ctx(actor);
}

describe('a transaction', () => {
  test('commits what its work wrote, or nothing', async () => {
    await transact(system, 'engine', (tx) => mark(tx, 'kept'));
    const work = transact(system, 'engine', async (tx) => {
      await mark(tx, 'dropped');
      throw new DomainError('conflict', { status: 409, title: 'x' });
    });
    expect(work).rejects.toBeInstanceOf(DomainError);
    await work.catch(() => {});
    expect([await marks('kept'), await marks('dropped')]).toEqual([1, 0]);
  });

  test.each(['40001', '40P01'])('is tried again after %s, from the start', async (state) => {
    let tries = 0;
    const result = await transact(system, 'engine', async (tx) => {
      tries += 1;
      await mark(tx, `retried ${state}`);
      if (tries < 3) {
        await fail(tx, state);
      }
      return tries;
    });
    expect([result, await marks(`retried ${state}`)]).toEqual([3, 1]);
  });

  test('has all that was begun together behind it when it ends, also when the first of them fails', async () => {
    let late = false;
    const slow = async (tx: Tx) => {
      await Bun.sleep(50);
      late = true;
      await mark(tx, 'late');
    };
    const work = transact(system, 'engine', (tx) => together(fail(tx, 'PL001'), slow(tx)));
    expect(await work.catch(sqlStateOf)).toBe('PL001');
    expect([late, await marks('late')]).toEqual([true, 0]);
    const done = transact(system, 'engine', (tx) => together(mark(tx, 'one'), mark(tx, 'two')));
    expect((await done).length).toBe(2);
    expect([await marks('one'), await marks('two')]).toEqual([1, 1]);
  });

  test('tells of what failed by itself, not of what failed for it', async () => {
    const failed = (code: string) => Promise.reject(Object.assign(new Error(code), { code }));
    const first = (...codes: string[]) => together(...codes.map(failed)).catch(sqlStateOf);
    expect(await first('25P02', '40001', 'PL001')).toBe('40001');
    expect(await first('25P02', '25P02')).toBe('25P02');
  });

  test('is given up after four tries', async () => {
    let tries = 0;
    const work = transact(system, 'engine', async (tx) => {
      tries += 1;
      await fail(tx, '40001');
    });
    const error = await work.catch((thrown: unknown) => thrown);
    expect([tries, sqlStateOf(error)]).toEqual([4, '40001']);
  });

  test('is not tried again after a refusal or a broken constraint', async () => {
    for (const state of ['23505', 'PL001', '22001', '57014']) {
      let tries = 0;
      const work = transact(system, 'engine', async (tx) => {
        tries += 1;
        await fail(tx, state);
      });
      await work.catch(() => {});
      expect([state, tries]).toEqual([state, 1]);
    }
  });

  test('survives a real deadlock with both works done', async () => {
    await transact(system, 'engine', async (tx) => {
      await mark(tx, 'lock a');
      await mark(tx, 'lock b');
    });
    const crossing = (first: string, second: string) =>
      transact(system, 'engine', async (tx) => {
        for (const name of [first, second]) {
          await tx
            .update(systemMarks)
            .set({ value: sql`to_jsonb((value)::int + 1)` })
            .where(eq(systemMarks.name, name));
          await tx.execute(sql`select pg_sleep(0.05)`);
        }
      });
    await Promise.all([crossing('lock a', 'lock b'), crossing('lock b', 'lock a')]);
    const { engine } = system.deps.db;
    const [row] = await engine.select().from(systemMarks).where(eq(systemMarks.name, 'lock a'));
    expect(row?.value).toBe(3);
  });
});

describe('hooks', () => {
  test('run once, after the commit', async () => {
    const seen: number[] = [];
    let tries = 0;
    await transact(system, 'engine', async (tx) => {
      await mark(tx, `hooked ${tries}`);
      onCommit(tx, () => seen.push(tries));
      tries += 1;
      expect(seen).toEqual([]);
      if (tries < 2) {
        await fail(tx, '40001');
      }
    });
    expect(seen).toEqual([2]);
  });

  test('never run after a rollback', async () => {
    let ran = false;
    const work = transact(system, 'engine', async (tx) => {
      onCommit(tx, () => {
        ran = true;
      });
      throw new Error('x');
    });
    await work.catch(() => {});
    expect(ran).toBe(false);
  });

  test('of a joined transaction wait for the outer commit', async () => {
    const order: string[] = [];
    await transact(system, 'engine', async (tx) => {
      await transact({ ...system, tx }, 'engine', async (joined) => {
        expect(joined).toBe(tx);
        onCommit(joined, () => order.push('hook'));
      });
      order.push('outer work');
    });
    expect(order).toEqual(['outer work', 'hook']);
  });

  test('that fail do not make a committed transaction look undone, nor run it twice', async () => {
    let tries = 0;
    let later = false;
    const result = await transact(system, 'engine', async (tx) => {
      tries += 1;
      onCommit(tx, () => {
        throw Object.assign(new Error('x'), { code: '40001' });
      });
      onCommit(tx, () => {
        later = true;
      });
      await mark(tx, 'committed');
      return 'done';
    });
    expect([result, tries, later, await marks('committed')]).toEqual(['done', 1, true, 1]);
  });
});

describe('a joined transaction', () => {
  test('falls with the outer one', async () => {
    const work = transact(system, 'engine', async (tx) => {
      await transact({ ...system, tx }, 'engine', (joined) => mark(joined, 'joined'));
      throw new Error('x');
    });
    await work.catch(() => {});
    expect(await marks('joined')).toBe(0);
  });

  test('of a login with fewer rights than asked for is a programming error', async () => {
    const ctx = customer(newId());
    const work = transact(ctx, 'app', (tx) => transact({ ...ctx, tx }, 'engine', async () => 1));
    expect(work).rejects.toThrow('a joined transaction has the rights it needs');
    await work.catch(() => {});
  });
});

describe('row-level security', () => {
  const fileOf = (userId: Id) => ({
    id: newId(),
    userId,
    contentType: 'text/plain',
    sizeBytes: 1,
    sha256: new Uint8Array(32),
    createdAt: system.deps.clock.realNow(),
  });

  test('shows a customer their own rows, and does not leak into the next use of the connection', async () => {
    const [one, two] = [newId(), newId()];
    await transact(system, 'engine', (tx) => tx.insert(files).values([fileOf(one), fileOf(two)]));
    for (let round = 0; round < 8; round += 1) {
      const userId = round % 2 === 0 ? one : two;
      const rows = await transact(customer(userId), 'app', (tx) => tx.select().from(files));
      expect(rows.map((row) => row.userId)).toEqual([userId]);
      expect(await system.deps.db.app.select().from(files)).toEqual([]);
    }
  });

  test('refuses a row written for somebody else', async () => {
    const work = transact(customer(newId()), 'app', (tx) => tx.insert(files).values(fileOf(newId())));
    expect(sqlStateOf(await work.catch((error: unknown) => error))).toBe('42501');
  });

  test('shows nothing to an actor who is no person', async () => {
    const strangers = { ...system, actor: { kind: 'anonymous' } as const };
    expect(await transact(strangers, 'app', (tx) => tx.select().from(files))).toEqual([]);
  });
});

describe('what a database error means', () => {
  test.each([
    ['23505', 'conflict'],
    ['23P01', 'conflict'],
    ['40001', 'busy'],
    ['40P01', 'busy'],
    ['55P03', 'busy'],
    ['57014', 'busy'],
    ['57P01', 'unavailable'],
    ['53300', 'unavailable'],
  ])('%s is %s, without the words of the driver', (code, meaning) => {
    const wrapped = new Error('select secret', { cause: Object.assign(new Error('secret'), { code }) });
    const error = translateDatabaseError(wrapped) as DomainError;
    expect(error.code).toBe(meaning);
    expect(JSON.stringify([error.message, error.extras, error.cause])).not.toContain('secret');
  });

  test('anything else stays what it was', () => {
    for (const code of ['23503', '22P02', 'PL001', '42501']) {
      const error = Object.assign(new Error('x'), { code });
      expect(translateDatabaseError(error)).toBe(error);
      expect(isRetryable(error)).toBe(false);
    }
  });

  test('a connection that cannot be made is unavailable', () => {
    const codes = [
      'ECONNREFUSED',
      'CONNECTION_CLOSED',
      'CONNECT_TIMEOUT',
      'EPIPE',
      'ETIMEDOUT',
      '57P02',
      '25P03',
      '08006',
    ];
    for (const code of codes) {
      const error = translateDatabaseError(Object.assign(new Error('x'), { code })) as DomainError;
      expect(error.code).toBe('unavailable');
    }
  });
});

describe('a lane', () => {
  const look = (tx: Tx, lane: number) =>
    executePrepared<{ readonly pid: number; readonly plans: string; readonly lane: number }>(
      tx,
      sql`select pg_backend_pid() as pid, current_setting('plan_cache_mode') as plans, ${lane}::integer as lane`,
    );

  test('keeps one connection, apart from every other, on which statements keep their plan', async () => {
    const [[first], [second], [other], [pooled]] = [
      await transactInLane(system, 'accept', (tx) => look(tx, 1)),
      await transactInLane(system, 'accept', (tx) => look(tx, 2)),
      await transactInLane(system, 'settle', (tx) => look(tx, 3)),
      await transact(system, 'engine', (tx) => look(tx, 4)),
    ];
    expect(second).toEqual({ pid: first?.pid ?? 0, plans: 'force_generic_plan', lane: 2 });
    expect(new Set([first?.pid, other?.pid, pooled?.pid]).size).toBe(3);
    expect(pooled?.plans).toBe('auto');
  });

  test('commits what its work wrote, or nothing, and joins no other transaction', async () => {
    await transactInLane(system, 'accept', (tx) => mark(tx, 'kept in a lane'));
    const failing = transactInLane(system, 'accept', async (tx) => {
      await mark(tx, 'dropped in a lane');
      await fail(tx, 'P0001');
    });
    expect(sqlStateOf(await failing.catch((error: unknown) => error))).toBe('P0001');
    expect([await marks('kept in a lane'), await marks('dropped in a lane')]).toEqual([1, 0]);
    const joining = transact(system, 'engine', (tx) =>
      transactInLane({ ...system, tx }, 'accept', (inner) => mark(inner, 'joined')),
    );
    expect(await joining.catch((error: Error) => error.name)).toBe('AssertionError');
  });
});
