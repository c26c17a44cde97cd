import {
  changeGate,
  type Gate,
  type GateChange,
  liftRestriction,
  placeRestriction,
  restrictionsOf,
} from '../domains/identity/index.ts';
import type { Id } from '../kernel/id.ts';
import type { Ctx } from '../platform/context.ts';
import { transact } from '../platform/db/transact.ts';

/** A gate as a test wants it; a confirmed match cannot be taken back so. */
export type GateWish = GateChange & { readonly restriction?: Gate['restriction'] };

/** Brings a gate to what a test wants, by the ways there are. */
export async function setGate(ctx: Ctx, userId: Id, { restriction, ...change }: GateWish): Promise<void> {
  const reference = { type: 'test', id: userId };
  await transact(ctx, 'engine', async (tx) => {
    for (const standing of restriction === undefined ? [] : await restrictionsOf(tx, userId)) {
      await liftRestriction(tx, ctx, userId, { cause: 'risk', referenceId: standing.referenceId });
    }
    if (restriction !== undefined && restriction !== 'none') {
      await placeRestriction(tx, ctx, userId, { restriction, cause: 'risk', reference });
    }
    if (change.screening === 'confirmed') {
      await placeRestriction(tx, ctx, userId, { restriction: 'frozen', cause: 'sanctions', reference });
    }
    await changeGate(tx, ctx, userId, change);
  });
}
