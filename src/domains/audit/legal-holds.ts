/**
 * Legal holds as people work with them. A hold on a person is restricted: nobody but examiners learns of
 * it, and they not of one on themselves. Placing takes one person, since it only keeps; releasing takes two.
 */
import type { z } from '@hono/zod-openapi';
import { and, desc, eq, isNotNull, isNull, lt, ne, or, type SQL } from 'drizzle-orm';
import { personOf, type Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx, Deps } from '../../platform/context.ts';
import { openText, sealText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { personKeys } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { type LegalHold, lockHolds } from '../../platform/privacy/legal-holds.ts';
import { legalHolds } from '../../platform/privacy/schema.ts';
import type { LegalHoldView, legalHoldQuery, NewLegalHold } from './retention-api.ts';
import { RETENTION_EVENTS } from './retention-events.ts';

/** Who keeps records from destruction, sets how long they are kept, and decides on what is due. */
export const KEEPERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];

type HoldView = z.output<typeof LegalHoldView>;

/**
 * Places a hold. Whatever is being destroyed at this moment is finished before it, or sees it.
 * @effects one row of `legal_holds`; audit `legal_hold.placed`
 * @errors forbidden (on oneself), not_found (nobody, or somebody erased)
 */
export async function placeHold(ctx: Ctx, input: z.output<typeof NewLegalHold>): Promise<HoldView> {
  const userId = input.scope === 'user' ? input.userId : null;
  const placedBy = present(personOf(ctx.actor), 'a hold is placed by a person');
  if (userId === placedBy) {
    throw refuse('forbidden');
  }
  return transact(ctx, 'engine', async (tx) => {
    await lockHolds(tx);
    if (userId !== null) {
      await refuseNobody(tx, userId);
    }
    const id = newId();
    const { house } = ctx.deps.keyring;
    const [hold] = await tx
      .insert(legalHolds)
      .values({
        id,
        scope: input.scope,
        userId,
        periodFrom: input.scope === 'period' ? input.from : null,
        periodTo: input.scope === 'period' ? input.to : null,
        reference: sealText(house, holdPlace(id, 'reference'), input.reference),
        reason: sealText(house, holdPlace(id, 'reason'), input.reason),
        placedBy,
        placedAt: ctx.deps.clock.realNow(),
      })
      .returning();
    const placed = present(hold, 'the hold was inserted');
    await record(tx, ctx, {
      event: RETENTION_EVENTS['legal_hold.placed'],
      resource: { type: 'legal_hold', id },
      subjectUserId: userId,
      after: placed,
    });
    return viewOf(ctx.deps, placed);
  });
}

/** Newest first. @errors invalid_cursor */
export async function listHolds(ctx: Ctx, query: z.output<typeof legalHoldQuery>): Promise<Page<HoldView>> {
  const { limit, cursor, userId, status } = query;
  const key = ctx.deps.keyring.cursorKey;
  const listing = `legal-holds ${userId ?? ''} ${status ?? ''}`;
  const [after] = cursor === undefined ? [] : readCursor(key, listing, cursor);
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx
      .select()
      .from(legalHolds)
      .where(
        and(
          notOnReader(ctx),
          userId === undefined ? undefined : eq(legalHolds.userId, userId),
          status === undefined ? undefined : inStatus(status),
          after === undefined ? undefined : lt(legalHolds.id, after as Id),
        ),
      )
      .orderBy(desc(legalHolds.id))
      .limit(limit + 1);
    const page = cutPage(key, listing, rows, limit, (hold) => [hold.id]);
    return { ...page, data: page.data.map((hold) => viewOf(ctx.deps, hold)) };
  });
}

/** @errors not_found */
export async function getHold(ctx: Ctx, holdId: Id): Promise<HoldView> {
  return transact(ctx, ctx.login, async (tx) => viewOf(ctx.deps, await findHold(tx, ctx, holdId)));
}

/** A hold the caller may know of. @errors not_found */
export async function findHold(tx: Tx, ctx: Ctx, holdId: Id): Promise<LegalHold> {
  const [hold] = await tx
    .select()
    .from(legalHolds)
    .where(and(eq(legalHolds.id, holdId), notOnReader(ctx)));
  if (hold === undefined) {
    throw refuse('not_found');
  }
  return hold;
}

/** Where the words of a hold are sealed, under the house's key. */
export function holdPlace(rowId: Id, column: 'reference' | 'reason') {
  return { table: 'legal_holds', column, rowId };
}

/** The key says whether there is something of a person to keep; the database's, since a node may remember it. */
async function refuseNobody(tx: Tx, userId: Id): Promise<void> {
  const keys = await tx
    .select({ id: personKeys.keyId })
    .from(personKeys)
    .where(eq(personKeys.userId, userId));
  if (keys.length === 0) {
    throw refuse('not_found');
  }
}

function notOnReader(ctx: Ctx): SQL | undefined {
  const personId = present(personOf(ctx.actor), 'holds are read by people');
  return or(isNull(legalHolds.userId), ne(legalHolds.userId, personId));
}

function inStatus(status: 'active' | 'released'): SQL {
  return status === 'active' ? isNull(legalHolds.releasedAt) : isNotNull(legalHolds.releasedAt);
}

function viewOf({ keyring }: Deps, hold: LegalHold): HoldView {
  return {
    ...hold,
    status: hold.releasedAt === null ? 'active' : 'released',
    from: hold.periodFrom,
    to: hold.periodTo,
    reference: openText(keyring.house, holdPlace(hold.id, 'reference'), hold.reference),
    reason: openText(keyring.house, holdPlace(hold.id, 'reason'), hold.reason),
  };
}
