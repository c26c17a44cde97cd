import { and, eq, isNotNull, isNull } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { openAlert } from '../alerts/open-alert.ts';
import { AML_EVENTS } from '../audit.ts';
import { amlAlerts, screenings } from '../schema.ts';
import type { Question } from './queries-of.ts';
import { type Compared, compare } from './rules.ts';
import { vendorRequests, vendorResults } from './schema.ts';
import type { ScreeningVendor, VendorAnswer } from './vendor.ts';
import { ABOUT_SCREENINGS, abandon, lockWaiting } from './waiting-request.ts';

type Request = typeof vendorRequests.$inferSelect;

export type Answered = {
  readonly vendor: ScreeningVendor;
  readonly requestId: Id;
  readonly question: Question;
  readonly answers: readonly VendorAnswer[];
  readonly latencyMs: number;
};

/**
 * Keeps what a vendor said of a screening; where it finds more than we did, somebody looks, and where the stricter
 * of both counts, money waits until they did. It never clears anybody.
 * @effects `vendor_results`, `vendor_requests`, perhaps `aml_alerts` and the gate; audit `vendor_result.recorded`
 */
export async function keepAnswer(tx: Tx, ctx: Ctx, answered: Answered): Promise<void> {
  const { vendor, question, answers } = answered;
  const [known] = await tx.select().from(vendorRequests).where(eq(vendorRequests.id, answered.requestId));
  const { userId, screeningId } = present(known, 'requests are never deleted');
  if (userId !== null && vendor.mode === 'decide') {
    await lockGateExclusively(tx, userId);
  }
  const request = await lockWaiting(tx, ABOUT_SCREENINGS, answered.requestId);
  if (request === undefined) {
    return;
  }
  if (userId !== null && (await ctx.deps.personKeys.find(tx, userId)) === undefined) {
    await abandon(tx, ctx, ABOUT_SCREENINGS, request.id, 'erased');
    return;
  }
  const [screening] = await tx.select().from(screenings).where(eq(screenings.id, screeningId));
  const own = present(screening, 'a request names a screening').result;
  const found = answers.flatMap((answer) => (answer.ok ? answer.matches : []));
  const compared = compare(own, found, vendor.mode);
  const id = newId();
  const [result] = await tx
    .insert(vendorResults)
    .values({
      id,
      requestId: request.id,
      screeningId,
      userId,
      vendor: vendor.name,
      mode: vendor.mode,
      result: compared.result,
      bestScoreBps: compared.bestScoreBps,
      matchCount: compared.matchCount,
      ownResult: own,
      agreed: compared.agreed,
      answer: sealJson(
        question.key,
        vendorAnswerPlace(id),
        answers.map((answer) => (answer.ok ? answer.answer : null)),
      ),
      latencyMs: answered.latencyMs,
      at: ctx.deps.clock.now(),
    })
    .returning();
  await record(tx, ctx, {
    event: AML_EVENTS['vendor_result.recorded'],
    resource: { type: 'vendor_result', id },
    subjectUserId: userId,
    after: present(result, 'the result was inserted'),
  });
  const matchDigest = compared.matchCount === 0 ? null : digestOf(ctx, answered);
  const alertId = matchDigest === null ? null : await tell(tx, ctx, request, compared, matchDigest);
  await tx
    .update(vendorRequests)
    .set({ status: 'answered', settledAt: ctx.deps.clock.now(), nextAt: null, matchDigest, alertId })
    .where(eq(vendorRequests.id, request.id));
}

/** What a result's sealed answer is bound to. */
export function vendorAnswerPlace(resultId: Id) {
  return { table: 'vendor_results', column: 'answer', rowId: resultId };
}

/** Whom the vendor found for whom; the same again is known once somebody called it a false positive. */
function digestOf(ctx: Ctx, { vendor, question, answers }: Answered): Uint8Array {
  const ids = answers.flatMap((answer) =>
    answer.ok ? answer.matches.filter(({ isMatch }) => isMatch).map(({ id }) => id) : [],
  );
  const subjects = question.queries.map(({ names, subject }) => ({ names, subject }));
  return ctx.deps.keyring.blindIndex(
    'aml.vendor_match',
    JSON.stringify([vendor.name, [...new Set(ids)].sort(), subjects]),
  );
}

/** @shape the alert that was raised or took it in; null where none has to be, or somebody looked already */
async function tell(
  tx: Tx,
  ctx: Ctx,
  request: Request,
  { alert }: Compared,
  matchDigest: Uint8Array,
): Promise<Id | null> {
  if (alert === null || (await isKnownFalse(tx, request, matchDigest))) {
    return null;
  }
  const { userId, vendor } = request;
  const mark = Buffer.from(matchDigest).toString('hex').slice(0, 32);
  const opened = await openAlert(tx, ctx, {
    userId,
    kind: 'provider',
    dedupKey: userId === null ? `vendor:${vendor}:${mark}` : `vendor:${vendor}`,
    severity: alert.severity,
    effect: userId === null ? 'review' : alert.effect,
    sourceRef: `vendor:${vendor}`,
    screeningId: request.screeningId,
  });
  return opened.id;
}

async function isKnownFalse(tx: Tx, request: Request, matchDigest: Uint8Array): Promise<boolean> {
  const { userId } = request;
  const [known] = await tx
    .select({ id: vendorRequests.id })
    .from(vendorRequests)
    .innerJoin(amlAlerts, eq(amlAlerts.id, vendorRequests.alertId))
    .where(
      and(
        eq(vendorRequests.matchDigest, matchDigest),
        userId === null ? isNull(vendorRequests.userId) : eq(vendorRequests.userId, userId),
        isNotNull(vendorRequests.alertId),
        eq(amlAlerts.disposition, 'false_positive'),
      ),
    )
    .limit(1);
  return known !== undefined;
}
