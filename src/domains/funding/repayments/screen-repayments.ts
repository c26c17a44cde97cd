import { and, eq, inArray, isNull, or } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  activeConfig,
  clearedScreenings,
  refreshScreener,
  screenPayee,
  screenRepaid,
} from '../../aml/index.ts';
import { isRestricted, lockGateExclusively, lockGates } from '../../identity/index.ts';
import { customerNameOf } from '../customer-name.ts';
import { refuseFunding } from '../errors.ts';
import { isSameHolder } from '../holder-name.ts';
import { staleScreening } from '../rescreen-payees.ts';
import { repayments } from '../work/schema.ts';
import { REPAYMENT_EVENTS } from './audit.ts';
import { payeeOf } from './payee-of.ts';
import { repaymentOwner } from './repayment-owner.ts';
import { ownerOf, type Repayment } from './repayment-status.ts';

/**
 * Holds whom money goes back to against the lists that are active, where they were not yet, each in a transaction of
 * its own: what is found stays, whatever becomes of the file. Call it before the transaction that makes or hands one out.
 * @effects screenings and what comes of them; rows of `repayments`; audit `repayment.screened`
 * @errors destination_changed
 */
export async function freshenRepayments(ctx: Ctx, repaymentIds: readonly Id[]): Promise<void> {
  if (repaymentIds.length === 0) {
    return;
  }
  await refreshScreener(ctx);
  const stale = await transact(ctx, 'engine', (tx) => staleAmong(tx, repaymentIds));
  for (const row of stale) {
    await transact(ctx, 'engine', (tx) => screen(tx, ctx, row));
  }
}

/**
 * Keeps back what goes to somebody who resembles a listed entry and of whom two people did not say that they are
 * somebody else, and what goes back from a customer from whom nothing may leave. The caller holds the rows' locks, and
 * took the gates of their owners before them.
 * @errors screening_behind, repayment_held
 */
export async function refuseHeld(tx: Tx, rows: readonly Repayment[]): Promise<void> {
  const stale = await staleAmong(
    tx,
    rows.map(({ id }) => id),
  );
  if (stale.length > 0) {
    throw refuseFunding('screening_behind');
  }
  const cleared = await clearedScreenings(
    tx,
    rows.flatMap(({ screeningId }) => screeningId ?? []),
  );
  for (const row of rows) {
    const owner = await ownerOf(tx, row);
    const gate = owner === null ? undefined : (await lockGates(tx, [owner])).get(owner);
    const isHeld = owner !== null && isRestricted(gate, 'money_out');
    if (isHeld || row.screeningId === null || !cleared.has(row.screeningId)) {
      throw refuseFunding('repayment_held', { detail: `Repayment ${row.id} waits.` });
    }
  }
}

async function staleAmong(tx: Tx, ids: readonly Id[]): Promise<readonly Repayment[]> {
  const { configHash } = await activeConfig(tx);
  return tx
    .select()
    .from(repayments)
    .where(
      and(
        inArray(repayments.id, [...ids]),
        inArray(repayments.status, ['payable', 'in_file']),
        or(
          isNull(repayments.screeningId),
          staleScreening(configHash, { screeningId: repayments.screeningId, userId: repaymentOwner }),
        ),
      ),
    )
    .orderBy(repayments.id);
}

/** The gate first: a payer that a customer's money came from is looked at as a party of theirs. */
async function screen(tx: Tx, ctx: Ctx, known: Repayment): Promise<void> {
  const owner = await ownerOf(tx, known);
  // Who was erased is nobody's customer any more; the payer has a name all the same.
  const isKnown = owner !== null && (await ctx.deps.personKeys.find(tx, owner)) !== undefined;
  if (isKnown) {
    await lockGateExclusively(tx, owner);
  }
  const { name } = await payeeOf(tx, ctx, known);
  const isSelf = isKnown && isSameHolder(name, await customerNameOf(tx, ctx, owner));
  const { screeningId } =
    isSelf && owner !== null
      ? await screenPayee(tx, ctx, { userId: owner, name })
      : await screenRepaid(tx, ctx, { userId: isKnown ? owner : null, name });
  const before = present(await lockRow(tx, repayments, known.id), 'repayments are never deleted');
  const [row] = await tx
    .update(repayments)
    .set({ screeningId })
    .where(eq(repayments.id, before.id))
    .returning();
  await record(tx, ctx, {
    event: REPAYMENT_EVENTS['repayment.screened'],
    resource: { type: 'repayment', id: before.id },
    subjectUserId: owner,
    before,
    after: present(row, 'the repayment was locked'),
  });
}
