/** What a verifier asks of a transparency log: proofs, the latest checkpoint, tiles. */
import { and, eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import { toBase64 } from '../../platform/audit/base64.ts';
import { leafEntry, partHash } from '../../platform/audit/leaf.ts';
import { latestCheckpoint, loadNodes } from '../../platform/audit/log-store.ts';
import { inclusionNodes, inclusionProof, type NodeId } from '../../platform/audit/merkle.ts';
import { type AuditRow, publicPart } from '../../platform/audit/row.ts';
import {
  encodeEntryBundle,
  joinHashes,
  parseTilePath,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TileResource,
  tileWidth,
} from '../../platform/audit/tiles.ts';
import { formatTlogProof } from '../../platform/audit/tlog-proof.ts';
import { readLeaves } from '../../platform/audit/verify-log.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { auditLeaves, auditLogs } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseAudit } from './errors.ts';
import { tellReads } from './tell-reads.ts';

/**
 * A row's `.tlog-proof` under the latest checkpoint. Its extra data is the row's public part with its
 * salt and the hash of the personal part, from which a verifier recomputes the leaf.
 * @effects audit `audit_log.person_read` for whom the row is about, and who did it
 * @source https://c2sp.org/tlog-proof
 * @errors not_found (also what is restricted about the reader), row_not_sealed
 */
export async function readProof(ctx: Ctx, logId: Id): Promise<string> {
  return transact(ctx, ctx.login, async (tx) => {
    const [leaf] = await tx.select().from(auditLeaves).where(eq(auditLeaves.logId, logId));
    // Rows are found by their time: by the id alone every month would be read.
    const place = leaf === undefined ? undefined : eq(auditLogs.recordedAt, leaf.recordedAt);
    const [row] = await tx
      .select()
      .from(auditLogs)
      .where(and(place, eq(auditLogs.id, logId)))
      .limit(1);
    if (row === undefined || (row.class === 'restricted' && row.subjectUserId === personOf(ctx.actor))) {
      throw refuse('not_found');
    }
    const checkpoint = await latestCheckpoint(tx);
    const index = leaf === undefined ? undefined : Number.parseInt(String(leaf.leafIndex), 10);
    if (index === undefined || checkpoint === undefined || checkpoint.size <= index) {
      throw refuseAudit('row_not_sealed');
    }
    // A proof discloses the public part of its row.
    await tellReads(tx, ctx, [row.subjectUserId, row.actorUserId], {
      resource: { type: 'audit_log', id: logId },
      after: { rows: 1 },
    });
    const read = await loadNodes(tx, inclusionNodes(index, checkpoint.size));
    return formatTlogProof({
      index,
      hashes: inclusionProof(index, checkpoint.size, read),
      checkpoint: checkpoint.note,
      extra: Buffer.from(disclosure(row), 'utf8'),
    });
  });
}

/** The latest checkpoint, a signed note. @errors not_found before the first */
export async function readCheckpoint(ctx: Ctx): Promise<string> {
  return transact(ctx, ctx.login, async (tx) => {
    const checkpoint = await latestCheckpoint(tx);
    if (checkpoint === undefined) {
      throw refuse('not_found');
    }
    return checkpoint.note;
  });
}

/**
 * A tile or an entry bundle of the tree of the latest checkpoint.
 * @source https://c2sp.org/tlog-tiles
 * @errors not_found for another spelling and for what the tree does not have
 */
export async function readTile(ctx: Ctx, path: string): Promise<Uint8Array> {
  const tile = parseTilePath(path);
  if (tile === undefined) {
    throw refuse('not_found');
  }
  return transact(ctx, ctx.login, async (tx) => {
    const size = (await latestCheckpoint(tx))?.size ?? 0;
    const level = tile.level === 'entries' ? 0 : tile.level;
    if (tile.width > tileWidth(level, tile.index, size)) {
      throw refuse('not_found');
    }
    return tile.level === 'entries' ? entriesOf(tx, tile) : hashesOf(tx, tile, level);
  });
}

async function hashesOf(tx: Tx, tile: TileResource, level: number): Promise<Uint8Array> {
  const nodes: NodeId[] = Array.from({ length: tile.width }, (_, at) => ({
    level: level * TILE_HEIGHT,
    index: tile.index * TILE_WIDTH + at,
  }));
  const read = await loadNodes(tx, nodes);
  return joinHashes(nodes.map((node) => read(node.level, node.index)));
}

/** An entry says nothing about its row: it is the hash of the two parts' hashes. */
async function entriesOf(tx: Tx, tile: TileResource): Promise<Uint8Array> {
  const begin = tile.index * TILE_WIDTH;
  const leaves = await readLeaves(tx, begin, begin + tile.width);
  return encodeEntryBundle(
    leaves.map(({ row }) => (row === null ? new Uint8Array(0) : leafEntry(partsOf(row)))),
  );
}

function partsOf(row: AuditRow) {
  return { publicHash: partHash(row.salt, publicPart(row)), personalHash: row.personalHash };
}

function disclosure(row: AuditRow): string {
  return canonicalJson({
    publicSalt: toBase64(row.salt),
    public: publicPart(row),
    personalHash: toBase64(row.personalHash),
  });
}
