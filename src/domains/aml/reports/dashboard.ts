import { sql } from 'drizzle-orm';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { customerFigures } from '../../kyc/index.ts';
import { dashboardClosings, dashboardLists, dashboardWork } from './dashboard-parts.ts';
import { yearsUnplanned } from './holidays.ts';

const DAY_MS = 86_400_000;

/** What whoever answers for AML has to see at a glance. Counts of now; nobody is named. */
export async function getDashboard(ctx: Ctx) {
  const now = ctx.deps.clock.now();
  return transact(ctx, 'staff', async (tx) => ({
    at: now,
    ...(await dashboardWork(tx, now)),
    ...(await dashboardClosings(tx, now)),
    lists: await dashboardLists(tx, now),
    rescreening: await rescreeningOf(tx, now),
    customers: await customerFigures(tx, now),
    gates: await gatesOf(tx),
    standing: await standingOf(tx, now),
    vendor: await vendorOf(tx),
    yearsWithoutMovableHolidays: await yearsUnplanned(tx, now),
  }));
}

async function rescreeningOf(tx: Tx, now: Instant) {
  const [run] = await tx.execute<{
    id: string;
    cause: string;
    status: string;
    total: number;
    done: number;
    hits: number;
  }>(sql`
    select id, cause, status, total, done, hits from rescreening_runs order by started_at desc, id desc limit 1`);
  const [people] = await tx.execute<{ screened: number; due: number }>(sql`
    select count(*)::int as screened, count(*) filter (where next_due_at < ${now})::int as due
    from screening_standings`);
  return {
    newestRun:
      run === undefined
        ? null
        : {
            id: run.id,
            cause: run.cause,
            status: run.status,
            total: run.total,
            done: run.done,
            hits: run.hits,
          },
    peopleScreened: people?.screened ?? 0,
    peopleDue: people?.due ?? 0,
  };
}

async function gatesOf(tx: Tx) {
  const [gates] = await tx.execute<{ open: number; confirmed: number }>(sql`
    select count(*) filter (where screening = 'open')::int as open,
      count(*) filter (where screening = 'confirmed')::int as confirmed from customer_gates`);
  const restricted = await tx.execute<{ restriction: string; cause: string; count: number }>(sql`
    select restriction::text as restriction, cause, count(distinct user_id)::int as count
    from gate_restrictions where lifted_at is null
    group by restriction, cause order by restriction, cause`);
  return {
    screeningOpen: gates?.open ?? 0,
    screeningConfirmed: gates?.confirmed ?? 0,
    restricted: restricted.map(({ restriction, cause, count }) => ({ restriction, cause, customers: count })),
  };
}

/** What was let pass for a time, and how much of it ends soon. */
async function standingOf(tx: Tx, now: Instant) {
  const soon = addMs(now, 30 * DAY_MS);
  const [snoozes] = await tx.execute<{ standing: number; ending: number }>(sql`
    select count(*)::int as standing, count(*) filter (where until < ${soon})::int as ending
    from rule_snoozes where ended_at is null and until > ${now}`);
  const [entries] = await tx.execute<{ standing: number; ending: number }>(sql`
    select count(*)::int as standing, count(*) filter (where expires_at < ${soon})::int as ending
    from whitelist_entries where ended_at is null and expires_at > ${now}`);
  return {
    snoozes: { standing: snoozes?.standing ?? 0, endingWithin30Days: snoozes?.ending ?? 0 },
    whitelist: { standing: entries?.standing ?? 0, endingWithin30Days: entries?.ending ?? 0 },
  };
}

async function vendorOf(tx: Tx) {
  const [requests] = await tx.execute<{ waiting: number; failing: number; abandoned: number }>(sql`
    select count(*) filter (where status = 'waiting')::int as waiting,
      count(*) filter (where status = 'waiting' and failures > 0)::int as failing,
      count(*) filter (where status = 'abandoned')::int as abandoned from vendor_requests`);
  return {
    waiting: requests?.waiting ?? 0,
    failing: requests?.failing ?? 0,
    abandoned: requests?.abandoned ?? 0,
  };
}
