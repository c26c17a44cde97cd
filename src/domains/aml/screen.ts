import { and, desc, eq, inArray, ne, or, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { changeGate, type Gate, lockGateExclusively, lockGates } from '../identity/index.ts';
import { lastSubmittedAt, noteScreened } from '../kyc/index.ts';
import { type FoundItem, findItems, type PartyMatches } from './alerts/find-items.ts';
import { openAlert } from './alerts/open-alert.ts';
import { amlAlertEvents } from './alerts/schema.ts';
import type { CandidateIndex } from './candidate-index.ts';
import { caseLogin } from './case-login.ts';
import { refuseAml } from './errors.ts';
import type { EntityIdentifier } from './lists/entity.ts';
import {
  gateAfterScreening,
  type ScreeningVerdict,
  shownOf,
  verdictOf,
  waitsForScreening,
  worstOf,
} from './rules.ts';
import { amlAlerts, screenings } from './schema.ts';
import { identifierKey, type ScreeningSubject } from './score.ts';
import { type ActiveLists, activeLists, refreshScreener, sameVersions, screenAgainst } from './screener.ts';
import { keepScreenings, type Screening } from './screening/keep-screenings.ts';
import { riskCycleOf } from './screening/risk-cycle.ts';
import { keepStanding, nextDueAt } from './screening/standings.ts';
import { type Subjects, subjectsOf, undisputed } from './screening/subjects.ts';
import { type Sifted, withoutWhitelisted } from './whitelist/without-whitelisted.ts';

/** From this score on a hit that stops is critical. @units 0–10,000 */
const CRITICAL_BPS = 9_000;

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
    // Whatever the gate says: who asks for a higher level as the same person stays clear meanwhile, and an alert
    // for another cause opens the gate of whoever waits.
    if (waitsForScreening(gate.screening) || (await newestResult(tx, userId)) === undefined) {
      await screenLocked(tx, ctx, gate, 'kyc_application');
    }
  });
}

/** Somebody a customer pays or is paid by. */
type Party = {
  readonly kind: 'payee' | 'payer';
  readonly name: string;
  /** Where money goes or comes from, such as a wallet's address. */
  readonly identifiers?: readonly EntityIdentifier[];
};

/** What a look at less than all of the lists found, which a screening in full has to find again. */
export type FoundBefore = { readonly index: CandidateIndex; readonly versions: ActiveLists['versions'] };

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
  payee: Omit<Party, 'kind'> & { readonly userId: Id },
): Promise<PayeeScreening> {
  const gate = await lockedGate(tx, payee.userId);
  const { name, identifiers } = payee;
  const party = { kind: 'payee', name, ...(identifiers === undefined ? {} : { identifiers }) } as const;
  const screening = await screenLocked(tx, ctx, gate, 'beneficiary', party);
  return { screeningId: screening.id, isClear: stopsNobody(screening.result) };
}

/**
 * Screens a customer anew with the name under which somebody paid for them, against the lists there are. A hit
 * is an alert about the customer and closes their gate like any other. The caller holds the gate exclusively.
 * @effects as `screenUser`; none without an active list
 */
export async function screenPayer(
  tx: Tx,
  ctx: Ctx,
  payer: { readonly userId: Id; readonly name: string },
): Promise<void> {
  const { versions } = await activeLists(ctx.deps, tx);
  if (Object.keys(versions).length > 0) {
    const gate = await lockedGate(tx, payer.userId);
    await screenLocked(tx, ctx, gate, 'third_party_payer', { kind: 'payer', name: payer.name });
  }
}

/**
 * Screens whom money goes back to. Where it came for a customer a hit is an alert about them, as of any payer; else it
 * is one about nobody the firm serves, and shuts no gate. The caller holds the gate of the customer exclusively.
 * @effects as `screenUser`
 * @errors not_found
 */
export async function screenRepaid(
  tx: Tx,
  ctx: Ctx,
  { userId, name }: { readonly userId: Id | null; readonly name: string },
): Promise<PayeeScreening> {
  const screening =
    userId === null
      ? await screenOutsider(tx, ctx, name)
      : await screenLocked(tx, ctx, await lockedGate(tx, userId), 'repayment', { kind: 'payer', name });
  return { screeningId: screening.id, isClear: stopsNobody(screening.result) };
}

async function screenOutsider(tx: Tx, ctx: Ctx, name: string): Promise<Screening> {
  const lists = await activeLists(ctx.deps, tx);
  const subject = { kind: 'unknown', name } as const;
  const hasLists = Object.keys(lists.versions).length > 0;
  const verdicts = hasLists ? [verdictOf(screenAgainst(lists, subject))] : [];
  const party = partyName(ctx, { kind: 'payer', name });
  const items = await findItems(tx, [partyOf(ctx, party, [subject], verdicts)]);
  const { shown, isCut } = shownOf(items, lists.config.matchesMax);
  const verdict = judged(worstOf(verdicts), { open: shown, suppressed: [] }, isCut);
  const done = { userId: null, trigger: 'repayment', subject, verdict, nextCheckDueAt: null };
  const [kept] = await keepScreenings(tx, ctx, lists, [done]);
  const screening = present(kept, 'one screening was kept');
  await raiseAlerts(tx, ctx, null, screening, shown, party);
  return screening;
}

