/**
 * Checks the body of a contiguous export, block by block: each tile leads to the checkpoint's root, each row
 * to its leaf in the tile, no row of the range is missing or twice, and the whole folds to the root again.
 * Guarantees: holds one block of 256 hashes at a time.
 */
import { present } from '../../kernel/assert.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Findings } from './export-findings.ts';
import {
  type ExportRowLine,
  type ExportTile,
  exportedLeaf,
  type ProofKind,
  WITHHELD_REASONS,
} from './export-format.ts';
import {
  appendLeaf,
  appendSubtree,
  type Frontier,
  frontierOf,
  frontierRoot,
  type Hash,
  rangeNodes,
  rootOfLeaves,
  sameHash,
  verifyInclusion,
} from './merkle.ts';
import { TILE_HEIGHT, TILE_WIDTH, tileWidth } from './tiles.ts';

/** What a body checker takes and gives, whichever proof kind the file has. */
export type BodyCheck = {
  readonly tile: (tile: ExportTile, line: number) => void;
  readonly row: (row: ExportRowLine, line: number) => void;
  /** Ends the body; `right` is the trailer's, where there is one. */
  readonly finish: (right: readonly Hash[] | undefined) => BodyOutcome;
};

/** `earlierRoot` is the authenticated root of the tree at the earlier checkpoint's size, if the file shows it. */
export type BodyOutcome = {
  readonly rows: number;
  readonly withheld: number;
  readonly last: number | null;
  readonly earlierRoot?: Hash;
};

type Range = Extract<ProofKind, { kind: 'range' }>;

type Block = {
  readonly index: number;
  readonly hashes: readonly Hash[];
  readonly proven: boolean;
  readonly seen: Uint8Array;
};

type State = {
  readonly range: Range;
  readonly checkpoint: Checkpoint;
  readonly findings: Findings;
  readonly earlierSize: number | undefined;
  nextBlock: number;
  block: Block | undefined;
  /** Undefined once a block was missing or unproven: what follows cannot be folded. */
  frontier: Frontier | undefined;
  earlierRoot: Hash | undefined;
  strayRows: number;
  rows: number;
  withheld: number;
  last: number | null;
};

/** A checker for the range that the header announces; the caller has checked its bounds and `left`. */
export function checkRangeBody(
  range: Range,
  checkpoint: Checkpoint,
  findings: Findings,
  earlierSize: number | undefined,
): BodyCheck {
  const state: State = {
    range,
    checkpoint,
    findings,
    earlierSize,
    nextBlock: Math.floor(range.begin / TILE_WIDTH),
    block: undefined,
    frontier: frontierOf(range.begin, range.left),
    earlierRoot: undefined,
    strayRows: 0,
    rows: 0,
    withheld: 0,
    last: null,
  };
  captureEarlier(state);
  return {
    tile: (tile, line) => onTile(state, tile, line),
    row: (row, line) => onRow(state, row, line),
    finish: (right) => finish(state, right),
  };
}

function onTile(state: State, tile: ExportTile, line: number): void {
  closeBlock(state);
  if (tile.index < state.nextBlock || tile.index >= blockCount(state.range)) {
    state.findings.add({ code: 'block_unproven', line, detail: `block ${tile.index} stands out of place` });
    return;
  }
  skipTo(state, tile.index);
  const { size, root } = state.checkpoint;
  const whole = tile.hashes.length === tileWidth(0, tile.index, size);
  const blocks = Math.ceil(size / TILE_WIDTH);
  const proven = whole && verifyInclusion(tile.index, blocks, rootOfLeaves(tile.hashes), tile.path, root);
  state.block = { index: tile.index, hashes: tile.hashes, proven, seen: new Uint8Array(TILE_WIDTH) };
  state.nextBlock = tile.index + 1;
  state.strayRows = 0;
  if (!proven) {
    const detail = 'the hashes of this block do not lead to the root of the checkpoint';
    state.findings.add({
      code: 'block_unproven',
      ...named(state.range, tile.index, tile.index),
      line,
      detail,
    });
  }
}

function onRow(state: State, row: ExportRowLine, line: number): void {
  const { sequence } = row;
  const { findings, range, block } = state;
  const index = Math.floor(sequence / TILE_WIDTH);
  const before = state.last;
  state.rows += 1;
  state.last = sequence;
  if (sequence < range.begin || sequence >= range.end) {
    findings.add({ code: 'row_inserted', sequence, line, detail: 'the row lies outside the range' });
    return;
  }
  if (block === undefined || index > block.index) {
    state.strayRows += 1;
    findings.add({ code: 'row_unproven', sequence, line, detail: 'no block with its hash stands before it' });
    return;
  }
  const slot = sequence % TILE_WIDTH;
  if (index < block.index) {
    findings.add({ code: 'row_out_of_order', sequence, line, detail: 'the row stands after its block' });
    return;
  }
  if (block.seen[slot] === 1) {
    findings.add({ code: 'row_inserted', sequence, line, detail: 'the sequence number appears twice' });
  } else if (before !== null && sequence < before) {
    findings.add({ code: 'row_out_of_order', sequence, line, detail: `the row stands after row ${before}` });
  }
  block.seen[slot] = 1;
  checkLeaf(state, block, row, line);
}

