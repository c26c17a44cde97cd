/**
 * Writes an audit export (format: export-format.ts) from rows and stored tree nodes.
 * Guarantees: constant memory; the rows come out in sequence and, in a range, without a gap, or the writing
 * fails. Does not compare rows with the tree: a tampered row is exported as it is, and its verifier says so.
 */
import { createHash } from 'node:crypto';
import { assert } from '../../kernel/assert.ts';
import { type Checkpoint, type NoteSigner, parseCheckpoint, parseNote, signNote } from './checkpoint.ts';
import {
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
  type Hash,
  type HashReader,
  inclusionNodes,
  inclusionProof,
  type NodeId,
  rangeNodes,
  subtreeProof,
  subtreeProofNodes,
} from './merkle.ts';
import { TILE_WIDTH } from './tiles.ts';

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
  readonly range?: { readonly begin: number; readonly end: number };
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
  const sha256 = new Uint8Array(digest.digest());
  const right = plan.range && (await nodeHashes(rangeNodes(plan.range.end, checkpoint.size), loadNodes));
  const seal = plan.sealer && signSeal(plan.sealer, checkpoint, written, sha256);
  yield formatExportLine({
    type: 'trailer',
    rows: written,
    last,
    treeSize: checkpoint.size,
    checkpoint: plan.checkpoint,
    ...(right && { right }),
    consistency: await consistencyOf(plan.earlierSizes ?? [], checkpoint.size, loadNodes),
    sha256,
    ...(seal !== undefined && { seal }),
  });
}

async function headerOf(
  plan: ExportPlan,
  checkpoint: Checkpoint,
  loadNodes: NodeLoader,
): Promise<ExportHeader> {
  const { checkpoint: note, verifierKey, createdAt, from, to, filters, range } = plan;
  const shared = { type: 'header', checkpoint: note, verifierKey, createdAt, from, to, filters } as const;
  if (range === undefined) {
    return { ...shared, origin: checkpoint.origin, proof: { kind: 'rows' } };
  }
  assert(range.begin <= range.end && range.end <= checkpoint.size, 'the range lies within the tree');
  const left = await nodeHashes(rangeNodes(0, range.begin), loadNodes);
  return { ...shared, origin: checkpoint.origin, proof: { kind: 'range', ...range, left } };
}

async function tileOf(index: number, size: number, loadNodes: NodeLoader): Promise<ExportTile> {
  const block = { begin: index * TILE_WIDTH, end: Math.min((index + 1) * TILE_WIDTH, size) };
  const leaves: NodeId[] = [];
  for (let leaf = block.begin; leaf < block.end; leaf += 1) {
    leaves.push({ level: 0, index: leaf });
  }
  const read = await loadNodes([...leaves, ...subtreeProofNodes(block, size)]);
  const hashes = leaves.map((leaf) => read(leaf.level, leaf.index));
  return { type: 'tile', index, hashes, path: subtreeProof(block, size, read) };
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
