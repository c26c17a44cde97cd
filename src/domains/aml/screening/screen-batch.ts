import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import { caseLogin } from '../case-login.ts';
import { refuseAml } from '../errors.ts';
import type { ScreeningMatch, ScreeningResult } from '../match.ts';
import { verdictOf, worstOf } from '../rules.ts';
import type { ScreeningSubject } from '../score.ts';
import { type ActiveLists, activeLists, refreshScreener, screenAgainst } from '../screener.ts';
import { inTurns } from './in-turns.ts';
import { type KeptSubject, keepScreenings, type Screening } from './keep-screenings.ts';

/** A subject with every name they go by. */
export type NamedSubject = Omit<ScreeningSubject, 'name'> & {
  readonly names: readonly [string, ...string[]];
};

/** One subject of a batch, by whatever the caller calls it. */
export type BatchSubject = { readonly reference: string; readonly subject: NamedSubject };

export type BatchResult = {
  readonly reference: string;
  readonly screening: Screening;
  /** Why it could not be screened; null where it was. */
  readonly refusal: string | null;
  readonly matches: readonly ScreeningMatch[];
};

/**
 * Screens many subjects who are no customers. Each is kept as evidence of its own, also one whose name is no
 * name; no gate is touched. The comparing is done before the transaction and leaves room for other requests.
 * @effects rows of `screenings` and `screening_matches`; audit `screening.completed` for each, and
 *   `screening_batch.completed`
 * @errors no_active_list
 * @shape the results in the order given
 */
export async function screenBatch(ctx: Ctx, batch: readonly BatchSubject[]): Promise<readonly BatchResult[]> {
  const lists = await listsNow(ctx);
  const compared = await inTurns(batch, ({ subject }) => compare(lists, subject));
  return transact(ctx, caseLogin(ctx), async (tx) => {
    const kept = await keepScreenings(
      tx,
      ctx,
      lists,
      compared.map(({ subject, verdict }) => ({
        userId: null,
        trigger: 'batch',
        subject,
        verdict,
        nextCheckDueAt: null,
      })),
    );
    const found = kept.filter(({ result }) => result === 'alert').length;
    await record(tx, ctx, {
      event: AML_EVENTS['screening_batch.completed'],
      resource: { type: 'screening_batch', id: newId() },
      subjectUserId: null,
      after: { subjects: kept.length, found },
    });
    return kept.map((screening, place) => ({
      reference: batch[place]?.reference ?? '',
      screening,
      refusal: compared[place]?.refusal ?? null,
      matches: compared[place]?.verdict.matches ?? [],
    }));
  });
}

/**
 * Screens a subject who is no customer; evidence is kept, no gate is touched.
 * @effects `screenings`, `screening_matches`; audit
 * @errors no_active_list, name_unusable
 */
export async function screenSubject(ctx: Ctx, subject: NamedSubject): Promise<Screening> {
  const lists = await listsNow(ctx);
  const compared = compare(lists, subject);
  if (compared.refusal !== null) {
    throw refuseAml('name_unusable', { detail: compared.refusal });
  }
  return transact(ctx, caseLogin(ctx), async (tx) => {
    const done = { userId: null, trigger: 'manual', nextCheckDueAt: null, ...compared };
    const [screening] = await keepScreenings(tx, ctx, lists, [done]);
    return present(screening, 'one screening was kept');
  });
}

/** @errors no_active_list */
async function listsNow(ctx: Ctx): Promise<ActiveLists> {
  await refreshScreener(ctx);
  const lists = await transact(ctx, caseLogin(ctx), (tx) => activeLists(ctx.deps, tx));
  if (Object.keys(lists.versions).length === 0) {
    throw refuseAml('no_active_list');
  }
  return lists;
}

function compare(lists: ActiveLists, { names, ...about }: NamedSubject) {
  const [name, ...otherNames] = names;
  const outcomes = names.map((one) => screenAgainst(lists, { ...about, name: one }));
  const failed = outcomes.find((outcome): outcome is Refused => !outcome.ok);
  const subject: KeptSubject = { ...about, name, ...(otherNames.length === 0 ? {} : { otherNames }) };
  const verdict = worstOf(outcomes.map(verdictOf));
  const matches = verdict.matches.slice(0, lists.config.matchesMax);
  return { subject, verdict: { ...verdict, matches }, refusal: failed?.code ?? null };
}

type Refused = Extract<ScreeningResult, { ok: false }>;
