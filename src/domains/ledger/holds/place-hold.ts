import { and, eq } from 'drizzle-orm';
import { type Actor, personOf } from '../../../kernel/actor.ts';
import type { Amount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseSelfAction } from '../../identity/index.ts';
import { refuseLedger } from '../errors.ts';
import { createHold, type Hold } from '../holds.ts';
import { lockSpendable } from '../release-expired.ts';
import { assets, holds, wallets } from '../schema.ts';
import { describeHold } from './read-hold.ts';
import { fitsScale, type HandReason } from './rules.ts';

export type HoldByHand = {
  readonly walletId: Id;
  readonly amount: Amount;
  readonly reason: HandReason;
  /** What the caller's own system calls it: the same reason and reference is the same hold, for good. */
  readonly reference: string;
  readonly expiresAt?: Instant | undefined;
  readonly metadata?: { readonly [key: string]: string } | undefined;
};

/**
 * Reserves settled funds of a customer by hand. One person or system may: nothing moves, and only two people,
 * or the end that was set, decide what becomes of it.
 * @effects those of `createHold`
 * @errors not_found, hold_wallet_unsuitable, self_action, hold_reference_reused, amount_too_precise,
 *   hold_expiry_past, wallet_not_active, margin_unknown, insufficient_funds
 */
export async function placeHold(ctx: Ctx, input: HoldByHand) {
  return transact(ctx, 'engine', async (tx) => {
    const { userId, scale } = await findHoldable(tx, input.walletId);
    refuseSelfAction(ctx, userId);
    await lockSpendable(tx, ctx, [input.walletId]);
    const known = await findByReference(tx, input);
    if (known !== undefined) {
      refuseOther(known, input);
      return { hold: await describeHold(tx, ctx, known), created: false };
    }
    if (!fitsScale(input.amount, scale)) {
      throw refuseLedger('amount_too_precise', {
        errors: [
          { pointer: '/amount', code: 'invalid_value', detail: `must have at most ${scale} decimals` },
        ],
      });
    }
    if (input.expiresAt !== undefined && input.expiresAt <= ctx.deps.clock.now()) {
      throw refuseLedger('hold_expiry_past');
    }
    const { walletId, amount, reason, reference, expiresAt, metadata } = input;
    const hold = await createHold(tx, ctx, {
      walletId,
      amount,
      reason,
      referenceType: 'by_hand',
      referenceId: newId(),
      expiresAt,
      metadata,
      byHand: { reference, ...authorOf(ctx.actor) },
    });
    return { hold: await describeHold(tx, ctx, hold), created: true };
  });
}

async function findHoldable(tx: Tx, walletId: Id): Promise<{ readonly userId: Id; readonly scale: number }> {
  const [found] = await tx
    .select({ userId: wallets.userId, book: wallets.book, scale: assets.scale })
    .from(wallets)
    .innerJoin(assets, eq(assets.code, wallets.asset))
    .where(eq(wallets.id, walletId));
  if (found === undefined) {
    throw refuse('not_found');
  }
  if (found.userId === null || found.book !== 'live') {
    throw refuseLedger('hold_wallet_unsuitable');
  }
  return { userId: found.userId, scale: found.scale };
}

async function findByReference(tx: Tx, { reason, reference }: HoldByHand): Promise<Hold | undefined> {
  const [hold] = await tx
    .select()
    .from(holds)
    .where(and(eq(holds.reason, reason), eq(holds.reference, reference)));
  return hold;
}

function refuseOther(known: Hold, input: HoldByHand): void {
  const same =
    known.walletId === input.walletId &&
    known.amount === input.amount &&
    known.expiresAt === (input.expiresAt ?? null) &&
    canonicalJson(known.metadata as Json) === canonicalJson(input.metadata ?? {});
  if (!same) {
    throw refuseLedger('hold_reference_reused');
  }
}

function authorOf(actor: Actor): { readonly placedBy: Id; readonly placedByKey: Id | null } {
  return {
    placedBy: present(personOf(actor), 'holds are placed by people and their keys'),
    placedByKey: actor.kind === 'apiKey' && actor.service ? actor.keyId : null,
  };
}
