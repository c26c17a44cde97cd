import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';

const BATCH = 200;

/**
 * Works through ids in their order, a page at a time, each in a transaction of its own. One that fails is left as it
 * is and keeps nobody else from their turn.
 * @errors the first failure, once everybody had their turn
 */
export async function inBatches(
  ctx: Ctx,
  page: (tx: Tx, ctx: Ctx, after: Id | null, limit: number) => Promise<readonly Id[]>,
  work: (tx: Tx, ctx: Ctx, id: Id) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  let after: Id | null = null;
  for (;;) {
    const from: Id | null = after;
    const ids: readonly Id[] = await transact(ctx, 'engine', (tx) => page(tx, ctx, from, BATCH));
    for (const id of ids) {
      await transact(ctx, 'engine', (tx) => work(tx, ctx, id)).catch((error: unknown) =>
        failures.push(error),
      );
    }
    after = ids.at(-1) ?? null;
    if (ids.length < BATCH) {
      break;
    }
  }
  throwFirst(failures);
}

/**
 * Takes each step, whatever became of the one before.
 * @errors the first failure, once all were taken
 */
export async function inSteps(...steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    await step().catch((error: unknown) => failures.push(error));
  }
  throwFirst(failures);
}

/** Lets a job be seen to fail that went on past its failures. @errors the first of them */
export function throwFirst(failures: readonly unknown[]): void {
  if (failures.length > 0) {
    const [cause] = failures;
    throw cause instanceof Error ? cause : new Error('some of the work failed', { cause });
  }
}
