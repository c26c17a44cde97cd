import { and, asc, count, desc, eq, gte, inArray, isNull, lt, ne, type SQL, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Page } from '../../../kernel/page.ts';
import { type Instant, msOfInstant } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { approvals } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { readGates } from '../../identity/index.ts';
import { kycItems } from '../applications/schema.ts';
import { kycApplications } from '../schema.ts';
import type { KycApplication } from '../store.ts';

export type QueueFilter = PageRequest & {
  readonly status?: 'submitted' | 'under_review' | undefined;
  readonly assignee?: 'me' | 'none' | Id | undefined;
  readonly overdue?: 'true' | 'false' | undefined;
  readonly needsSenior?: 'true' | 'false' | undefined;
};

const HOUR_MS = 3_600_000;

/**
 * The applications of others that wait for the firm: the most pressing first, then what is due first.
 * @errors invalid_cursor
 */
export async function listReviewQueue(ctx: Ctx, filter: QueueFilter): Promise<Page<object>> {
  const key = ctx.deps.keyring.cursorKey;
  const { status, assignee, overdue, needsSenior } = filter;
  const listing = `kyc_queue ${status ?? ''} ${assignee ?? ''} ${overdue ?? ''} ${needsSenior ?? ''}`;
  return transact(ctx, 'staff', async (tx) => {
    const rows = await tx
      .select()
      .from(kycApplications)
      .where(and(...conditionsOf(ctx, filter), positionOf(key, listing, filter.cursor)))
      .orderBy(desc(kycApplications.priority), asc(kycApplications.dueAt), asc(kycApplications.id))
      .limit(filter.limit + 1);
    const page = cutPage(key, listing, rows, filter.limit, (row) => [
      String(row.priority),
      row.dueAt ?? '',
      row.id,
    ]);
    return { ...page, data: await entriesOf(tx, ctx, page.data) };
  });
}

function conditionsOf(ctx: Ctx, { status, assignee, overdue, needsSenior }: QueueFilter): readonly SQL[] {
  const now = ctx.deps.clock.now();
  const me = present(personOf(ctx.actor), 'a reviewer is a person');
  const waiting = status === undefined ? (['submitted', 'under_review'] as const) : [status];
  return [
    // How pressing one's own is, and for whom it waits, is not for oneself (no tipping off).
    ne(kycApplications.userId, me),
    inArray(kycApplications.status, [...waiting]),
    ...(assignee === undefined
      ? []
      : [
          assignee === 'none'
            ? isNull(kycApplications.assigneeId)
            : eq(kycApplications.assigneeId, assignee === 'me' ? me : assignee),
        ]),
    ...(overdue === undefined
      ? []
      : [overdue === 'true' ? lt(kycApplications.dueAt, now) : gte(kycApplications.dueAt, now)]),
    ...(needsSenior === undefined ? [] : [eq(kycApplications.needsSenior, needsSenior === 'true')]),
  ];
}

/** What comes after the last row of the page before; a row without a due date comes last of its priority. */
function positionOf(key: Uint8Array, listing: string, cursor: string | undefined): SQL | undefined {
  if (cursor === undefined) {
    return undefined;
  }
  const [priority = '0', dueAt = '', id = ''] = readCursor(key, listing, cursor);
  const { priority: rank, dueAt: due } = kycApplications;
  const later = sql`(coalesce(${due}, 'infinity'), ${kycApplications.id})
    > (coalesce(nullif(${dueAt}, '')::timestamptz, 'infinity'), ${id}::uuid)`;
  return sql`(${rank} < ${priority}::smallint or (${rank} = ${priority}::smallint and ${later}))`;
}

async function entriesOf(tx: Tx, ctx: Ctx, rows: readonly KycApplication[]): Promise<readonly object[]> {
  const ids = rows.map(({ id }) => id);
  const gates = await readGates(
    tx,
    rows.map(({ userId }) => userId),
  );
  const asked = await pendingApprovals(tx, ids);
  const counts = await itemCounts(tx, ids);
  const now = ctx.deps.clock.now();
  return rows.map((row) => {
    const screened = gates.get(row.userId)?.screening === 'clear';
    return {
      ...row,
      overdue: row.dueAt !== null && row.dueAt < now,
      ageHours: ageHours(row.submittedAt, now),
      waitingFor: !screened ? 'screening' : asked.has(row.id) ? 'senior' : 'reviewer',
      itemCounts: counts.get(row.id) ?? {},
    };
  });
}

function ageHours(since: Instant | null, now: Instant): number {
  return since === null ? 0 : Math.max(0, Math.floor((msOfInstant(now) - msOfInstant(since)) / HOUR_MS));
}

async function pendingApprovals(tx: Tx, ids: readonly Id[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) {
    return new Set();
  }
  const rows = await tx
    .select({ subjectId: approvals.subjectId })
    .from(approvals)
    .where(and(inArray(approvals.subjectId, [...ids]), eq(approvals.status, 'pending')));
  return new Set(rows.map(({ subjectId }) => subjectId));
}

async function itemCounts(
  tx: Tx,
  ids: readonly Id[],
): Promise<ReadonlyMap<string, Readonly<Record<string, number>>>> {
  if (ids.length === 0) {
    return new Map();
  }
  const rows = await tx
    .select({ id: kycItems.applicationId, status: kycItems.status, items: count() })
    .from(kycItems)
    .where(inArray(kycItems.applicationId, [...ids]))
    .groupBy(kycItems.applicationId, kycItems.status);
  const counts = new Map<string, Record<string, number>>();
  for (const { id, status, items } of rows) {
    counts.set(id, { ...counts.get(id), [status]: items });
  }
  return counts;
}
