import { and, asc, eq, gt, isNull, lte } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { Job } from '../../../platform/domain.ts';
import { caseLogin } from '../case-login.ts';
import { lockedGate, screenLocked } from '../screen.ts';
import { refreshScreener } from '../screener.ts';
import { whitelistEntries } from './schema.ts';
import { endWhitelistEntry } from './without-whitelisted.ts';

/** People looked up at once; each is looked at in a transaction of their own. */
const BATCH = 500;

const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Ends what is over and screens those it was about, so that no hit stays hidden by what nobody agreed to any more. */
export const expireWhitelistJob: Job = {
  name: 'aml.expire-whitelist',
  cron: '23 * * * *',
  run: expireWhitelist,
};

/**
 * Ends what is over, person by person, each with the screening it makes needed: whoever cannot be screened keeps
 * their entries for the next run and keeps nobody else from theirs.
 * @effects `whitelist_entries`, and what screenings do; audit `aml_whitelist.ended`
 * @errors the first failure, once everybody else was looked at
 */
export async function expireWhitelist(ctx: Ctx): Promise<void> {
  await refreshScreener(ctx);
  const failures: unknown[] = [];
  let people: readonly Id[] = [];
  do {
    people = await overdueAfter(ctx, people.at(-1) ?? NOBODY);
    for (const userId of people) {
      try {
        await transact(ctx, caseLogin(ctx), (tx) => expireOf(tx, ctx, userId));
      } catch (error) {
        failures.push(error);
      }
    }
  } while (people.length === BATCH);
  if (failures.length > 0) {
    throw failures[0];
  }
}

/** People with an entry that is over, in the order of their ids. */
async function overdueAfter(ctx: Ctx, after: Id): Promise<readonly Id[]> {
  const rows = await transact(ctx, caseLogin(ctx), (tx) =>
    tx
      .selectDistinct({ userId: whitelistEntries.userId })
      .from(whitelistEntries)
      .where(and(isOver(ctx), gt(whitelistEntries.userId, after)))
      .orderBy(asc(whitelistEntries.userId))
      .limit(BATCH),
  );
  return rows.map(({ userId }) => userId);
}

/** The end and the screening are one: an entry that ended unscreened would be nobody's to find again. */
async function expireOf(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const gate = await lockedGate(tx, userId);
  const over = await tx
    .select()
    .from(whitelistEntries)
    .where(and(eq(whitelistEntries.userId, userId), isOver(ctx)));
  for (const entry of over) {
    await endWhitelistEntry(tx, ctx, entry, 'expired');
  }
  if (over.length > 0) {
    await screenLocked(tx, ctx, gate, 'whitelist_ended');
  }
}

function isOver(ctx: Ctx) {
  return and(isNull(whitelistEntries.endedAt), lte(whitelistEntries.expiresAt, ctx.deps.clock.now()));
}
