import { and, desc, eq, isNotNull, isNull, lt, sql } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import type { Instant } from '../../../kernel/time.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { instruments } from '../schema.ts';
import { feedGaps, type gapFailure } from './schema.ts';
import type { FeedName } from './settings.ts';

/** Why what is missing could not be fetched. */
export type GapFailure = (typeof gapFailure.enumValues)[number];

export type NewGap = {
  readonly instrumentId: Id;
  readonly feed: FeedName;
  readonly fromSequence: bigint;
  readonly throughSequence: bigint;
};

type LateTick = Pick<NewGap, 'instrumentId' | 'feed'> & { readonly sequence: bigint };

/** Adds a tick that came too late to what is missing: those that follow each other are one gap. */
export function addLate(late: NewGap[], { sequence, ...of }: LateTick): void {
  const at = late.findLastIndex(({ instrumentId }) => instrumentId === of.instrumentId);
  const before = late[at];
  if (before !== undefined && sequence >= before.fromSequence && sequence <= before.throughSequence + 1n) {
    const throughSequence = sequence > before.throughSequence ? sequence : before.throughSequence;
    late[at] = { ...before, throughSequence };
  } else {
    late.push({ ...of, fromSequence: sequence, throughSequence: sequence });
  }
}

/** Keeps what of a feed did not arrive; what is known already is passed over. @effects rows of `feed_gaps` */
export async function keepGaps(tx: Tx, gaps: readonly NewGap[], foundAt: Instant): Promise<void> {
  if (gaps.length > 0) {
    await tx
      .insert(feedGaps)
      .values(gaps.map((gap) => ({ id: newId(), ...gap, foundAt })))
      .onConflictDoNothing();
  }
}

/**
 * Closes the gaps of which every tick has arrived, late or by repair.
 * @effects `feed_gaps.filled_at`; audit `feed.gap_filled` for each
 */
export async function closeGaps(tx: Tx, ctx: Ctx): Promise<void> {
  const filled = await tx
    .update(feedGaps)
    .set({ filledAt: ctx.deps.clock.now() })
    .where(and(isNull(feedGaps.filledAt), isFilled))
    .returning();
  await recordMany(
    tx,
    ctx,
    filled.map((gap) => ({
      event: MARKETS_EVENTS['feed.gap_filled'],
      resource: { type: 'instrument', id: gap.instrumentId },
      subjectUserId: null,
      after: gapShown(gap),
    })),
  );
}

/** The job of it, for what arrived late by itself. @effects as `closeGaps` */
export async function closeLateGaps(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', (tx) => closeGaps(tx, ctx));
}

/** What is wider is a count that jumped, not trades that were missed: it stays open, and nobody counts for it. */
const WIDEST_COUNTED = 1_000_000;

/** A tick may be stored under two times of arrival, and counts once. */
const isFilled = sql<boolean>`case when ${feedGaps.throughSequence} - ${feedGaps.fromSequence} >= ${WIDEST_COUNTED} then false else
  ${feedGaps.throughSequence} - ${feedGaps.fromSequence} + 1 = (
  select count(distinct t.sequence) from price_ticks t
  where t.instrument_id = ${feedGaps.instrumentId} and t.source = ${feedGaps.feed}::text
    and t.sequence between ${feedGaps.fromSequence} and ${feedGaps.throughSequence}) end`;

export type GapFilter = PageRequest & {
  readonly instrumentId?: Id | undefined;
  readonly open?: 'true' | 'false' | undefined;
};

/** What of feeds did not arrive, newest first. @errors invalid_cursor */
export async function listFeedGaps(ctx: Ctx, { instrumentId, open, ...page }: GapFilter) {
  const listing = `feed-gaps ${instrumentId ?? ''} ${open ?? ''}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx): Promise<Page<FeedGapView>> => {
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select({ gap: feedGaps, symbol: instruments.symbol })
      .from(feedGaps)
      .innerJoin(instruments, eq(instruments.id, feedGaps.instrumentId))
      .where(
        and(
          instrumentId === undefined ? undefined : eq(feedGaps.instrumentId, instrumentId),
          open === undefined ? undefined : (open === 'true' ? isNull : isNotNull)(feedGaps.filledAt),
          before === undefined ? undefined : lt(feedGaps.id, before),
        ),
      )
      .orderBy(desc(feedGaps.id))
      .limit(page.limit + 1);
    return cutPage(
      key,
      listing,
      rows.map(({ gap, symbol }) => ({
        ...gapShown(gap),
        fetches: gap.fetches,
        fetchFailure: gap.filledAt === null ? gap.fetchFailure : null,
        id: gap.id,
        instrumentId: gap.instrumentId,
        symbol,
      })),
      page.limit,
      (row) => [row.id],
    );
  });
}

type FeedGapView = ReturnType<typeof gapShown> & {
  readonly id: Id;
  readonly instrumentId: Id;
  readonly symbol: string;
  readonly fetches: number;
  readonly fetchFailure: GapFailure | null;
};

/** The source's own count is written in digits: it may be more than a number of JSON holds. */
function gapShown({ feed, fromSequence, throughSequence, foundAt, filledAt }: typeof feedGaps.$inferSelect) {
  return {
    feed,
    fromSequence: fromSequence.toString(),
    throughSequence: throughSequence.toString(),
    missing: (throughSequence - fromSequence + 1n).toString(),
    foundAt,
    filledAt,
  };
}
