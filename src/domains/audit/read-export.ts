import { and, desc, sql } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { assert, present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditExports } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { readSealedRange } from '../../platform/files/sealed-file.ts';
import { cutPage, readCursor } from '../../platform/http/cursor.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { refuseAudit } from './errors.ts';
import { findReadableExport, placeOf, type StoredExport, storedExport, viewsOf } from './exports.ts';
import { peopleNamed, tellReads } from './tell-reads.ts';

const CONTENT_TYPES = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  parquet: 'application/vnd.apache.parquet',
} as const;

/** How far an export is. @errors not_found */
export async function getExport(ctx: Ctx, exportId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const [view] = await viewsOf(tx, [await findReadableExport(tx, ctx, exportId)]);
    return present(view, 'one view for one export');
  });
}

/** Exports, newest first, but for those on the reader. @errors invalid_cursor */
export async function listExports(
  ctx: Ctx,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
) {
  const key = ctx.deps.keyring.cursorKey;
  const [createdAt, id] = cursor === undefined ? [] : readCursor(key, 'audit-exports', cursor);
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx
      .select()
      .from(auditExports)
      .where(
        and(
          sql`(${auditExports.filters} ->> 'userId') is distinct from ${personOf(ctx.actor)}::text`,
          createdAt === undefined || id === undefined
            ? undefined
            : sql`(${auditExports.createdAt}, ${auditExports.id}) < (${createdAt as Instant}::timestamptz, ${id}::uuid)`,
        ),
      )
      .orderBy(desc(auditExports.createdAt), desc(auditExports.id))
      .limit(limit + 1);
    const page = cutPage(key, 'audit-exports', rows, limit, (row) => [row.createdAt, row.id]);
    return { nextCursor: page.nextCursor, data: await viewsOf(tx, page.data.map(storedExport)) };
  });
}

/** The signed manifest of a completed export. @errors not_found, export_not_ready */
export async function getManifest(ctx: Ctx, exportId: Id): Promise<Response> {
  const stored = await transact(ctx, ctx.login, (tx) =>
    findWritten(tx, ctx, exportId, ['completed', 'expired']),
  );
  return new Response(present(stored.manifest, 'a completed export has a manifest'), {
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  });
}

/**
 * The file of a completed export or a part of it, as a stream; its digest goes into the headers.
 * @effects audit `audit_export.downloaded`, and `audit_log.person_read` where its filters name a person
 * @errors not_found, export_not_ready, range_not_satisfiable
 * @source RFC 9110 section 14
 */
export async function downloadExport(
  ctx: Ctx,
  exportId: Id,
  asked: { readonly range: string; readonly ifRange: string },
): Promise<{ readonly status: number; readonly body: Response }> {
  const { stored, part } = await transact(ctx, ctx.login, async (tx) => {
    const found = await findWritten(tx, ctx, exportId, ['completed']);
    const etag = `"${found.sha256}"`;
    const fits = asked.ifRange === '' || asked.ifRange === etag;
    const range = fits ? rangeOf(asked.range, sizeOf(found)) : null;
    await record(tx, ctx, {
      event: AUDIT_EVENTS['audit_export.downloaded'],
      resource: { type: 'audit_export', id: exportId },
      subjectUserId: null,
      after: { ...found, ...found.period, range: range === null ? null : `${range.begin}-${range.end - 1}` },
    });
    const { userId, actorId, resourceId } = found.filters;
    await tellReads(tx, ctx, await peopleNamed(tx, ctx, [userId, actorId, resourceId]), {
      resource: { type: 'audit_export', id: exportId },
      after: { filters: found.filters },
    });
    return { stored: found, part: range };
  });
  const size = sizeOf(stored);
  const { begin, end } = part ?? { begin: 0, end: size };
  const path = await ctx.deps.files.pathOf(present(stored.fileName, 'a completed export has a file'));
  const chunks = readSealedRange(path, ctx.deps.keyring.house, placeOf(exportId), { begin, end });
  const status = part === null ? 200 : 206;
  const headers = {
    ...headersOf(stored),
    'content-length': String(end - begin),
    ...(part === null ? {} : { 'content-range': `bytes ${begin}-${end - 1}/${size}` }),
  };
  return { status, body: new Response(streamOf(chunks), { status, headers }) };
}

function headersOf(stored: StoredExport): Record<string, string> {
  const sha256 = present(stored.sha256, 'a completed export has a digest');
  const encrypted = stored.recipient !== null;
  const name = `audit-${stored.id}.${stored.format}${encrypted ? '.age' : ''}`;
  return {
    'content-type': encrypted ? 'application/octet-stream' : CONTENT_TYPES[stored.format],
    'content-disposition': `attachment; filename="${name}"`,
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    etag: `"${sha256}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'no-store',
  };
}

async function findWritten(
  tx: Tx,
  ctx: Ctx,
  exportId: Id,
  states: readonly StoredExport['status'][],
): Promise<StoredExport> {
  const found = await findReadableExport(tx, ctx, exportId);
  if (!states.includes(found.status)) {
    throw refuseAudit('export_not_ready', { detail: `The export is ${found.status}.` });
  }
  if (found.manifest === null) {
    throw refuseAudit('export_not_ready', {
      detail: 'It was written before exports had manifests; ask again.',
    });
  }
  return found;
}

function sizeOf(stored: StoredExport): number {
  return present(stored.sizeBytes, 'a completed export has a size');
}

/** One range of bytes; null for all of it, also where what was asked is no single range. */
function rangeOf(header: string, size: number): { readonly begin: number; readonly end: number } | null {
  const [whole, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? [];
  if (whole === undefined || (first === '' && last === '')) {
    return null;
  }
  const begin = first === '' ? Math.max(0, size - Number.parseInt(last, 10)) : Number.parseInt(first, 10);
  const end = first === '' || last === '' ? size : Math.min(size, Number.parseInt(last, 10) + 1);
  if (first !== '' && last !== '' && Number.parseInt(last, 10) < begin) {
    return null;
  }
  if (begin >= size) {
    throw refuseAudit('range_not_satisfiable', { headers: { 'content-range': `bytes */${size}` } });
  }
  assert(begin < end, 'a range that can be satisfied is not empty');
  return { begin, end };
}

/** Nothing is opened before somebody reads: an answer to HEAD is never read. */
function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next();
        if (done) {
          controller.close();
        } else {
          controller.enqueue(value);
        }
      },
      cancel: async () => {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
