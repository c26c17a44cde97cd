import { desc, eq, inArray, lt } from 'drizzle-orm';
import type { Page } from '../../kernel/page.ts';
import { formatConsistency } from '../../platform/audit/consistency-file.ts';
import { loadNodes } from '../../platform/audit/log-store.ts';
import { consistencyNodes, consistencyProof } from '../../platform/audit/merkle.ts';
import { auditCosignatures } from '../../platform/audit/schema.ts';
import type { Ctx } from '../../platform/context.ts';
import { auditCheckpoints } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';

const LISTING = 'audit-checkpoints';

type StoredHead = { readonly treeSize: number; readonly note: string; readonly signedAt: string };

/**
 * The proof that the tree of the checkpoint `to` begins with the tree of `from` rows. `from` is any size: whoever
 * kept a checkpoint of it has the root that belongs to it.
 * @units tree sizes in rows
 * @source RFC 6962 section 2.1.2
 * @errors not_found where no checkpoint has `to` rows, or `from` is larger
 */
export async function readConsistency(
  ctx: Ctx,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<string> {
  return transact(ctx, ctx.login, async (tx) => {
    const [head] = await tx
      .select()
      .from(auditCheckpoints)
      .where(eq(auditCheckpoints.treeSize, BigInt(to)));
    if (from > to) {
      throw refuse('not_found', {
        detail: '`from` is larger than `to`: a tree begins with smaller ones only',
      });
    }
    if (head === undefined) {
      const detail = `No checkpoint was signed over ${to} rows; GET /v1/audit/log/checkpoints lists them`;
      throw refuse('not_found', { detail });
    }
    const read = await loadNodes(tx, consistencyNodes(from, to));
    const proof = consistencyProof(from, to, read);
    return formatConsistency({ oldSize: from, size: to, proof, checkpoint: head.note });
  });
}

/** The checkpoints that were signed, the newest first, with the cosignatures of witnesses. @errors invalid_cursor */
export async function listCheckpoints(ctx: Ctx, { limit, cursor }: PageRequest): Promise<Page<StoredHead>> {
  const key = ctx.deps.keyring.cursorKey;
  const [below] = cursor === undefined ? [] : readCursor(key, LISTING, cursor);
  return transact(ctx, ctx.login, async (tx) => {
    const rows = await tx
      .select()
      .from(auditCheckpoints)
      .where(below === undefined ? undefined : lt(auditCheckpoints.treeSize, BigInt(below)))
      .orderBy(desc(auditCheckpoints.treeSize))
      .limit(limit + 1);
    const lines = await tx
      .select({ treeSize: auditCosignatures.treeSize, line: auditCosignatures.line })
      .from(auditCosignatures)
      .where(
        inArray(
          auditCosignatures.treeSize,
          rows.map((row) => row.treeSize),
        ),
      );
    const heads = rows.map(({ treeSize, note, signedAt }) => ({
      treeSize: Number.parseInt(String(treeSize), 10),
      note:
        note +
        lines
          .filter((line) => line.treeSize === treeSize)
          .map(({ line }) => line)
          .join(''),
      signedAt,
    }));
    return cutPage(key, LISTING, heads, limit, (head) => [String(head.treeSize)]);
  });
}
