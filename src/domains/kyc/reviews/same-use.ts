/**
 * Which papers serve one use of one person, and until when. Pure. A paper is looked at as a whole, and a reviewer who
 * accepted one side accepted the card. What nobody accepted neither renews anything nor speaks for anybody.
 */
import { isIdentity } from '../rules.ts';
import { type Paper, wholeUntil } from '../whole-paper.ts';

/**
 * A document with the status it has by the approval of its application: what was handed in before items were kept is
 * all that its approval rests on, and was accepted with it.
 */
export function asApproved<Row extends Pick<Paper, 'status'>>(
  document: Row,
  { requirementSet }: { readonly requirementSet: number | null },
): Row {
  const restsOnIt = requirementSet === null && document.status === 'uploaded';
  return restsOnIt ? { ...document, status: 'accepted' } : document;
}

/**
 * Until when a paper, or another accepted one of the same application that serves the same use, is good: who showed a
 * passport until 2030 has lost nothing with the one of 2020. Null where none says a day.
 * @units YYYY-MM-DD
 */
export function goodUntil(document: Paper, all: readonly Paper[]): string | null {
  const same = all.filter(
    (other) =>
      other.applicationId === document.applicationId &&
      other.status === 'accepted' &&
      serveOneUse(other, document),
  );
  const days = [document, ...same].flatMap((paper) => wholeUntil(paper, all) ?? []);
  return days.toSorted().at(-1) ?? null;
}

/**
 * Whether a document takes the place of an older one, whichever was uploaded first: accepted, of the same or a later
 * application, for the same use of the same person, and good for longer. One of identity that says no day renews
 * nothing: nobody knows until when it is good.
 * @shape all holds the documents of both applications
 */
export function renews(document: Paper, old: Paper, all: readonly Paper[]): boolean {
  const isLater = document.applicationId > old.applicationId;
  const isLate = !isLater && document.applicationId !== old.applicationId;
  if (isLate || document.status !== 'accepted' || !serveOneUse(document, old)) {
    return false;
  }
  const [until, before] = [wholeUntil(document, all), wholeUntil(old, all)];
  return until === null ? isLater && !isIdentity(old.type) : until > (before ?? '');
}

function serveOneUse(one: Paper, other: Paper): boolean {
  const isOne = one.type === other.type || (isIdentity(one.type) && isIdentity(other.type));
  return isOne && one.partyId === other.partyId;
}
