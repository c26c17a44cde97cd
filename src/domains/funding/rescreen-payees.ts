import { and, eq, ne, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { activeConfig, refreshScreener, screeningAlgorithm, screenPayee } from '../aml/index.ts';
import { lockGateExclusively } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { payeeToScreen } from './payee-to-screen.ts';
import { beneficiaries } from './schema.ts';
import { type Beneficiary, destinationOfBeneficiary } from './store.ts';

/** People looked up at once; each is screened in a transaction of their own. */
const BATCH = 200;

/**
 * Screens the payees again that were not held against what screens now, person by person. A hit puts
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
 * The same for the payees of one person, where they have any that are stale.
 * @effects as `rescreenPayees`
 */
export async function rescreenPayeesOf(ctx: Ctx, userId: Id): Promise<void> {
  const found = await transact(ctx, 'engine', (tx) => stalePayeesOf(tx, userId));
  if (found.length > 0) {
    await transact(ctx, 'engine', (tx) => rescreenOf(tx, ctx, userId));
  }
}

/** What names a screening, and the customer it was about. */
type Screened = { readonly screeningId: PgColumn; readonly userId: PgColumn | SQL };

/**
 * A payee is stale where its screening named other list versions, another configuration or another program than those
 * that screen now, or there is none; also where a hit it found means something else since, because its list was given another purpose or
 * effect, and where what two people said a payee or payer of this person is not has ended since. Without any active list nobody
 * is: a screening against nothing finds nothing out.
 */
export function staleScreening(configHash: string, { screeningId, userId }: Screened): SQL {
  return sql`exists (
  select 1 from (
    select jsonb_object_agg(id, active_version_id) as versions from screening_lists
    where active_version_id is not null
  ) active
  left join screenings s on s.id = ${screeningId}
  where active.versions is not null and (s.list_versions is distinct from active.versions
    or s.config_hash is distinct from ${configHash} or s.algorithm_version is distinct from ${screeningAlgorithm}
    or exists (
      select 1 from whitelist_entries w
      where w.user_id = ${userId} and w.party ~ '^pay(ee|er):' and w.ended_at >= s.checked_at)
    or exists (
      select 1 from screening_matches m join list_entities e on e.id = m.entity_id
        join screening_lists l on l.id = e.list_id
      where m.screening_id = s.id and l.meaning_changed_at >= s.checked_at)))`;
}

const stale = (configHash: string): SQL => staleScreening(configHash, beneficiaries);

/** Owners of stale payees, in the order of their ids. */
async function staleOwners(ctx: Ctx, after: Id | undefined): Promise<readonly Id[]> {
  return transact(ctx, 'engine', async (tx) => {
    const { configHash } = await activeConfig(tx);
    const rows = await tx.execute<{ user_id: Id }>(sql`
      select distinct user_id from beneficiaries
      where status = 'active' and user_id > ${after ?? '00000000-0000-0000-0000-000000000000'}::uuid
        and ${stale(configHash)}
      order by user_id limit ${BATCH}`);
    return rows.map((row) => row.user_id);
  });
}

/** The gate first, then the payees: the order in which a payout takes them. Who waited for it finds what is left. */
async function rescreenOf(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  // Who was erased has no name left to screen, and a gate that lets nothing out.
  if ((await ctx.deps.personKeys.find(tx, userId)) === undefined) {
    return;
  }
  await lockGateExclusively(tx, userId);
  const found = await stalePayeesOf(tx, userId);
  for (const { screened, payees } of await bySubject(tx, ctx, userId, found)) {
    const { screeningId, isClear } = await screenPayee(tx, ctx, screened);
    const ids = payees.map((payee) => payee.id);
    const locked = (await lockRows(tx, beneficiaries, ids)).filter((payee) => payee.status === 'active');
    for (const before of locked) {
      await keep(tx, ctx, before, screeningId, isClear);
    }
  }
}

async function stalePayeesOf(tx: Tx, userId: Id): Promise<readonly Beneficiary[]> {
  const { configHash } = await activeConfig(tx);
  return tx
    .select()
    .from(beneficiaries)
    .where(and(eq(beneficiaries.userId, userId), eq(beneficiaries.status, 'active'), stale(configHash)));
}

/** Payees that are screened as one: those who differ in nothing that a list names. */
async function bySubject(tx: Tx, ctx: Ctx, userId: Id, payees: readonly Beneficiary[]) {
  const subjects = new Map<string, { screened: ReturnType<typeof payeeToScreen>; payees: Beneficiary[] }>();
  for (const payee of payees) {
    const screened = payeeToScreen(userId, await destinationOfBeneficiary(tx, ctx, payee));
    const known = subjects.get(JSON.stringify(screened));
    if (known === undefined) {
      subjects.set(JSON.stringify(screened), { screened, payees: [payee] });
    } else {
      known.payees.push(payee);
    }
  }
  return subjects.values();
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
