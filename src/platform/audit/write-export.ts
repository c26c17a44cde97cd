/**
 * Writes an audit export (format: export-format.ts) from rows and stored tree nodes.
 * Guarantees: constant memory; the rows come out in sequence and, in a range, without a gap, or the writing
 * fails. Does not compare rows with the tree: a tampered row is exported as it is, and its verifier says so.
 */
import { createHash, type Hash as RunningHash } from 'node:crypto';
import { assert } from '../../kernel/assert.ts';
import { type Checkpoint, type NoteSigner, parseCheckpoint, parseNote, signNote } from './checkpoint.ts';
import {
  type EarlierOrigin,
  type ExportConsistency,
  type ExportHeader,
  type ExportLine,
  type ExportRow,
  type ExportTile,
  formatExportLine,
  type JsonObject,
  sealText,
} from './export-format.ts';
import {
  consistencyNodes,
  consistencyProof,
  HASH_BYTES,
  type Hash,
  type HashReader,
  inclusionNodes,
  inclusionProof,
  type LeafRange,
  type NodeId,
  rangeNodes,
  subtreeProof,
  subtreeProofNodes,
} from './merkle.ts';
import { splitHashes, TILE_WIDTH } from './tiles.ts';

/** The running SHA-256 of all that was written. */
export type DigestOfAll = Pick<RunningHash, 'update' | 'copy'>;

/** Fetches complete nodes of the tree and gives a reader over them. */
export type NodeLoader = (nodes: readonly NodeId[]) => Promise<HashReader> | HashReader;

/**
 * What to write. `range` asks for a contiguous file, else each row gets its own proof. `earlierSizes` are the
 * tree sizes of checkpoints that the reader may hold. Without `sealer` the file is not sealed.
 */
export type ExportPlan = {
  readonly checkpoint: string;
  readonly verifierKey: string;
  readonly createdAt: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly filters: JsonObject;
  /** The names the log bore before. */
  readonly origins?: readonly EarlierOrigin[];
  readonly range?: LeafRange;
  readonly earlierSizes?: readonly number[];
  readonly sealer?: NoteSigner;
};

/**
 * Yields the lines of an export, each with its newline.
 * @errors throws AssertionError on rows out of sequence, missing from the range or not yet in the checkpoint
 */
export async function* writeExport(
  plan: ExportPlan,
  rows: AsyncIterable<ExportRow> | Iterable<ExportRow>,
  loadNodes: NodeLoader,
): AsyncGenerator<string> {
  const checkpoint = parseCheckpoint(parseNote(plan.checkpoint).text);
  const digest = createHash('sha256');
  const emit = (line: ExportLine): string => {
    const text = formatExportLine(line);
    digest.update(text, 'utf8');
    return text;
  };
  yield emit(await headerOf(plan, checkpoint, loadNodes));
  let written = 0;
  let last: number | null = null;
  for await (const row of rows) {
    const expected = plan.range === undefined ? undefined : plan.range.begin + written;
    assert(row.sequence < checkpoint.size, 'only rows under the checkpoint are exported');
    assert(expected === undefined || row.sequence === expected, 'a range is exported without gaps');
    assert(last === null || row.sequence > last, 'rows are exported in sequence');
    if (plan.range === undefined) {
      assert(!('withheld' in row.content), 'only a range has rows that are withheld');
      const proof = await proofOf(row.sequence, checkpoint.size, loadNodes);
      yield emit({ type: 'row', ...row, own: { previous: last, proof } });
    } else {
      if (written === 0 || row.sequence % TILE_WIDTH === 0) {
        yield emit(await tileOf(Math.floor(row.sequence / TILE_WIDTH), checkpoint.size, loadNodes));
      }
      yield emit({ type: 'row', ...row });
    }
    written += 1;
    last = row.sequence;
  }
  assert(plan.range === undefined || plan.range.end === plan.range.begin + written, 'the range is complete');
  yield formatExportLine(
    await trailerOf(plan, checkpoint, { written, last, sha256: new Uint8Array(digest.digest()) }, loadNodes),
  );
}

/** A block of a range: the leaf hashes of the whole of it, joined, and the lines of its rows in the range. */
export type ExportBlock = {
  readonly index: number;
  readonly leaves: Uint8Array;
  readonly lines: Uint8Array;
  readonly count: number;
};

/** So many blocks' ways to the root are fetched at once: they have most of their nodes in common. */
const BLOCKS_AHEAD = 256;

/**
 * Yields the bytes of a range export whose rows were written before, a block at a time: the same bytes as
 * `writeExport` gives for the same rows, in a fraction of the time. `digest` is told of every byte. What is
 * yielded is good until the next is asked for.
 * @errors throws AssertionError on blocks out of order or missing from the range
 */
