import { asc, inArray } from 'drizzle-orm';
import { openJson } from '../../../platform/crypto/seal.ts';
import { type Opening, personalRows } from '../../../platform/privacy/personal-rows.ts';
import type { ScreeningMatch } from '../match.ts';
import { screeningMatches, screenings } from '../schema.ts';
import type { ScreeningSubject } from '../score.ts';
import { explanationPlace, screeningPlace } from '../screening-place.ts';

/** The screenings of a person with their matches. */
export const personalScreenings = personalRows(screenings, { keys: ['checkedAt', 'id'], more: opened });

async function opened(rows: readonly (typeof screenings.$inferSelect)[], { tx, key }: Opening) {
  const ids = rows.map((screening) => screening.id);
  const matches =
    ids.length === 0
      ? []
      : await tx
          .select()
          .from(screeningMatches)
          .where(inArray(screeningMatches.screeningId, ids))
          .orderBy(asc(screeningMatches.screeningId), asc(screeningMatches.rank));
  return rows.map(({ id, subject }) => ({
    subject: key === undefined ? null : openJson<ScreeningSubject>(key, screeningPlace(id), subject),
    matches: matches
      .filter((match) => match.screeningId === id)
      .map(({ explanation, ...match }) => ({
        ...match,
        explanation:
          key === undefined
            ? null
            : openJson<ScreeningMatch['features']>(key, explanationPlace(match.id), explanation),
      })),
  }));
}
