import { createHash } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { canonicalJson } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { screeningAlgorithm } from '../config.ts';
import { screeningListSets, screeningStandings } from '../rescreening/schema.ts';
import type { ActiveLists } from '../screener.ts';

type Versions = ActiveLists['versions'];

const DAY_MS = 24 * 3_600_000;

/** How long a look at a person stands by itself, by their risk; the lists are followed anyway. @units days */
export const CYCLE_DAYS = { low: 30, medium: 14, high: 1 } as const;

/** @shape lowercase hex SHA-256 over the versions of a set */
export function listSetHash(versions: Versions): string {
  return createHash('sha256').update(canonicalJson(versions)).digest('hex');
}

/** How somebody was compared, as a standing says it: by which configuration, and by which program. */
export function heldBy(configHash: string): string {
  return `${screeningAlgorithm} ${configHash}`;
}

/**
 * Says what a person was held against in full, and when they are due by themselves.
 * @effects rows of `screening_standings`, `screening_list_sets`
 */
export async function keepStanding(
  tx: Tx,
  ctx: Ctx,
  look: {
    readonly userId: Id;
    readonly screeningId: Id;
    readonly lists: ActiveLists;
    readonly checkedAt: Instant;
    readonly nextDueAt: Instant;
  },
): Promise<void> {
  const listSet = await keepListSet(tx, ctx, look.lists.versions);
  const { userId, screeningId, checkedAt, nextDueAt } = look;
  const configHash = heldBy(look.lists.configHash);
  const said = { screeningId, listSet, configHash, checkedAt, nextDueAt };
  await tx
    .insert(screeningStandings)
    .values({ userId, ...said })
    .onConflictDoUpdate({
      target: screeningStandings.userId,
      set: { ...said, version: sql`${screeningStandings.version} + 1` },
    });
}

/** @effects perhaps one row of `screening_list_sets` @shape its hash */
export async function keepListSet(tx: Tx, ctx: Ctx, versions: Versions): Promise<string> {
  const hash = listSetHash(versions);
  const [known] = await tx
    .select({ hash: screeningListSets.hash })
    .from(screeningListSets)
    .where(eq(screeningListSets.hash, hash));
  if (known === undefined) {
    await tx
      .insert(screeningListSets)
      .values({ hash, versions, createdAt: ctx.deps.clock.now() })
      .onConflictDoNothing();
  }
  return hash;
}

/** When somebody of a risk is due again. */
export function nextDueAt(checkedAt: Instant, risk: keyof typeof CYCLE_DAYS): Instant {
  return addMs(checkedAt, CYCLE_DAYS[risk] * DAY_MS);
}