function checkLeaf(state: State, block: Block, row: ExportRowLine, line: number): void {
  const { sequence } = row;
  if ('withheld' in row.content) {
    state.withheld += 1;
    if (!WITHHELD_REASONS.includes(row.content.withheld)) {
      const detail =
        'the checkpoint commits to the row, but who wrote the file no longer had it: it was deleted';
      state.findings.add({ code: 'row_missing', sequence, line, detail });
    }
    return;
  }
  const leaf = exportedLeaf(row.content);
  const logged = block.hashes[sequence % TILE_WIDTH];
  if (leaf === undefined || (logged !== undefined && sameHash(leaf, logged))) {
    return;
  }
  const elsewhere = block.hashes.findIndex((hash) => sameHash(hash, leaf));
  if (elsewhere >= 0) {
    const detail = `its content was logged as row ${block.index * TILE_WIDTH + elsewhere}`;
    state.findings.add({ code: 'row_moved', sequence, line, detail });
    return;
  }
  const detail = block.proven
    ? 'its content is not what the checkpoint commits to'
    : 'its content does not have the hash that the file gives for it';
  state.findings.add({ code: 'row_altered', sequence, line, detail });
}

function closeBlock(state: State): void {
  const { block, range } = state;
  if (block === undefined) {
    return;
  }
  state.block = undefined;
  const { begin, end } = span(range, block.index);
  for (let sequence = begin; sequence < end; sequence += 1) {
    if (block.seen[sequence % TILE_WIDTH] !== 1) {
      const detail = 'the row is in the log but not in the file';
      state.findings.add({ code: 'row_missing', sequence, detail });
    }
  }
  if (block.proven) {
    extend(state, block, begin, end);
  } else {
    state.frontier = undefined;
  }
}

function extend(state: State, block: Block, begin: number, end: number): void {
  const { frontier, earlierSize = -1 } = state;
  if (frontier === undefined) {
    return;
  }
  const whole = end - begin === TILE_WIDTH;
  if (whole && (earlierSize <= begin || earlierSize >= end)) {
    appendSubtree(frontier, TILE_HEIGHT, rootOfLeaves(block.hashes));
    captureEarlier(state);
    return;
  }
  for (let sequence = begin; sequence < end; sequence += 1) {
    appendLeaf(frontier, present(block.hashes[sequence % TILE_WIDTH], 'a proven block is whole'));
    captureEarlier(state);
  }
}

function captureEarlier(state: State): void {
  if (state.frontier !== undefined && state.frontier.size === state.earlierSize) {
    state.earlierRoot = frontierRoot(state.frontier);
  }
}

/** Names the rows of the blocks up to `index` that the file passes over. */
function skipTo(state: State, index: number): void {
  if (index <= state.nextBlock) {
    return;
  }
  state.frontier = undefined;
  const rows = named(state.range, state.nextBlock, index - 1);
  state.findings.add(
    state.strayRows === 0
      ? { code: 'row_missing', ...rows, detail: 'the row is in the log but not in the file' }
      : { code: 'block_unproven', ...rows, detail: 'the hashes of this block are not in the file' },
  );
}

function finish(state: State, right: readonly Hash[] | undefined): BodyOutcome {
  closeBlock(state);
  skipTo(state, blockCount(state.range));
  const { rows, withheld, last, earlierRoot } = state;
  const folded = right !== undefined && foldsToRoot(state, right);
  if (right !== undefined && state.frontier !== undefined && !folded) {
    const detail = 'the subtrees given for the log before and after the range do not lead to the root';
    state.findings.add({ code: 'edges_altered', detail });
  }
  return { rows, withheld, last, ...(folded && earlierRoot && { earlierRoot }) };
}

function foldsToRoot(state: State, right: readonly Hash[]): boolean {
  const { frontier, range, checkpoint } = state;
  const nodes = rangeNodes(range.end, checkpoint.size);
  if (frontier === undefined || nodes.length !== right.length) {
    return false;
  }
  for (const [at, node] of nodes.entries()) {
    appendSubtree(frontier, node.level, present(right[at], 'one hash for each node'));
  }
  return sameHash(frontierRoot(frontier), checkpoint.root);
}

function blockCount(range: Range): number {
  const first = Math.floor(range.begin / TILE_WIDTH);
  return range.begin === range.end ? first : Math.ceil(range.end / TILE_WIDTH);
}

function span(range: Range, index: number): { begin: number; end: number } {
  return {
    begin: Math.max(range.begin, index * TILE_WIDTH),
    end: Math.min(range.end, (index + 1) * TILE_WIDTH),
  };
}

function named(range: Range, first: number, last: number): { sequence: number; through: number } {
  return { sequence: span(range, first).begin, through: span(range, last).end - 1 };
}
