import { actorIdOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { type DataKey, sealJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { AML_EVENTS } from '../audit.ts';
import { screeningAlgorithm } from '../config.ts';
import type { ScreeningVerdict } from '../rules.ts';
import { screeningMatches, screenings } from '../schema.ts';
import type { ScreeningSubject } from '../score.ts';
import type { ActiveLists } from '../screener.ts';
import { explanationPlace, screeningPlace } from '../screening-place.ts';
import { askVendorLater } from '../vendors/ask-later.ts';

export type Screening = typeof screenings.$inferSelect;

/** A subject as it is kept: the names it also goes by were compared too. */
export type KeptSubject = ScreeningSubject & { readonly otherNames?: readonly string[] };

/** A comparison that was done and is to be kept. */
export type DoneScreening = {
  /** The customer it is about; null where it is about nobody the firm serves. */
  readonly userId: Id | null;
  readonly trigger: string;
  readonly subject: KeptSubject;
  readonly verdict: ScreeningVerdict;
  readonly nextCheckDueAt: Instant | null;
  /** The whitelist entry that covers a match, by the listed entry. */
  readonly suppressorOf?: (entityId: Id) => Id | null;
};

/**
 * Keeps screenings with all that explains them, sealed for whom they are about.
 * @effects rows of `screenings`, `screening_matches` and, with a vendor, `vendor_requests`; audit `screening.completed` for each
 * @shape the screenings in the order given
 */
export async function keepScreenings(
  tx: Tx,
  ctx: Ctx,
  lists: ActiveLists,
  done: readonly DoneScreening[],
): Promise<readonly Screening[]> {
  const people = done.flatMap(({ userId }) => (userId === null ? [] : [userId]));
  const keys = await ctx.deps.personKeys.ofMany(tx, people);
  const checkedAt = ctx.deps.clock.now();
  const matches: (typeof screeningMatches.$inferInsert)[] = [];
  const kept = done.map((one): Screening => {
    const id = newId();
    const key =
      one.userId === null
        ? ctx.deps.keyring.house
        : present(keys.get(one.userId), 'the person has a data key');
    matches.push(...matchRows(id, key, one));
    return {
      id,
      userId: one.userId,
      checkType: 'sanctions_screening',
      trigger: one.trigger,
      provider: 'built_in',
      subject: sealJson(key, screeningPlace(id), one.subject),
      result: one.verdict.result,
      riskScore: one.verdict.riskScore,
      listVersions: lists.versions,
      algorithmVersion: screeningAlgorithm,
      configHash: lists.configHash,
      matchCount: one.verdict.matches.length,
      requestedBy: actorIdOf(ctx.actor),
      checkedAt,
      nextCheckDueAt: one.nextCheckDueAt,
    };
  });
  await insertRows(tx, screenings, kept);
  await insertRows(tx, screeningMatches, matches);
  await askVendorLater(tx, ctx, kept);
  await recordMany(
    tx,
    ctx,
    kept.map((screening) => ({
      event: AML_EVENTS['screening.completed'],
      resource: { type: 'screening', id: screening.id },
      subjectUserId: screening.userId,
      after: screening,
    })),
  );
  return kept;
}

function matchRows(screeningId: Id, key: DataKey, { verdict, suppressorOf }: DoneScreening) {
  return verdict.matches.map((match, rank) => {
    const id = newId();
    return {
      id,
      screeningId,
      entityId: match.key,
      rank,
      scoreBps: Math.round(match.score * 10_000),
      matchedName: match.matchedName,
      suppressedBy: suppressorOf?.(match.key) ?? null,
      explanation: sealJson(key, explanationPlace(id), match.features),
    };
  });
}
