import { asc, inArray, sql } from 'drizzle-orm';
import { type Instant, parseInstant } from '../../kernel/time.ts';
import { openJson } from '../../platform/crypto/seal.ts';
import type { PersonalData } from '../../platform/domain.ts';
import { type Opening, personalRows } from '../../platform/privacy/personal-rows.ts';
import type { ScreeningMatch } from './match.ts';
import { amlAlerts, screeningMatches, screenings } from './schema.ts';
import type { ScreeningSubject } from './score.ts';
import { explanationPlace, screeningPlace } from './screen.ts';

/** What AML holds on a person: nothing of it is ever shown to them (no tipping off). */
export const personalScreenings: PersonalData = {
  name: 'aml',
  recordClass: 'supervision',
  tables: ['screenings', 'aml_alerts'],
  restricted: true,
  sections: {
    screenings: personalRows(screenings, { keys: ['checkedAt', 'id'], more: opened }),
    alerts: personalRows(amlAlerts, { keys: ['id'] }),
  },
  keptSince: async (tx, userId): Promise<Instant | null> => {
    const [last] = await tx.execute<{ at: string | null }>(sql`
      select max(greatest(created_at, resolved_at))::text as at from aml_alerts where user_id = ${userId}`);
    return last?.at ? parseInstant(last.at) : null;
  },
};

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
