import { and, desc, eq, exists, type InferSelectModel, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openJson, sealJson } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../../platform/http/cursor.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { recordReads } from '../../identity/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { caseNotAboutSelf } from '../cases/lock-case.ts';
import { amlCases } from '../cases/schema.ts';
import { refuseAml } from '../errors.ts';
import { sanctionsNotices } from './schema.ts';

export type SanctionsNotice = InferSelectModel<typeof sanctionsNotices>;

/** What a notice says, and about whom; a nil report is about nobody. */
export type NoticeContent = {
  readonly userId?: Id;
  readonly text?: string;
  /** What the person had when the notice was written. */
  readonly holdings?: readonly { readonly asset: string; readonly balance: string }[];
};

export type NoticeFilter = PageRequest & {
  readonly status?: SanctionsNotice['status'] | undefined;
  readonly kind?: SanctionsNotice['kind'] | undefined;
};

/** Notices, newest first; none of a case that the reader is part of. @errors invalid_cursor */
export async function listNotices(ctx: Ctx, filter: NoticeFilter) {
  const key = ctx.deps.keyring.cursorKey;
  const { status, kind } = filter;
  const listing = `sanctions_notices:${status ?? ''}:${kind ?? ''}`;
  return transact(ctx, 'staff', async (tx) => {
    const [before] = filter.cursor === undefined ? [] : readCursor(key, listing, filter.cursor);
    const rows = await tx
      .select()
      .from(sanctionsNotices)
      .where(
        and(
          notAboutSelf(tx, ctx),
          status === undefined ? undefined : eq(sanctionsNotices.status, status),
          kind === undefined ? undefined : eq(sanctionsNotices.kind, kind),
          before === undefined ? undefined : lt(sanctionsNotices.id, before),
        ),
      )
      .orderBy(desc(sanctionsNotices.id))
      .limit(filter.limit + 1);
    return cutPage(key, listing, rows, filter.limit, (row) => [row.id]);
  });
}

/**
 * A notice with what it says.
 * @effects audit `sanctions_notice.read`
 * @errors not_found
 */
export async function getNotice(ctx: Ctx, noticeId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const notice = await findNotice(tx, ctx, noticeId);
    const content = contentOf(ctx, notice);
    await recordReads(tx, ctx, [
      {
        event: AML_EVENTS['sanctions_notice.read'],
        resource: { type: 'sanctions_notice', id: noticeId },
        subjectUserId: content.userId ?? null,
        after: notice,
      },
    ]);
    return detailsOf(notice, content);
  });
}

/**
 * Locks a notice that is not sent yet.
 * @errors not_found, notice_sent
 */
export async function lockNotice(tx: Tx, ctx: Ctx, noticeId: Id): Promise<SanctionsNotice> {
  await findNotice(tx, ctx, noticeId);
  const locked = present(await lockRow(tx, sanctionsNotices, noticeId), 'notices are never deleted');
  if (locked.status === 'sent') {
    throw refuseAml('notice_sent');
  }
  return locked;
}

/** What a notice says. */
export function contentOf(ctx: Ctx, { id, content }: SanctionsNotice): NoticeContent {
  return content === null ? {} : openJson<NoticeContent>(ctx.deps.keyring.house, noticePlace(id), content);
}

/** Seals what a notice says. */
export function sealedContent(ctx: Ctx, noticeId: Id, content: NoticeContent) {
  return sealJson(ctx.deps.keyring.house, noticePlace(noticeId), content);
}

/** A notice as it is answered, with what it says. */
export function detailsOf(notice: SanctionsNotice, { userId, text, holdings }: NoticeContent) {
  return { ...notice, userId: userId ?? null, text: text ?? null, holdings: [...(holdings ?? [])] };
}

/** What the sealed content of a notice is bound to. */
function noticePlace(noticeId: Id) {
  return { table: 'sanctions_notices', column: 'content', rowId: noticeId };
}

/** @errors not_found */
async function findNotice(tx: Tx, ctx: Ctx, noticeId: Id): Promise<SanctionsNotice> {
  const [found] = await tx
    .select()
    .from(sanctionsNotices)
    .where(and(eq(sanctionsNotices.id, noticeId), notAboutSelf(tx, ctx)));
  if (found === undefined) {
    throw refuse('not_found');
  }
  return found;
}

/** Staff who are part of the case must not learn that there is a notice (no tipping off). */
function notAboutSelf(tx: Tx, ctx: Ctx): SQL | undefined {
  if (personOf(ctx.actor) === null) {
    return undefined;
  }
  const mine = and(eq(amlCases.id, sanctionsNotices.caseId), caseNotAboutSelf(tx, ctx));
  return or(isNull(sanctionsNotices.caseId), exists(tx.select({ one: sql`1` }).from(amlCases).where(mine)));
}
