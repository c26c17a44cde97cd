/**
 * What somebody has to show, and what of it is shown. Pure: rows of the set in force and what is known of the
 * applicant go in. More is asked where more holds, never less: whatever the level asks for stays asked for.
 */
import { isExpired } from '../rules.ts';
import type { kycDocuments } from '../schema.ts';
import { wholeUntil } from '../whole-paper.ts';
import type { kycRequirements } from './schema.ts';

type RequirementRow = Pick<
  typeof kycRequirements.$inferSelect,
  'level' | 'applicantKind' | 'nationality' | 'riskLevel' | 'onlyPep' | 'item' | 'alternatives' | 'maxAgeDays'
>;

export type ApplicantFacts = {
  readonly level: RequirementRow['level'];
  readonly applicantKind: string;
  /** @units ISO 3166-1 alpha-3 */
  readonly nationality: string;
  /** Null where nobody has rated them. */
  readonly risk: string | null;
  readonly politicallyExposed: boolean;
};

/** Somebody behind a legal person who has to be identified, once however many parts they have. */
export type PersonBehind = {
  /** Their parties, oldest first. */
  readonly partyIds: readonly [string, ...string[]];
  /** @units ISO 3166-1 alpha-3 */
  readonly nationality: string;
  /** Whether it is the one who declares, who shows documents as themself. */
  readonly isApplicant: boolean;
};

/** One thing to show: any one of the alternatives. */
export type RequiredItem = {
  readonly item: string;
  /** Types of document, or `declaration:` and a kind. */
  readonly alternatives: readonly string[];
  /** @units days */
  readonly maxAgeDays: number | null;
  /** Whose documents show it: parties of a legal person; null for who declares. */
  readonly of: readonly (string | null)[];
};

export type ShownDocument = Pick<
  typeof kycDocuments.$inferSelect,
  | 'id'
  | 'type'
  | 'status'
  | 'issuedOn'
  | 'expiresOn'
  | 'removedAt'
  | 'partyId'
  | 'applicationId'
  | 'side'
  | 'numberIndex'
>;

export type ShownDeclaration = { readonly id: string; readonly kind: string };

/** An item and what shows it; both null where nothing does. */
export type ShownItem = RequiredItem & {
  readonly documentId: string | null;
  readonly declarationId: string | null;
};

const DECLARATION = 'declaration:';

/** What this applicant has to show; what several rows say of one item is joined. @shape in the rows' order */
export function requirementsFor(
  rows: readonly RequirementRow[],
  facts: ApplicantFacts,
): readonly RequiredItem[] {
  const items: RequiredItem[] = [];
  for (const row of rows.filter((one) => appliesTo(one, facts))) {
    const at = items.findIndex(({ item }) => item === row.item);
    const known = items[at];
    if (known === undefined) {
      const { item, alternatives, maxAgeDays } = row;
      items.push({ item, alternatives, maxAgeDays, of: [null] });
      continue;
    }
    const both = known.alternatives.filter((one) => row.alternatives.includes(one));
    if (both.length === 0) {
      items.push({
        item: freeName(items, row.item),
        alternatives: row.alternatives,
        maxAgeDays: row.maxAgeDays,
        of: [null],
      });
    } else {
      items[at] = {
        ...known,
        alternatives: both,
        maxAgeDays: stricterAge(known.maxAgeDays, row.maxAgeDays),
      };
    }
  }
  return items;
}

/** What each person behind a legal one has to show. @shape in the order of people, then of rows */
export function requirementsOfPeople(
  rows: readonly RequirementRow[],
  facts: ApplicantFacts,
  people: readonly PersonBehind[],
): readonly RequiredItem[] {
  return people.flatMap(({ partyIds, nationality, isApplicant }) =>
    requirementsFor(rows, {
      ...facts,
      applicantKind: 'party',
      nationality,
      politicallyExposed: false,
    }).map((item) => ({
      ...item,
      item: `${item.item}_${partyIds[0]}`,
      of: isApplicant ? [...partyIds, null] : partyIds,
    })),
  );
}

/**
 * What is shown for each item: the newest usable document or declaration.
 * @units today YYYY-MM-DD
 */
export function shownItems(
  required: readonly RequiredItem[],
  documents: readonly ShownDocument[],
  declarations: readonly ShownDeclaration[],
  today: string,
): readonly ShownItem[] {
  return required.map((item) => {
    const document = documents
      .filter(({ type, partyId }) => item.alternatives.includes(type) && item.of.includes(partyId))
      .findLast((one) => isUsable(one, documents, item.maxAgeDays, today));
    const declaration = declarations.findLast(({ kind }) =>
      item.alternatives.includes(`${DECLARATION}${kind}`),
    );
    return { ...item, documentId: document?.id ?? null, declarationId: declaration?.id ?? null };
  });
}

/** Whether nothing shows it. */
export function isMissing({ documentId, declarationId }: ShownItem): boolean {
  return documentId === null && declarationId === null;
}

/** What is still to be shown, in words for its applicant. */
export function missingInWords(missing: readonly RequiredItem[]): string {
  const words = missing.map(({ alternatives, maxAgeDays, of: [party] }) => {
    const any = alternatives.map((one) => one.replace(DECLARATION, 'the declaration ')).join(' or ');
    const whose = party === null || party === undefined ? any : `${any} of the party ${party}`;
    return maxAgeDays === null ? whose : `${whose} (not older than ${maxAgeDays} days)`;
  });
  return `Upload ${words.join('; ')}.`;
}

/**
 * Whether a document counts: not refused, not taken back, not expired by either side of it and not too old. One that
 * says no day of issue is not too old; a reviewer is told.
 * @shape all holds the documents of its application
 * @units today YYYY-MM-DD
 */
export function isUsable(
  document: ShownDocument,
  all: readonly ShownDocument[],
  maxAgeDays: number | null,
  today: string,
): boolean {
  const counts = document.status === 'uploaded' || document.status === 'accepted';
  return (
    counts &&
    document.removedAt === null &&
    !isExpired({ expiresOn: wholeUntil(document, all) }, today) &&
    !isTooOld(document.issuedOn, maxAgeDays, today)
  );
}

function isTooOld(issuedOn: string | null, maxAgeDays: number | null, today: string): boolean {
  if (issuedOn === null || maxAgeDays === null) {
    return false;
  }
  const oldest = Temporal.PlainDate.from(today).subtract({ days: maxAgeDays }).toString();
  return issuedOn < oldest;
}

function appliesTo(row: RequirementRow, facts: ApplicantFacts): boolean {
  return (
    row.level === facts.level &&
    row.applicantKind === facts.applicantKind &&
    (row.nationality === null || row.nationality === facts.nationality) &&
    (row.riskLevel === null || row.riskLevel === askedAs(facts.risk)) &&
    (!row.onlyPep || facts.politicallyExposed)
  );
}

/** Whoever may not be served as they stand has to show no less than a high risk. */
function askedAs(risk: string | null): string | null {
  return risk === 'prohibited' ? 'high' : risk;
}

function freeName(items: readonly RequiredItem[], item: string): string {
  let place = 2;
  while (items.some((one) => one.item === `${item}_${place}`)) {
    place += 1;
  }
  return `${item}_${place}`;
}

function stricterAge(left: number | null, right: number | null): number | null {
  if (left === null || right === null) {
    return left ?? right;
  }
  return Math.min(left, right);
}
