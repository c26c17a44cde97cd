import type { Ctx } from '../context.ts';
import { activateHouseKey, PUBLISHED_AHEAD_MS, publishHouseKey } from './installation-keys.ts';
import { countToReseal, resealable, resealColumn } from './reseal.ts';
import { activatePersonKeys, type People, publishPersonKeys } from './rotate-person-keys.ts';

/** What to rotate, and how long a key is known everywhere before it seals. */
export type RotationPlan = {
  readonly house: boolean;
  readonly people: People | null;
  /** Goes on with what was begun; makes no further key. */
  readonly resume?: boolean;
  /** @units milliseconds */
  readonly aheadMs?: number;
};

/** How far a step has come. @units done: rows or keys; total: where it is known */
export type Told = (step: string, done: number, total: number | null) => void;

export type Rotated = { readonly resealed: number; readonly unreadable: number; readonly left: number };

/**
 * Gives the house and people further keys and seals again what was sealed under those before, while others
 * read and write. What was broken off is continued by the next run; evidence and files keep their old keys.
 * @effects rows of `installation_keys`, `person_keys`, `person_key_versions`, `key_rotations` and of every
 *   sealed column that may be written; audit events of `KEY_EVENTS`
 */
export async function rotateData(ctx: Ctx, plan: RotationPlan, told: Told): Promise<Rotated> {
  const aheadMs = plan.aheadMs ?? PUBLISHED_AHEAD_MS;
  if (plan.house && plan.resume !== true) {
    await publishHouseKey(ctx);
    told('published house key', 1, 1);
  }
  if (plan.people !== null && plan.resume !== true) {
    await publishPersonKeys(ctx, plan.people, (done) => told('published person keys', done, null));
  }
  // Every node reads the published keys before anything is sealed under them ...
  await Bun.sleep(aheadMs);
  if (plan.house) {
    await activateHouseKey(ctx, aheadMs);
  }
  if (plan.people !== null) {
    await activatePersonKeys(ctx, plan.people, aheadMs, (done) => told('activated person keys', done, null));
  }
  // ... and stops sealing under the old ones before what they sealed is gone through.
  await Bun.sleep(aheadMs);
  return reseal(ctx, told);
}

async function reseal(ctx: Ctx, told: Told): Promise<Rotated> {
  let [resealed, unreadable, left] = [0, 0, 0];
  for (const column of resealable(ctx.deps.sealedColumns)) {
    const total = await countToReseal(ctx, column);
    const result = await resealColumn(ctx, column, (done) =>
      told(`${column.table}.${column.column}`, done, Math.max(done, total)),
    );
    resealed += result.done;
    unreadable += result.unreadable;
    left += await countToReseal(ctx, column);
  }
  return { resealed, unreadable, left };
}
