import type { Id } from '../../kernel/id.ts';

/** What a screening's sealed subject is bound to. */
export function screeningPlace(screeningId: Id) {
  return { table: 'screenings', column: 'subject', rowId: screeningId };
}

/** What a match's sealed explanation is bound to. */
export function explanationPlace(matchId: Id) {
  return { table: 'screening_matches', column: 'explanation', rowId: matchId };
}
