import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { readSealedFile } from '../../platform/files/sealed-file.ts';
import { AUDIT_EVENTS } from './audit.ts';
import { refuseAudit } from './errors.ts';
import { fileOf, findExport, viewOf } from './exports.ts';

/** How far an export is. @errors not_found */
export async function getExport(ctx: Ctx, exportId: Id) {
  return transact(ctx, ctx.login, async (tx) => viewOf(tx, await findExport(tx, exportId)));
}

/**
 * The file of a completed export, as a stream; its digest goes into the headers.
 * @effects audit `audit_export.downloaded`
 * @errors not_found, export_not_ready
 */
export async function downloadExport(ctx: Ctx, exportId: Id): Promise<Response> {
  const stored = await transact(ctx, ctx.login, async (tx) => {
    const found = await findExport(tx, exportId);
    if (found.status !== 'completed') {
      throw refuseAudit('export_not_ready', { detail: `The export is ${found.status}.` });
    }
    await record(tx, ctx, {
      event: AUDIT_EVENTS['audit_export.downloaded'],
      resource: { type: 'audit_export', id: exportId },
      subjectUserId: null,
      after: { ...found, ...found.period },
    });
    return found;
  });
  const { name, place } = fileOf(exportId);
  const path = await ctx.deps.files.pathOf(name);
  const digest = Buffer.from(present(stored.sha256, 'a completed export has a digest'), 'hex').toString(
    'base64',
  );
  return new Response(streamOf(readSealedFile(path, ctx.deps.keyring.house, place)), {
    headers: {
      'content-type': 'application/x-ndjson',
      'content-disposition': `attachment; filename="audit-${exportId}.ndjson"`,
      'repr-digest': `sha-256=:${digest}:`,
      'cache-control': 'no-store',
    },
  });
}

function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
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
  });
}
