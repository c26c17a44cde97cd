import { and, asc, desc, eq, lt } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { type DataKey, openJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { recordReads } from '../identity/index.ts';
import { AML_EVENTS } from './audit.ts';
import type { ListEntity } from './lists/entity.ts';
import type { ScreeningMatch } from './match.ts';
import { notAboutSelf } from './not-about-self.ts';
import { listEntities, listVersions, screeningLists, screeningMatches, screenings } from './schema.ts';
import type { ScreeningSubject } from './score.ts';
import { explanationPlace, screeningPlace } from './screening-place.ts';

/** Screenings, newest first. @errors invalid_cursor */
export async function listScreenings(ctx: Ctx, page: PageRequest) {
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = page.cursor === undefined ? [] : readCursor(key, 'screenings', page.cursor);
    const rows = await tx
      .select()
      .from(screenings)
      .where(
        and(
          notAboutSelf(ctx, screenings.userId),
          before === undefined ? undefined : lt(screenings.id, before),
        ),
      )
      .orderBy(desc(screenings.id))
      .limit(page.limit + 1);
    return cutPage(key, 'screenings', rows, page.limit, (row) => [row.id]);
  });
}

/**
 * A screening with its subject, its matches and what explains them; without the last where the person
 * was erased.
 * @effects audit `screening.read`
 * @errors not_found
 */
export async function getScreening(ctx: Ctx, screeningId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [screening] = await tx
      .select()
      .from(screenings)
      .where(and(notAboutSelf(ctx, screenings.userId), eq(screenings.id, screeningId)));
    if (screening === undefined) {
      throw refuse('not_found');
    }
    const key =
      screening.userId === null
        ? ctx.deps.keyring.house
        : await ctx.deps.personKeys.find(tx, screening.userId);
    const subject =
      key === undefined
        ? null
        : openJson<ScreeningSubject>(key, screeningPlace(screening.id), screening.subject);
    await recordReads(tx, ctx, [
      {
        event: AML_EVENTS['screening.read'],
        resource: { type: 'screening', id: screening.id },
        subjectUserId: screening.userId,
        after: screening,
      },
    ]);
    return { ...screening, subject, matches: await matchesOf(tx, key, screening.id) };
  });
}

async function matchesOf(tx: Tx, key: DataKey | undefined, screeningId: Id) {
  const rows = await tx
    .select({ match: screeningMatches, entity: listEntities, kind: screeningLists.kind })
    .from(screeningMatches)
    .innerJoin(listEntities, eq(listEntities.id, screeningMatches.entityId))
    .innerJoin(screeningLists, eq(screeningLists.id, listEntities.listId))
    .where(eq(screeningMatches.screeningId, screeningId))
    .orderBy(asc(screeningMatches.rank));
  return rows.map(({ match, entity, kind }) => {
    const listed = entity.record as ListEntity;
    return {
      ...match,
      score: match.scoreBps / 10_000,
      explanation:
        key === undefined
          ? []
          : openJson<ScreeningMatch['features']>(key, explanationPlace(match.id), match.explanation),
      listKind: kind,
      sourceId: entity.sourceId,
      primaryName: listed.names[0]?.name ?? '',
      programs: listed.programs,
    };
  });
}

/** The lists with their active versions. */
export async function listLists(ctx: Ctx) {
  return transact(ctx, 'staff', async (tx) => {
    const rows = await tx
      .select({ list: screeningLists, version: listVersions })
      .from(screeningLists)
      .leftJoin(listVersions, eq(listVersions.id, screeningLists.activeVersionId))
      .orderBy(asc(screeningLists.id));
    return rows.map(({ list, version }) => ({ ...list, activeVersion: version }));
  });
}
