import { sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { dayOf } from '../../kernel/business-date.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';

/** Nobody signs a day, nor takes the instant that a run knows of, until what is posted by hand is there: before any other lock. */
export async function holdSignedDays(tx: Tx, ctx: Ctx): Promise<void> {
  await lockExclusive(tx, [`reconciliation:${ctx.deps.firmName}`]);
}

/**
 * Whether the reconciliation of a day, or of a later one, was signed: what two people signed stays as they saw it.
 * Nobody signs meanwhile. A day that is not over is open.
 */
export async function isDayClosed(tx: Tx, ctx: Ctx, day: string): Promise<boolean> {
  const { clock, timeZone, firmName } = ctx.deps;
  if (day >= dayOf(clock.now(), timeZone)) {
    return false;
  }
  await holdSignedDays(tx, ctx);
  const [row] = await tx.execute<{ day: string | null }>(sql`select last_signed_day(${firmName}) as day`);
  const signed = present(row, 'a function says one thing').day;
  return signed !== null && day <= signed;
}

/** The day a correction counts from: that of what it corrects, and today where that one is closed. @units YYYY-MM-DD */
export async function correctionDay(tx: Tx, ctx: Ctx, day: string): Promise<string> {
  const { clock, timeZone } = ctx.deps;
  return (await isDayClosed(tx, ctx, day)) ? dayOf(clock.now(), timeZone) : day;
}
