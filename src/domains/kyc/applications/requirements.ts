/**
 * What somebody has to show, and what of it is shown. Pure: rows of the set in force and what is known of the
 * applicant go in. More is asked where more holds, never less: whatever the level asks for stays asked for.
 */
import { isExpired } from '../rules.ts';
import type { kycDocuments } from '../schema.ts';
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

/** One thing to show: any one of the alternatives. */
export type RequiredItem = {
  readonly item: string;
  /** Types of document, or `declaration:` and a kind. */
  readonly alternatives: readonly string[];
  /** @units days */
  readonly maxAgeDays: number | null;
};

export type ShownDocument = Pick<
  typeof kycDocuments.$inferSelect,
  'id' | 'type' | 'status' | 'issuedOn' | 'expiresOn' | 'removedAt'
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
      items.push({ item: row.item, alternatives: row.alternatives, maxAgeDays: row.maxAgeDays });
      continue;
    }
    const both = known.alternatives.filter((one) => row.alternatives.includes(one));
    if (both.length === 0) {
      items.push({
        item: freeName(items, row.item),
        alternatives: row.alternatives,
        maxAgeDays: row.maxAgeDays,
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
      .filter(({ type }) => item.alternatives.includes(type))
      .findLast((one) => isUsable(one, item.maxAgeDays, today));
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
  const words = missing.map(({ alternatives, maxAgeDays }) => {
    const any = alternatives.map((one) => one.replace(DECLARATION, 'the declaration ')).join(' or ');
    return maxAgeDays === null ? any : `${any} (not older than ${maxAgeDays} days)`;
  });
  return `Upload ${words.join('; ')}.`;
}

/**
 * Whether a document counts: not refused, not taken back, not expired and not too old. One that says no day of
 * issue is not too old; a reviewer is told.
 * @units today YYYY-MM-DD
 */
export function isUsable(document: ShownDocument, maxAgeDays: number | null, today: string): boolean {
  const counts = document.status === 'uploaded' || document.status === 'accepted';
  return (
    counts &&
    document.removedAt === null &&
    !isExpired(document, today) &&
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
    (row.riskLevel === null || row.riskLevel === facts.risk) &&
    (!row.onlyPep || facts.politicallyExposed)
  );
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