/**
 * Those of the screenings that found nobody to stop, or of whose alerts two people called each that stops a false
 * positive. One that only asked for a look has to be closed, as whatever it was.
 */
export async function clearedScreenings(tx: Tx, screeningIds: readonly Id[]): Promise<ReadonlySet<Id>> {
  const ids = [...screeningIds];
  const rows = await tx
    .select({ id: screenings.id, result: screenings.result })
    .from(screenings)
    .where(inArray(screenings.id, ids));
  const raised = await tx
    .select({
      first: amlAlerts.screeningId,
      later: amlAlertEvents.screeningId,
      isOver: sql<boolean>`${amlAlerts.status} = 'resolved'
        and (${amlAlerts.effect} <> 'stop' or ${amlAlerts.disposition} = 'false_positive')`,
    })
    .from(amlAlerts)
    .leftJoin(amlAlertEvents, eq(amlAlertEvents.alertId, amlAlerts.id))
    .where(or(inArray(amlAlerts.screeningId, ids), inArray(amlAlertEvents.screeningId, ids)));
  const isCleared = (id: Id) => {
    const about = raised.filter(({ first, later }) => first === id || later === id);
    return about.length > 0 && about.every(({ isOver }) => isOver);
  };
  return new Set(rows.filter(({ id, result }) => stopsNobody(result) || isCleared(id)).map(({ id }) => id));
}

