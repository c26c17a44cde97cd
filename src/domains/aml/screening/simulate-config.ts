import { and, desc, eq, isNotNull } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { AML_EVENTS } from '../audit.ts';
import type { ScreeningConfig } from '../config.ts';
import { refuseAml } from '../errors.ts';
import { screenings } from '../schema.ts';
import type { ScreeningSubject } from '../score.ts';
import { type ActiveLists, activeLists, refreshScreener, screenAgainst } from '../screener.ts';
import { screeningPlace } from '../screening-place.ts';
import type { ConfigSimulation } from './config-simulation.ts';
import type { StoredConfig } from './config-store.ts';
import { inTurns } from './in-turns.ts';
import { screeningConfigs } from './schema.ts';

/** How many people are compared; the newest screenings speak for all. */
const SUBJECTS_MAX = 2_000;

/**
 * Screens the people screened last once with a draft and once with what is active, and keeps the counts with
 * the draft. Nobody's screening, alert or gate changes.
 * @effects one row of `screening_configs`; audit `screening_config.simulated`
 * @errors not_found, config_not_draft, no_active_list
 */
export async function simulateConfig(ctx: Ctx, configId: Id): Promise<StoredConfig> {
  await refreshScreener(ctx);
  const { draft, lists, subjects } = await transact(ctx, 'staff', async (tx) => {
    const [found] = await tx.select().from(screeningConfigs).where(eq(screeningConfigs.id, configId));
    if (found === undefined) {
      throw refuse('not_found');
    }
    refuseDecided(found);
    const active = await activeLists(ctx.deps, tx);
    if (Object.keys(active.versions).length === 0) {
      throw refuseAml('no_active_list');
    }
    return { draft: found, lists: active, subjects: await newestSubjects(tx, ctx) };
  });
  const counts = await compare(lists, draft.content, subjects);
  return transact(ctx, 'staff', async (tx) => {
    const before = present(await lockRow(tx, screeningConfigs, configId), 'a draft is not deleted');
    refuseDecided(before);
    const simulation: ConfigSimulation = {
      at: ctx.deps.clock.now(),
      contentHash: before.contentHash,
      activeHash: lists.configHash,
      ...counts,
    };
    const [kept] = await tx
      .update(screeningConfigs)
      .set({ simulation })
      .where(eq(screeningConfigs.id, configId))
      .returning();
    const after = present(kept, 'the draft was locked');
    await record(tx, ctx, {
      event: AML_EVENTS['screening_config.simulated'],
      resource: { type: 'screening_config', id: configId },
      subjectUserId: null,
      before,
      after,
    });
    return after;
  });
}

/** @errors config_not_draft */
export function refuseDecided(config: StoredConfig): void {
  if (config.status !== 'draft') {
    throw refuseAml('config_not_draft');
  }
}

async function newestSubjects(tx: Tx, ctx: Ctx): Promise<readonly ScreeningSubject[]> {
  const rows = await tx
    .select({ id: screenings.id, userId: screenings.userId, subject: screenings.subject })
    .from(screenings)
    .where(and(isNotNull(screenings.userId), eq(screenings.checkType, 'sanctions_screening')))
    .orderBy(desc(screenings.checkedAt), desc(screenings.id))
    .limit(SUBJECTS_MAX);
  const people = rows.flatMap(({ userId }) => (userId === null ? [] : [userId]));
  const keys = await ctx.deps.personKeys.ofMany(tx, people);
  return rows.flatMap(({ id, userId, subject }) => {
    const key = keys.get(userId ?? '');
    return key === undefined ? [] : [openJson<ScreeningSubject>(key, screeningPlace(id), subject)];
  });
}

async function compare(lists: ActiveLists, draft: ScreeningConfig, subjects: readonly ScreeningSubject[]) {
  const counts = { subjects: 0, alertedBefore: 0, alertedAfter: 0, clearToAlert: 0, alertToClear: 0 };
  await inTurns(subjects, (subject) => {
    const before = isHit(lists, subject, lists.config);
    const after = isHit(lists, subject, draft);
    counts.subjects += 1;
    counts.alertedBefore += before ? 1 : 0;
    counts.alertedAfter += after ? 1 : 0;
    counts.clearToAlert += !before && after ? 1 : 0;
    counts.alertToClear += before && !after ? 1 : 0;
  });
  return counts;
}

function isHit(lists: ActiveLists, subject: ScreeningSubject, config: ScreeningConfig): boolean {
  const outcome = screenAgainst({ ...lists, config }, subject);
  return outcome.ok && outcome.matches.length > 0;
}
