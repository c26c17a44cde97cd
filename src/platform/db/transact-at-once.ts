/**
 * A transaction that is one statement. PostgreSQL runs a statement that stands for itself whole or not at
 * all, and it is one message: a connection that dies has either carried all of it or nothing, and there is no
 * second half that could run on the next connection. What it locks is held for as long as PostgreSQL works,
 * never for this process to find the time to commit. Where the answer is lost the outcome is unknown: the
 * error is the connection's, never a refusal's, and only the caller's own key can tell (I11).
 */
import type { SQL } from 'drizzle-orm';
import { assert } from '../../kernel/assert.ts';
import type { Ctx } from '../context.ts';
import type { Login, Tx } from './client.ts';
import { executePrepared } from './prepared.ts';

/**
 * Runs one statement, prepared, and commits it.
 * @errors the statement's; the connection's where it broke, which says nothing about the outcome
 */
export async function transactAtOnce(ctx: Ctx, login: Login, statement: SQL): Promise<void> {
  assert(ctx.tx === undefined, 'what commits at once joins no other transaction');
  await executePrepared(readerOf(ctx, login), statement);
}

/**
 * The login's connections for look-ups that need no transaction: each statement stands for itself, and
 * nothing is locked or written through it.
 */
export function readerOf(ctx: Ctx, login: Login): Tx {
  // A transaction offers no look-up that a connection lacks; what it has more of is not for readers.
  return ctx.deps.db[login] as unknown as Tx;
}