function stopsNobody(result: Screening['result']): boolean {
  return result === 'clear' || result === 'warning';
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

/** The gate under its lock, so that two screenings of one person follow each other. @errors not_found */
export async function lockedGate(tx: Tx, userId: Id): Promise<Gate> {
  await lockGateExclusively(tx, userId);
  const gate = (await lockGates(tx, [userId])).get(userId);
  if (gate === undefined) {
    throw refuse('not_found');
  }
  return gate;
}

/**
 * Screens somebody whose gate the caller holds exclusively. What is declared is read under that lock: a
 * submission in between would otherwise be cleared unseen.
 * @effects as `screenUser`; `screening_standings`, and the application that waits is noted as screened
 */
export async function screenLocked(
  tx: Tx,
  ctx: Ctx,
  gate: Gate,
  trigger: string,
  party?: Party,
  before?: FoundBefore,
): Promise<Screening> {
  const { userId } = gate;
  const { own, parties } = await subjectsOf(tx, ctx, userId);
  const others = [...parties, ...(party === undefined ? [] : otherParty(ctx, party, own))];
  const lists = await activeLists(ctx.deps, tx);
  // Without a list nobody is clear: the gate stays shut and a person is told.
  const hasLists = Object.keys(lists.versions).length > 0;
  const known =
    before !== undefined && sameVersions(before.versions, lists.versions) ? before.index : undefined;
  const judge = (subject: ScreeningSubject) => verdictOf(screenAgainst(lists, subject, known));
  const ownVerdicts = hasLists ? own.map(judge) : [];
  const otherVerdicts = hasLists ? others.map(({ subject }) => judge(subject)) : [];
  const verdicts = [...ownVerdicts, ...otherVerdicts];
  const found = [
    partyOf(ctx, '', own, ownVerdicts),
    ...others.map(({ party: name, subject }, at) =>
      partyOf(ctx, name, [subject], otherVerdicts.slice(at, at + 1)),
    ),
  ];
  const sifted = await withoutWhitelisted(tx, ctx, userId, await findItems(tx, found));
  const { shown, isCut } = shownOf(sifted.open, lists.config.matchesMax);
  const verdict = judged(worstOf(verdicts), { ...sifted, open: shown }, isCut);
  const [first, ...further] = own;
  const names = [...further, ...others.map(({ subject }) => subject)].map(({ name }) => name);
  const otherNames = names.filter((name, at) => name !== first.name && names.indexOf(name) === at);
  const checkedAt = ctx.deps.clock.now();
  const dueAt = nextDueAt(checkedAt, await riskCycleOf(tx, userId));
  const [kept] = await keepScreenings(tx, ctx, lists, [
    {
      userId,
      trigger,
      subject: { ...first, otherNames },
      verdict,
      nextCheckDueAt: dueAt,
      suppressorOf: (entityId) => suppressorOf(entityId, sifted),
    },
  ]);
  const screening = present(kept, 'one screening was kept');
  await keepStanding(tx, ctx, { userId, screeningId: screening.id, lists, checkedAt, nextDueAt: dueAt });
  await noteScreened(tx, userId, checkedAt);
  await raiseAlerts(tx, ctx, userId, screening, shown);
  const open = await countOpenAlerts(tx, userId);
  const current = present((await lockGates(tx, [userId])).get(userId), 'every user has a gate').screening;
  const next = gateAfterScreening(current, verdict.result, open);
  if (next !== current) {
    await changeGate(tx, ctx, userId, { screening: next });
  }
  return screening;
}

/** One of those a customer stands for, with what was found under their names. */
function partyOf(
  ctx: Ctx,
  party: string,
  subjects: readonly ScreeningSubject[],
  verdicts: readonly ScreeningVerdict[],
): PartyMatches {
  const subjectDigest = ctx.deps.keyring.blindIndex('aml.subject', JSON.stringify(subjects));
  return { party, subjectDigest, matches: worstOf(verdicts).matches };
}

/**
 * What else is to be compared for a party: nothing where it is the customer by another road. A payee is the
 * customer under the name they gave for it; a payer is somebody else.
 */
function otherParty(ctx: Ctx, party: Party, own: Subjects['own']): Subjects['parties'] {
  const { name, identifiers = [] } = party;
  if (identifiers.length === 0 && own.some((known) => known.name === name)) {
    return [];
  }
  const base = party.kind === 'payee' ? undisputed(own) : ({ kind: 'unknown' } as const);
  const subject = { ...base, name, ...(identifiers.length === 0 ? {} : { identifiers }) };
  return [{ party: partyName(ctx, party), subject }];
}

/** A party is told from others by a keyed hash of the name, which is nobody's to read. */
function partyName(ctx: Ctx, { kind, name, identifiers = [] }: Party): string {
  const said = [name, ...identifiers.map(identifierKey)].join('\n');
  return `${kind}:${Buffer.from(ctx.deps.keyring.blindIndex(`aml.${kind}`, said))
    .toString('hex')
    .slice(0, 32)}`;
}

/**
 * What is left once the whitelist has spoken. A name that could not be screened stays an error, and somebody of whom
 * not all that stops can be shown is one: who clears what was shown has not seen the rest.
 */
function judged(verdict: ScreeningVerdict, { open, suppressed }: Sifted, isCut: boolean): ScreeningVerdict {
  const kept = new Set([...open, ...suppressed.map(({ item }) => item)].map(({ entityId }) => entityId));
  const matches = verdict.matches.filter(({ key }) => kept.has(key));
  if (verdict.result === 'error' || isCut) {
    return { ...verdict, matches, result: 'error' };
  }
  const stops = open.some(({ effect }) => effect === 'stop');
  return { ...verdict, matches, result: stops ? 'alert' : open.length === 0 ? 'clear' : 'warning' };
}

/**
 * One alert for each kind of list that named somebody, and one where nothing could be compared. What is about nobody
 * the firm serves is told apart by whom it is about.
 */
async function raiseAlerts(
  tx: Tx,
  ctx: Ctx,
  userId: Id | null,
  screening: Screening,
  open: readonly FoundItem[],
  about = 'screen',
): Promise<void> {
  for (const [kind, items] of Map.groupBy(open, (item) => item.kind)) {
    const effect = items.some((item) => item.effect === 'stop') ? 'stop' : 'review';
    const best = Math.max(...items.map((item) => item.bestScoreBps));
    const stops = best >= CRITICAL_BPS ? 'critical' : 'high';
    await openAlert(tx, ctx, {
      userId,
      kind,
      dedupKey: `${about}:${kind}`,
      severity: effect === 'stop' ? stops : 'medium',
      effect,
      screeningId: screening.id,
      items: items.map(({ kind: _kind, effect: _effect, ...item }) => item),
    });
  }
  if (screening.result === 'error') {
    await openAlert(tx, ctx, {
      userId,
      kind: 'screening_error',
      dedupKey: `${about}:error`,
      severity: 'high',
      effect: 'stop',
      screeningId: screening.id,
    });
  }
}

/** The whitelist entry that covers a match; none where somebody else of the customer is meant too. */
function suppressorOf(entityId: Id, sifted: Sifted): Id | null {
  return sifted.open.some((item) => item.entityId === entityId)
    ? null
    : (sifted.suppressed.find(({ item }) => item.entityId === entityId)?.entryId ?? null);
}

/** Alerts about a person that keep the gate shut and that nobody has resolved. */
export async function countOpenAlerts(tx: Tx, userId: Id): Promise<number> {
  const [row] = await tx
    .select({ open: sql<number>`count(*)::int` })
    .from(amlAlerts)
    .where(and(eq(amlAlerts.userId, userId), ne(amlAlerts.status, 'resolved'), eq(amlAlerts.effect, 'stop')));
  return row?.open ?? 0;
}

/**
 * What the newest comparison with the lists made of a person; undefined where there is none, or where they handed
 * something in since. Checks of another kind compare nobody.
 */
export async function newestResult(tx: Tx, userId: Id): Promise<Screening['result'] | undefined> {
  const [newest] = await tx
    .select({ result: screenings.result, checkedAt: screenings.checkedAt })
    .from(screenings)
    .where(and(eq(screenings.userId, userId), eq(screenings.checkType, 'sanctions_screening')))
    .orderBy(desc(screenings.checkedAt), desc(screenings.id))
    .limit(1);
  const submittedAt = await lastSubmittedAt(tx, userId);
  const isBehind = newest !== undefined && submittedAt !== null && newest.checkedAt < submittedAt;
  return isBehind ? undefined : newest?.result;
}
