import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { keyIdText } from '../../platform/crypto/keyring.ts';
import {
  rewrapRows,
  WRAPPED_TABLES,
  type WrappedTable,
  wrapsInUse,
} from '../../platform/crypto/wrapped-keys.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';

/** How many keys were wrapped anew, by table. */
export type Rewrapped = Readonly<Record<WrappedTable, number>>;

const BATCH = 500;

/**
 * Wraps under the active root key what an older one wrapped. What is inside stays as it is. Each batch is
 * a transaction: a run that was broken off is continued by the next.
 * @effects wrapped rows of the tables of `Rewrapped`; audit `keyring.rewrapped` for each batch
 * @errors SealError where a root key is missing from the keyring
 */
export async function rewrapKeys(
  ctx: Ctx,
  told: (table: WrappedTable, done: number) => void,
): Promise<Rewrapped> {
  const done = none();
  for (const table of WRAPPED_TABLES) {
    let after: string | null | undefined = null;
    while (after !== undefined) {
      const from: string | null = after;
      const batch: { readonly count: number; readonly last: string | undefined } = await transact(
        ctx,
        'engine',
        async (tx) => {
          const rewrapped = await rewrapRows(tx, ctx, table, from, BATCH);
          if (rewrapped.last !== undefined) {
            await record(tx, ctx, {
              event: IDENTITY_EVENTS['keyring.rewrapped'],
              resource: { type: 'keyring', id: table },
              subjectUserId: null,
              after: { table, count: rewrapped.count },
            });
          }
          return rewrapped;
        },
      );
      done[table] += batch.count;
      after = batch.last;
      if (batch.count > 0) {
        told(table, done[table]);
      }
    }
  }
  return done;
}

/** How many keys an older root key still wraps, by table. */
export async function countOlderWraps(ctx: Ctx): Promise<Rewrapped> {
  const left = none();
  const active = keyIdText(ctx.deps.keyring.wrapKeyId);
  for (const { keyId, table, count } of await wrapsInUse(ctx.deps)) {
    left[table] += keyId === active ? 0 : count;
  }
  return left;
}

function none(): Record<WrappedTable, number> {
  return { person_keys: 0, person_key_versions: 0, token_keys: 0, installation_keys: 0 };
}