export async function* writeBlocks(
  plan: ExportPlan & { readonly range: LeafRange },
  blocks: AsyncIterable<ExportBlock>,
  loadNodes: NodeLoader,
  digest: DigestOfAll,
): AsyncGenerator<Uint8Array> {
  const checkpoint = parseCheckpoint(parseNote(plan.checkpoint).text);
  const seen = (bytes: Uint8Array): Uint8Array => {
    digest.update(bytes);
    return bytes;
  };
  const { begin, end } = plan.range;
  const pathOf = pathsOf(plan.range, checkpoint.size, loadNodes);
  yield seen(Buffer.from(formatExportLine(await headerOf(plan, checkpoint, loadNodes)), 'utf8'));
  let written = 0;
  for await (const { index, leaves, lines, count } of blocks) {
    const range = blockRange(index, checkpoint.size);
    const own = Math.min(end, range.end) - Math.max(begin, range.begin);
    assert(index === Math.floor((begin + written) / TILE_WIDTH), 'blocks are exported without gaps');
    assert(
      count === own && leaves.length === HASH_BYTES * (range.end - range.begin),
      'a block is exported whole',
    );
    const path = await pathOf(index);
    const tile = { type: 'tile', index, hashes: splitHashes(leaves), path } as const;
    yield seen(Buffer.from(formatExportLine(tile), 'utf8'));
    yield seen(lines);
    written += count;
  }
  assert(begin + written === end, 'the range is complete');
  const last = written === 0 ? null : end - 1;
  const body = { written, last, sha256: new Uint8Array(digest.copy().digest()) };
  yield seen(Buffer.from(formatExportLine(await trailerOf(plan, checkpoint, body, loadNodes)), 'utf8'));
}

/** The ways from the blocks of a range to the root, in order. */
function pathsOf(
  { end }: LeafRange,
  size: number,
  loadNodes: NodeLoader,
): (index: number) => Promise<readonly Hash[]> {
  const last = Math.ceil(end / TILE_WIDTH);
  let until = 0;
  let read: HashReader | undefined;
  return async (index) => {
    if (read === undefined || index >= until) {
      until = Math.min(last, index + BLOCKS_AHEAD);
      const ahead = Array.from({ length: until - index }, (_, at) => blockRange(index + at, size));
      const nodes = ahead.flatMap((range) => subtreeProofNodes(range, size));
      const distinct = new Map(nodes.map((node) => [`${node.level}/${node.index}`, node]));
      read = await loadNodes([...distinct.values()]);
    }
    return subtreeProof(blockRange(index, size), size, read);
  };
}

async function trailerOf(
  plan: ExportPlan,
  checkpoint: Checkpoint,
  body: { readonly written: number; readonly last: number | null; readonly sha256: Hash },
  loadNodes: NodeLoader,
): Promise<ExportLine> {
  const { written, last, sha256 } = body;
  const right = plan.range && (await nodeHashes(rangeNodes(plan.range.end, checkpoint.size), loadNodes));
  const seal = plan.sealer && signSeal(plan.sealer, checkpoint, written, sha256);
  return {
    type: 'trailer',
    rows: written,
    last,
    treeSize: checkpoint.size,
    checkpoint: plan.checkpoint,
    ...(right && { right }),
    consistency: await consistencyOf(plan.earlierSizes ?? [], checkpoint.size, loadNodes),
    sha256,
    ...(seal !== undefined && { seal }),
  };
}

async function headerOf(
  plan: ExportPlan,
  checkpoint: Checkpoint,
  loadNodes: NodeLoader,
): Promise<ExportHeader> {
  const { checkpoint: note, verifierKey, createdAt, from, to, filters, range, origins = [] } = plan;
  const { origin } = checkpoint;
  const named = origins.length > 0 ? { origin, origins } : { origin };
  const about = { verifierKey, createdAt, from, to, filters };
  const shared = { type: 'header', checkpoint: note, ...about, ...named } as const;
  if (range === undefined) {
    return { ...shared, proof: { kind: 'rows' } };
  }
  assert(range.begin <= range.end && range.end <= checkpoint.size, 'the range lies within the tree');
  const left = await nodeHashes(rangeNodes(0, range.begin), loadNodes);
  return { ...shared, proof: { kind: 'range', ...range, left } };
}

async function tileOf(index: number, size: number, loadNodes: NodeLoader): Promise<ExportTile> {
  const block = blockRange(index, size);
  const leaves: NodeId[] = [];
  for (let leaf = block.begin; leaf < block.end; leaf += 1) {
    leaves.push({ level: 0, index: leaf });
  }
  const read = await loadNodes([...leaves, ...subtreeProofNodes(block, size)]);
  const hashes = leaves.map((leaf) => read(leaf.level, leaf.index));
  return { type: 'tile', index, hashes, path: subtreeProof(block, size, read) };
}

/** A block is whole but for the tree's last. */
function blockRange(index: number, size: number): LeafRange {
  return { begin: index * TILE_WIDTH, end: Math.min((index + 1) * TILE_WIDTH, size) };
}

async function proofOf(sequence: number, size: number, loadNodes: NodeLoader): Promise<Hash[]> {
  return inclusionProof(sequence, size, await loadNodes(inclusionNodes(sequence, size)));
}

async function nodeHashes(nodes: readonly NodeId[], loadNodes: NodeLoader): Promise<Hash[]> {
  const read = await loadNodes(nodes);
  return nodes.map((node) => read(node.level, node.index));
}

async function consistencyOf(
  earlierSizes: readonly number[],
  size: number,
  loadNodes: NodeLoader,
): Promise<ExportConsistency[]> {
  const proofs: ExportConsistency[] = [];
  for (const earlier of earlierSizes) {
    const read = await loadNodes(consistencyNodes(earlier, size));
    proofs.push({ size: earlier, proof: consistencyProof(earlier, size, read) });
  }
  return proofs;
}

function signSeal(sealer: NoteSigner, checkpoint: Checkpoint, rows: number, sha256: Hash): string {
  const text = sealText({ origin: checkpoint.origin, treeSize: checkpoint.size, rows, sha256 });
  return signNote(text, [sealer]);
}
