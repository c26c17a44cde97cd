import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, openJson, SealError } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { screenings } from '../schema.ts';
import type { ScreeningSubject } from '../score.ts';
import type { KeptSubject } from '../screening/keep-screenings.ts';
import { subjectsOfMany, undisputed } from '../screening/subjects.ts';
import { screeningPlace } from '../screening-place.ts';
import type { VendorQuery } from './vendor.ts';

type Screening = typeof screenings.$inferSelect;

/** What a vendor is asked about one screening; `key` seals what it answers. */
export type Question = { readonly key: DataKey; readonly queries: readonly VendorQuery[] };

/** How many names of one subject are sent along. */
const NAMES_MAX = 20;
/** How many subjects of one screening are asked about, the customer's own first. */
const QUERIES_MAX = 100;

/**
 * What a vendor is to be asked about screenings whose people can be read: one who cannot be keeps nobody else from
 * being asked about.
 * @shape the questions, and the screenings of which nobody can read what they were about
 */
export async function readableQuestions(
  tx: Tx,
  ctx: Ctx,
  asked: readonly Screening[],
): Promise<{ readonly questions: ReadonlyMap<Id, Question>; readonly unreadable: ReadonlySet<Id> }> {
  try {
    return { questions: await questionsOf(tx, ctx, asked), unreadable: new Set() };
  } catch (error) {
    if (!(error instanceof SealError)) {
      throw error;
    }
  }
  const questions = new Map<Id, Question>();
  const unreadable = new Set<Id>();
  for (const screening of asked) {
    try {
      for (const [id, question] of await questionsOf(tx, ctx, [screening])) {
        questions.set(id, question);
      }
    } catch (error) {
      if (!(error instanceof SealError)) {
        throw error;
      }
      unreadable.add(screening.id);
    }
  }
  return { questions, unreadable };
}

/**
 * What a vendor is to be asked about screenings: whom each was about, everybody that customer stands for, and
 * whoever else was compared with them, such as a payee. Nothing of an account, a reason or an outcome goes along.
 * @shape by screening; none for whoever was erased
 */
async function questionsOf(
  tx: Tx,
  ctx: Ctx,
  asked: readonly Screening[],
): Promise<ReadonlyMap<Id, Question>> {
  const people = [...new Set(asked.flatMap(({ userId }) => userId ?? []))];
  const known = await subjectsOfMany(tx, ctx, people);
  const questions = new Map<Id, Question>();
  for (const screening of asked) {
    const { id, userId } = screening;
    const key = userId === null ? ctx.deps.keyring.house : await ctx.deps.personKeys.find(tx, userId);
    if (key === undefined || (userId !== null && !known.has(userId))) {
      continue;
    }
    const kept = openJson<KeptSubject>(key, screeningPlace(id), screening.subject);
    const subjects = userId === null ? undefined : known.get(userId);
    const queries =
      subjects === undefined
        ? [asQuery(kept, kept.otherNames)]
        : [
            asQuery(undisputed(subjects.own), subjects.own.slice(1).map(nameOf)),
            ...subjects.parties.map(({ subject }) => asQuery(subject)),
            ...strangers(kept, [...subjects.own, ...subjects.parties.map(({ subject }) => subject)]),
          ];
    const numbered = queries.slice(0, QUERIES_MAX).map((query, at) => ({ ...query, ref: `${id}.${at}` }));
    questions.set(id, { key, queries: numbered });
  }
  return questions;
}

type Unnumbered = Omit<VendorQuery, 'ref'>;

function asQuery({ name, ...subject }: ScreeningSubject, others: readonly string[] = []): Unnumbered {
  const { kind, birthDate, countries, gender, identifiers } = subject;
  return {
    names: [...new Set([name, ...others])].slice(0, NAMES_MAX),
    subject: {
      kind,
      ...(birthDate === undefined ? {} : { birthDate }),
      ...(countries === undefined ? {} : { countries }),
      ...(gender === undefined ? {} : { gender }),
      ...(identifiers === undefined ? {} : { identifiers }),
    },
  };
}

/** Names that were compared and are of none of the customer's own: somebody they pay, or were paid by. */
function strangers(kept: KeptSubject, own: readonly ScreeningSubject[]): readonly Unnumbered[] {
  const known = new Set(own.map(nameOf));
  return [kept.name, ...(kept.otherNames ?? [])]
    .filter((name) => !known.has(name))
    .map((name) => ({ names: [name], subject: { kind: 'unknown' as const } }));
}

function nameOf({ name }: ScreeningSubject): string {
  return name;
}
