import { and, eq, inArray, ne, or, sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { refuseFunding } from '../errors.ts';
import { inboundEvents } from '../evidence/schema.ts';
import type { Withdrawal } from '../store.ts';
import { isSeenUnpaid, showsUntil } from './seen-unpaid.ts';

/** What it says of a payout that it may have paid, or may yet. */
const TAKEN: readonly string[] = ['payout.accepted', 'payout.paid'];

/**
 * Whether a provider ever said that it paid a locked payout: of another amount, of one that nobody here had begun, or
 * before it said something else. What it said last does not take that back, nor does whoever closes the event.
 */
export async function hasSaidPaid(tx: Tx, withdrawalId: Id, provider: string): Promise<boolean> {
  const [event] = await tx
    .select({ id: inboundEvents.id })
    .from(inboundEvents)
    .where(and(says(withdrawalId, ['payout.paid']), eq(inboundEvents.provider, provider)))
    .limit(1);
  return event !== undefined;
}

/**
 * The first event by which a provider said that it has a locked withdrawal, or paid it, and when one said so last; undefined
 * where none did. One that
 * carries no payouts, and never carried any, cannot have it: whoever only takes payments in locks nobody's money. Of
 * which methods is of no matter: that it carried this one a restore may have lost.
 * @shape `but`: asked of all but this provider
 */
export async function saidTaken(
  tx: Tx,
  { deps }: Ctx,
  { id }: Withdrawal,
  but?: string,
): Promise<{ readonly first: Id; readonly last: Instant } | undefined> {
  const { provider, receivedAt } = inboundEvents;
  const carriedOne = sql`exists (select 1 from payout_submissions s where s.provider = inbound_events.provider)`;
  const said = await tx
    .select({ id: inboundEvents.id, receivedAt })
    .from(inboundEvents)
    .where(
      and(
        says(id, TAKEN),
        but === undefined ? undefined : ne(provider, but),
        or(
          inArray(
            provider,
            deps.payoutProviders.map(({ name }) => name),
          ),
          carriedOne,
        ),
      ),
    )
    .orderBy(receivedAt, inboundEvents.id);
  const [first, last] = [said.at(0), said.at(-1)];
  return first && last && { first: first.id, last: last.receivedAt };
}

/**
 * Whether it stands that a provider said it has or paid a locked withdrawal: until a signed reconciliation saw days beyond
 * that word in which nothing of it left. That no statement shows its debit the caller asks by itself.
 * @shape `but`: asked of all but this provider
 */
export async function isSaidTaken(tx: Tx, ctx: Ctx, withdrawal: Withdrawal, but?: string): Promise<boolean> {
  const said = await saidTaken(tx, ctx, withdrawal, but);
  if (said === undefined) {
    return false;
  }
  const until = showsUntil(ctx, withdrawal, [said.last]);
  return !(await isSeenUnpaid(tx, ctx, withdrawal, { from: withdrawal.createdAt, until }));
}

/**
 * Keeps a locked withdrawal that nobody here began from being taken back while a provider says that it has or paid it,
 * since a restore may have lost its beginning; and from being paid by anybody else. Begun once more with that provider, it
 * is asked about first.
 * @errors payout_on_statement
 */
export async function refuseSaidTaken(tx: Tx, ctx: Ctx, withdrawal: Withdrawal, but?: string): Promise<void> {
  if (await isSaidTaken(tx, ctx, withdrawal, but)) {
    throw saidTakenError();
  }
}

/**
 * The same whatever days were signed: of the customer alone, on whose word nobody judges what left.
 * @errors payout_on_statement
 */
export async function refuseEverSaidTaken(tx: Tx, ctx: Ctx, withdrawal: Withdrawal): Promise<void> {
  if ((await saidTaken(tx, ctx, withdrawal)) !== undefined) {
    throw saidTakenError();
  }
}

function saidTakenError() {
  return refuseFunding('payout_on_statement', { detail: 'A provider said that it has it, or paid it.' });
}

function says(withdrawalId: Id, types: readonly string[]) {
  return and(eq(inboundEvents.withdrawalId, withdrawalId), inArray(inboundEvents.type, [...types]));
}
