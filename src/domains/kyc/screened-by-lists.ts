import { isDeepStrictEqual } from 'node:util';
import { and, asc, desc, eq, inArray, isNotNull, isNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { type DataKey, openJson, openText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import type { DeclarationInput } from './api.ts';
import { type Party, partiesOf } from './applications/parties-of.ts';
import { numberPlace } from './document-file.ts';
import { kycApplications, kycDocuments } from './schema.ts';
import { declarationPlace } from './store.ts';

/** What was handed in on a person that a list may name them by. */
export type HandedIn = {
  readonly declaration: DeclarationInput | undefined;
  /** What was declared in the application approved last, which nobody can edit; undefined where none was. */
  readonly approved: DeclarationInput | undefined;
  /** The numbers of their documents, each once. @units country ISO 3166-1 alpha-3 */
  readonly documents: readonly {
    readonly type: string;
    readonly number: string;
    readonly country: string | null;
  }[];
  /**
   * The legal person and everybody behind it, itself first: as handed in last, and as approved last where that says
   * something else; none for a natural person.
   */
  readonly parties: readonly Party[];
};

const NUMBERED = ['passport', 'national_id', 'driving_licence', 'residence_permit'] as const;

/**
 * Opens what people handed in last, for screening, and what was approved last: an application that was sent back can
 * be edited. A draft does not count: nobody has looked at it. Reads many people in four statements, and at most four
 * more for each legal person.
 * @shape one entry per person who handed something in and was not erased
 */
export async function screenedByLists(
  tx: Tx,
  ctx: Ctx,
  userIds: readonly Id[],
): Promise<ReadonlyMap<Id, HandedIn>> {
  const keys = await ctx.deps.personKeys.ofMany(tx, userIds);
  const people = [...keys.keys()];
  if (people.length === 0) {
    return new Map();
  }
  const applications = await tx
    .selectDistinctOn([kycApplications.userId], {
      id: kycApplications.id,
      userId: kycApplications.userId,
      declaration: kycApplications.declaration,
      company: kycApplications.company,
    })
    .from(kycApplications)
    .where(and(inArray(kycApplications.userId, people), isNotNull(kycApplications.submittedAt)))
    .orderBy(asc(kycApplications.userId), desc(kycApplications.id));
  const approved = await approvedLast(tx, people);
  const documents = await tx
    .select({
      id: kycDocuments.id,
      userId: kycDocuments.userId,
      type: kycDocuments.type,
      number: kycDocuments.number,
      country: kycDocuments.issuingCountry,
    })
    .from(kycDocuments)
    .innerJoin(kycApplications, eq(kycApplications.id, kycDocuments.applicationId))
    .where(
      and(
        inArray(kycDocuments.userId, people),
        inArray(kycDocuments.type, [...NUMBERED]),
        isNotNull(kycApplications.submittedAt),
        isNull(kycDocuments.removedAt),
        isNull(kycDocuments.partyId),
        isNotNull(kycDocuments.number),
      ),
    )
    .orderBy(asc(kycDocuments.id));
  const found = new Map<Id, HandedIn & { documents: Numbered[] }>();
  for (const { id, userId, declaration, company } of applications) {
    const key = keys.get(userId);
    if (key !== undefined) {
      const accepted = approved.get(userId);
      found.set(userId, {
        declaration: openDeclaration(key, { id, declaration }),
        approved: openDeclaration(key, accepted),
        documents: [],
        parties: await everyParty(tx, key, { id, company }, accepted),
      });
    }
  }
  for (const { id, userId, type, number, country } of documents) {
    const key = keys.get(userId);
    const person = found.get(userId);
    if (key === undefined || person === undefined || number === null) {
      continue;
    }
    const read = { type, number: openText(key, numberPlace(id), number), country };
    if (!person.documents.some((one) => one.type === read.type && one.number === read.number)) {
      person.documents.push(read);
    }
  }
  return found;
}

type Numbered = HandedIn['documents'][number];

type Sealed = Pick<typeof kycApplications.$inferSelect, 'id' | 'declaration'>;

type Behind = Pick<typeof kycApplications.$inferSelect, 'id' | 'company'>;

/** What a company says of its people anew is compared besides what it was approved with, not instead. */
async function everyParty(
  tx: Tx,
  key: DataKey,
  newest: Behind,
  approved: Behind | undefined,
): Promise<readonly Party[]> {
  const parties = await partiesOf(tx, key, newest);
  if (approved === undefined || approved.id === newest.id) {
    return parties;
  }
  const before = await partiesOf(tx, key, approved);
  const further = before.filter((party) => !parties.some((known) => saysTheSame(known, party)));
  return [...parties, ...further];
}

/** Whether lists would compare the same, whatever the part of each in the company is. */
function saysTheSame({ id: _one, role: _first, ...known }: Party, other: Party): boolean {
  const { id: _other, role: _second, ...said } = other;
  return isDeepStrictEqual(known, said);
}

async function approvedLast(tx: Tx, people: readonly Id[]): Promise<ReadonlyMap<Id, Sealed & Behind>> {
  const rows = await tx
    .selectDistinctOn([kycApplications.userId], {
      id: kycApplications.id,
      userId: kycApplications.userId,
      declaration: kycApplications.declaration,
      company: kycApplications.company,
    })
    .from(kycApplications)
    .where(and(inArray(kycApplications.userId, [...people]), eq(kycApplications.status, 'approved')))
    .orderBy(asc(kycApplications.userId), desc(kycApplications.decidedAt), desc(kycApplications.id));
  return new Map(rows.map((row) => [row.userId, row]));
}

function openDeclaration(key: DataKey, sealed: Sealed | undefined): DeclarationInput | undefined {
  return sealed === undefined
    ? undefined
    : openJson<DeclarationInput>(key, declarationPlace(sealed.id), sealed.declaration);
}
