import { and, eq, ne, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refreshScreener, screenPayee } from '../aml/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { beneficiaries } from './schema.ts';
import { type Beneficiary, destinationOfBeneficiary } from './store.ts';

/** People looked up at once; each is screened in a transaction of their own. */
const BATCH = 200;

/**
 * Screens the payees again that were not held against the lists active now, person by person. A hit puts
 * the payee back to waiting and shuts the customer's gate; nobody is told why. What is left over when it
 * is cut off is found by the next run, since each person's screening names its list versions. One person's
 * failure leaves the others screened.
 * @effects screenings and what comes of them; rows of `beneficiaries`; audit `beneficiary.held`
 * @errors the first failure, once everybody else was screened
 */
export async function rescreenPayees(ctx: Ctx): Promise<void> {
  await refreshScreener(ctx);
  const failures: unknown[] = [];
  let after: Id | undefined;
  for (;;) {
    const people = await staleOwners(ctx, after);
    for (const userId of people) {
      try {
        await transact(ctx, 'engine', (tx) => rescreenOf(tx, ctx, userId));
      } catch (error) {
        failures.push(error);
      }
    }
    after = people.at(-1);
    if (people.length < BATCH) {
      break;
    }
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

/**
 * A payee is stale where its screening named other list versions than those active now, or there is none.
 * Without any active list nobody is: a screening against nothing finds nothing out.
 */
const stale = sql`exists (
  select 1 from (
    select jsonb_object_agg(id, active_version_id) as versions from screening_lists
    where active_version_id is not null
  ) active
  left join screenings s on s.id = ${beneficiaries.screeningId}
  where active.versions is not null and s.list_versions is distinct from active.versions)`;

/** Owners of stale payees, in the order of their ids. */
async function staleOwners(ctx: Ctx, after: Id | undefined): Promise<readonly Id[]> {
  return transact(ctx, 'engine', async (tx) => {
    const rows = await tx.execute<{ user_id: Id }>(sql`
      select distinct user_id from beneficiaries
      where status = 'active' and user_id > ${after ?? '00000000-0000-0000-0000-000000000000'}::uuid and ${stale}
      order by user_id limit ${BATCH}`);
    return rows.map((row) => row.user_id);
  });
}

/** The gate first, by the screening, then the payees: the order in which a payout takes them. */
async function rescreenOf(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  // Who was erased has no name left to screen, and a gate that lets nothing out.
  if ((await ctx.deps.personKeys.find(tx, userId)) === undefined) {
    return;
  }
  const found = await tx
    .select()
    .from(beneficiaries)
    .where(and(eq(beneficiaries.userId, userId), eq(beneficiaries.status, 'active'), stale));
  for (const [name, payees] of await byHolderName(tx, ctx, found)) {
    const { screeningId, isClear } = await screenPayee(tx, ctx, { userId, name });
    const ids = payees.map((payee) => payee.id);
    const locked = (await lockRows(tx, beneficiaries, ids)).filter((payee) => payee.status === 'active');
    for (const before of locked) {
      await keep(tx, ctx, before, screeningId, isClear);
    }
  }
}

async function byHolderName(
  tx: Tx,
  ctx: Ctx,
  payees: readonly Beneficiary[],
): Promise<ReadonlyMap<string, readonly Beneficiary[]>> {
  const names = new Map<string, Beneficiary[]>();
  for (const payee of payees) {
    const { holderName } = await destinationOfBeneficiary(tx, ctx, payee);
    names.set(holderName, [...(names.get(holderName) ?? []), payee]);
  }
  return names;
}

async function keep(tx: Tx, ctx: Ctx, before: Beneficiary, screeningId: Id, isClear: boolean): Promise<void> {
  const [row] = await tx
    .update(beneficiaries)
    .set({ screeningId, ...(isClear ? {} : { status: 'pending' as const }) })
    .where(and(eq(beneficiaries.id, before.id), ne(beneficiaries.status, 'removed')))
    .returning();
  const after = present(row, 'the beneficiary was locked');
  await record(tx, ctx, {
    event: FUNDING_EVENTS[isClear ? 'beneficiary.rescreened' : 'beneficiary.held'],
    resource: { type: 'beneficiary', id: before.id },
    subjectUserId: before.userId,
    before,
    after,
  });
}
