/**
 * The one way a verb opens a transaction. It sets who the rows belong to (row-level security), joins
 * an outer transaction if there is one, retries what the database says may be retried, and runs
 * after-commit hooks only after the commit.
 */
import { sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { assert } from '../../kernel/assert.ts';
import type { Ctx } from '../context.ts';
import type { Database, Login, Tx } from './client.ts';
import { isRetryable, sqlStateOf } from './errors.ts';
import { executePrepared } from './prepared.ts';

const MAX_ATTEMPTS = 4;

/** What every statement hears behind the one that failed. */
const TRANSACTION_ABORTED = '25P02';

const commitHooks = new WeakMap<Tx, (() => void)[]>();
const loginsOf = new WeakMap<Tx, Login>();

/**
 * Runs `work` in one transaction of the given login, or in the caller's if `ctx.tx` is set.
 * @effects commits or rolls back; runs hooks of `onCommit` after the commit
 * @errors whatever `work` throws; retries serialization failures and deadlocks
 */
export async function transact<Result>(
  ctx: Ctx,
  login: Login,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  if (ctx.tx !== undefined) {
    const outer = loginsOf.get(ctx.tx);
    assert(outer === login || outer === 'engine', 'a joined transaction has the rights it needs');
    return work(ctx.tx);
  }
  return transactOn(ctx, ctx.deps.db[login], login, work);
}

/**
 * The same on a connection that one writer keeps for itself, as the engine: for a queue that carries out one batch
 * after the other in statements that never vary. Each is planned once for any values, and finds the connection warm.
 * @errors as `transact`
 */
export async function transactInLane<Result>(
  ctx: Ctx,
  lane: 'accept' | 'settle',
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  assert(ctx.tx === undefined, 'a lane joins no other transaction');
  return transactOn(ctx, ctx.deps.db.lane(lane), 'engine', work);
}

async function transactOn<Result>(
  ctx: Ctx,
  database: Database,
  login: Login,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    const hooks: (() => void)[] = [];
    try {
      const result = await database.transaction(async (tx) => {
        commitHooks.set(tx, hooks);
        loginsOf.set(tx, login);
        if (login === 'app') {
          // Prepared, and so sent along with BEGIN.
          const person = personOf(ctx.actor) ?? '';
          await executePrepared(tx, sql`select set_config('plimsoll.user_id', ${person}, true)`);
        }
        return work(tx);
      });
      runHooks(ctx, hooks);
      return result;
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS || !isRetryable(error)) {
        throw error;
      }
    }
  }
}

/**
 * Has statements of one transaction under way together, so that none waits for the answer to another; the server
 * carries them out in the order they were begun. Waits for all of them also when one fails: what a transaction sends
 * once it is over would stand by itself.
 * @errors that of the first which failed by itself, not for the failure of another
 */
export async function together<Works extends readonly unknown[]>(
  ...works: { readonly [Place in keyof Works]: Promise<Works[Place]> }
): Promise<Works> {
  const ends = await Promise.allSettled(works);
  const failures = ends.filter((end) => end.status === 'rejected');
  const [failure] = failures;
  if (failure !== undefined) {
    const cause = failures.find(({ reason }) => sqlStateOf(reason) !== TRANSACTION_ABORTED);
    throw (cause ?? failure).reason;
  }
  return ends.map((end) => (end as PromiseFulfilledResult<unknown>).value) as unknown as Works;
}

/** Runs `hook` once the transaction has committed; never if it rolls back. */
export function onCommit(tx: Tx, hook: () => void): void {
  const hooks = commitHooks.get(tx);
  assert(hooks !== undefined, 'the transaction was opened by transact');
  hooks.push(hook);
}

/** What is committed stays committed: a hook that fails must not look like a failed transaction. */
function runHooks(ctx: Ctx, hooks: readonly (() => void)[]): void {
  for (const hook of hooks) {
    try {
      hook();
    } catch (error) {
      ctx.deps.log.error({ failure: error instanceof Error ? error.name : 'unknown' }, 'a hook failed');
    }
  }
}
