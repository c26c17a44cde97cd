import { and, desc, eq, inArray, ne, sql } from 'drizzle-orm';
import { iso31661 } from 'iso-3166';
import { actorIdOf, personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { changeGate, type Gate, lockGateExclusively, lockGates, profileOf } from '../identity/index.ts';
import { submittedDeclaration } from '../kyc/index.ts';
import { AML_EVENTS } from './audit.ts';
import { caseLogin } from './case-login.ts';
import { screeningAlgorithm, screeningConfigDefault, screeningConfigHash } from './config.ts';
import { refuseAml } from './errors.ts';
import { gateAfterScreening, type ScreeningVerdict, verdictOf, waitsForScreening, worstOf } from './rules.ts';
import { amlAlerts, screeningMatches, screenings } from './schema.ts';
import type { ScreeningSubject } from './score.ts';
import { type ActiveLists, activeLists, refreshScreener, screenAgainst } from './screener.ts';

export type Screening = typeof screenings.$inferSelect;

/** How long a clear screening stands before the next is due. @units ms */
const NEXT_CHECK_MS = 30 * 24 * 3_600_000;

const ALPHA_2 = new Map(iso31661.map((country) => [country.alpha3, country.alpha2]));

/**
 * Screens a customer and sets the gate by the outcome, in one transaction.
 * @effects `screenings`, `screening_matches`, perhaps `aml_alerts`, `customer_gates`; audit
 * @errors self_review, not_found
 */
export async function screenUser(ctx: Ctx, userId: Id, trigger: string): Promise<Screening> {
  if (personOf(ctx.actor) === userId) {
    throw refuseAml('self_review');
  }
  await refreshScreener(ctx);
  return transact(ctx, caseLogin(ctx), async (tx) =>
    screenLocked(tx, ctx, await lockedGate(tx, userId), trigger),
  );
}

/**
 * Screens an applicant once for each submission: an event that comes late or twice changes nothing.
 * @effects as `screenUser`
 * @errors not_found
 */
export async function screenApplicant(ctx: Ctx, userId: Id): Promise<void> {
  await refreshScreener(ctx);
  await transact(ctx, caseLogin(ctx), async (tx) => {
    const gate = await lockedGate(tx, userId);
    if (waitsForScreening(gate.screening)) {
      await screenLocked(tx, ctx, gate, 'kyc_application');
    }
  });
}

/**
 * Screens a subject who is no customer; evidence is kept, no gate is touched.
 * @effects `screenings`, `screening_matches`; audit
 * @errors no_active_list, name_unusable
 */
export async function screenSubject(ctx: Ctx, subject: ScreeningSubject): Promise<Screening> {
  return transact(ctx, caseLogin(ctx), async (tx) => {
    const lists = await activeLists(ctx.deps, tx);
    if (Object.keys(lists.versions).length === 0) {
      throw refuseAml('no_active_list');
    }
    const outcome = screenAgainst(lists, subject);
    if (!outcome.ok) {
      throw refuseAml('name_unusable', { detail: outcome.code });
    }
    return keep(tx, ctx, subject, { userId: null, trigger: 'manual' }, lists, verdictOf(outcome));
  });
}

/** What a payee's screening found, without telling what. */
export type PayeeScreening = { readonly screeningId: Id; readonly isClear: boolean };

/**
 * Screens a customer anew with the name they gave for a payee among their own names. A hit is an alert
 * about the customer and closes their gate like any other.
 * @effects as `screenUser`
 * @errors not_found
 */
export async function screenPayee(
  tx: Tx,
  ctx: Ctx,
  payee: { readonly userId: Id; readonly name: string },
): Promise<PayeeScreening> {
  const gate = await lockedGate(tx, payee.userId);
  const screening = await screenLocked(tx, ctx, gate, 'beneficiary', payee.name);
  return { screeningId: screening.id, isClear: screening.result === 'clear' };
}

/** Those of the screenings that found nothing, or whose alert two people called a false positive. */
export async function clearedScreenings(tx: Tx, screeningIds: readonly Id[]): Promise<ReadonlySet<Id>> {
  const rows = await tx
    .select({ id: screenings.id, result: screenings.result, disposition: amlAlerts.disposition })
    .from(screenings)
    .leftJoin(amlAlerts, eq(amlAlerts.screeningId, screenings.id))
    .where(inArray(screenings.id, [...screeningIds]));
  return new Set(
    rows.filter((row) => row.result === 'clear' || row.disposition === 'false_positive').map((row) => row.id),
  );
}

/** Whether a screening of this person ever found something, whatever came of it. */
export async function everMatched(tx: Tx, userId: Id): Promise<boolean> {
  const [match] = await tx
    .select({ id: screenings.id })
    .from(screenings)
    .where(and(eq(screenings.userId, userId), inArray(screenings.result, ['warning', 'alert'])))
    .limit(1);
  return match !== undefined;
}

type About = { readonly userId: Id | null; readonly trigger: string };

/** A subject as it is kept: the names it also goes by were compared too. */
type KeptSubject = ScreeningSubject & { readonly otherNames?: readonly string[] };

/** The gate under its lock, so that two screenings of one person follow each other. @errors not_found */
async function lockedGate(tx: Tx, userId: Id): Promise<Gate> {
  await lockGateExclusively(tx, userId);
  const gate = (await lockGates(tx, [userId])).get(userId);
  if (gate === undefined) {
    throw refuse('not_found');
  }
  return gate;
}

/** What is declared is read under the lock: a submission in between would otherwise be cleared unseen. */
async function screenLocked(
  tx: Tx,
  ctx: Ctx,
  gate: Gate,
  trigger: string,
  payeeName?: string,
): Promise<Screening> {
  const { userId } = gate;
  const known = await subjectsOf(tx, ctx, userId);
  const isNew = payeeName !== undefined && known.every(({ name }) => name !== payeeName);
  const subjects = isNew ? ([...known, { ...known[0], name: payeeName }] as const) : known;
  const lists = await activeLists(ctx.deps, tx);
  // Without a list nobody is clear: the gate stays shut and a person is told.
  const compared = Object.keys(lists.versions).length === 0 ? [] : subjects;
  const verdict = worstOf(compared.map((subject) => verdictOf(screenAgainst(lists, subject))));
  const [first, ...others] = subjects;
  const subject = { ...first, otherNames: others.map(({ name }) => name) };
  const screening = await keep(tx, ctx, subject, { userId, trigger }, lists, verdict);
  if (verdict.result !== 'clear') {
    await openAlert(tx, ctx, screening, userId, verdict);
  }
  const next = gateAfterScreening(gate.screening, verdict.result, await countOpenAlerts(tx, userId));
  if (next !== gate.screening) {
    await changeGate(tx, ctx, userId, { screening: next });
  }
  return screening;
}

async function keep(
  tx: Tx,
  ctx: Ctx,
  subject: KeptSubject,
  about: About,
  lists: ActiveLists,
  verdict: ScreeningVerdict,
): Promise<Screening> {
  const id = newId();
  const key = about.userId === null ? ctx.deps.keyring.house : await ctx.deps.personKeys.of(tx, about.userId);
  const checkedAt = ctx.deps.clock.now();
  const [screening] = await tx
    .insert(screenings)
    .values({
      id,
      userId: about.userId,
      checkType: 'sanctions_screening',
      trigger: about.trigger,
      provider: 'built_in',
      subject: sealJson(key, screeningPlace(id), subject),
      result: verdict.result,
      riskScore: verdict.riskScore,
      listVersions: lists.versions,
      algorithmVersion: screeningAlgorithm,
      configHash: screeningConfigHash(screeningConfigDefault),
      matchCount: verdict.matches.length,
      requestedBy: actorIdOf(ctx.actor),
      checkedAt,
      nextCheckDueAt: about.userId === null ? null : addMs(checkedAt, NEXT_CHECK_MS),
    })
    .returning();
  if (verdict.matches.length > 0) {
    await tx.insert(screeningMatches).values(
      verdict.matches.map((match, rank) => {
        const matchId = newId();
        return {
          id: matchId,
          screeningId: id,
          entityId: match.key,
          rank,
          scoreBps: Math.round(match.score * 10_000),
          matchedName: match.matchedName,
          explanation: sealJson(key, explanationPlace(matchId), match.features),
        };
      }),
    );
  }
  const kept = present(screening, 'the screening was inserted');
  await record(tx, ctx, {
    event: AML_EVENTS['screening.completed'],
    resource: { type: 'screening', id },
    subjectUserId: about.userId,
    after: kept,
  });
  return kept;
}

/**
 * Everybody a customer says they are: in the newest declaration and, under another name, in the profile.
 * @errors not_found where they were erased
 */
async function subjectsOf(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
): Promise<readonly [ScreeningSubject, ...ScreeningSubject[]]> {
  const known = await profileOf(tx, ctx, userId);
  if (known === undefined) {
    throw refuse('not_found');
  }
  const profile = subjectFrom(known);
  const declaration = await submittedDeclaration(tx, ctx, userId);
  if (declaration === undefined) {
    return [profile];
  }
  const declared = subjectFrom(declaration);
  return profile.name === declared.name ? [declared] : [declared, profile];
}

type Person = {
  readonly firstName: string;
  readonly lastName: string;
  readonly birthDate?: string | undefined;
  readonly nationality?: string | undefined;
  readonly gender?: string | undefined;
};

function subjectFrom({ firstName, lastName, birthDate, nationality, gender }: Person): ScreeningSubject {
  const country = ALPHA_2.get(nationality ?? '');
  return {
    name: `${firstName} ${lastName}`,
    kind: 'person',
    ...(birthDate === undefined ? {} : { birthDate }),
    ...(country === undefined ? {} : { countries: [country] }),
    ...(gender === 'male' || gender === 'female' ? { gender } : {}),
  };
}

async function openAlert(
  tx: Tx,
  ctx: Ctx,
  screening: Screening,
  userId: Id,
  verdict: ScreeningVerdict,
): Promise<void> {
  const [alert] = await tx
    .insert(amlAlerts)
    .values({
      id: newId(),
      userId,
      screeningId: screening.id,
      status: 'open',
      severity: verdict.riskScore >= 90 ? 'critical' : 'high',
      createdAt: ctx.deps.clock.now(),
    })
    .returning();
  const opened = present(alert, 'the alert was inserted');
  await record(tx, ctx, {
    event: AML_EVENTS['aml_alert.opened'],
    resource: { type: 'aml_alert', id: opened.id },
    subjectUserId: userId,
    after: opened,
  });
}

/** Alerts about a person that nobody has resolved. */
export async function countOpenAlerts(tx: Tx, userId: Id): Promise<number> {
  const [row] = await tx
    .select({ open: sql<number>`count(*)::int` })
    .from(amlAlerts)
    .where(and(eq(amlAlerts.userId, userId), ne(amlAlerts.status, 'resolved')));
  return row?.open ?? 0;
}

/** The result of a person's newest screening; undefined where there is none. */
export async function newestResult(tx: Tx, userId: Id): Promise<Screening['result'] | undefined> {
  const [newest] = await tx
    .select({ result: screenings.result })
    .from(screenings)
    .where(eq(screenings.userId, userId))
    .orderBy(desc(screenings.checkedAt), desc(screenings.id))
    .limit(1);
  return newest?.result;
}

/** What a match's sealed explanation is bound to. */
export function explanationPlace(matchId: Id) {
  return { table: 'screening_matches', column: 'explanation', rowId: matchId };
}

/** What a screening's sealed subject is bound to. */
export function screeningPlace(screeningId: Id) {
  return { table: 'screenings', column: 'subject', rowId: screeningId };
}
