/**
 * Checks the body of a filtered export: each row leads to the checkpoint's root by its own proof, the rows
 * ascend, and each names the row exported before it, so that a row taken out is named by the next.
 */
import type { Checkpoint } from './checkpoint.ts';
import type { Findings } from './export-findings.ts';
import { type ExportRowLine, exportedLeaf } from './export-format.ts';
import type { BodyCheck } from './export-range-check.ts';
import { verifyInclusion } from './merkle.ts';

/** A checker for rows with their own proofs. */
export function checkRowsBody(checkpoint: Checkpoint, findings: Findings): BodyCheck {
  let rows = 0;
  let last: number | null = null;
  return {
    tile: (tile, line) =>
      findings.add({ code: 'line_malformed', line, detail: `block ${tile.index} in a file without blocks` }),
    row: (row, line) => {
      rows += 1;
      checkNeighbour(findings, row, line, last);
      checkProof(findings, checkpoint, row, line);
      last = row.sequence;
    },
    finish: () => ({ rows, withheld: 0, last }),
  };
}

function checkNeighbour(findings: Findings, row: ExportRowLine, line: number, last: number | null): void {
  const { sequence } = row;
  if (last !== null && sequence === last) {
    findings.add({ code: 'row_inserted', sequence, line, detail: 'the sequence number appears twice' });
    return;
  }
  if (last !== null && sequence < last) {
    findings.add({ code: 'row_out_of_order', sequence, line, detail: `the row stands after row ${last}` });
    return;
  }
  const previous = row.own?.previous ?? null;
  if (previous !== null && (last === null || previous > last)) {
    const detail = 'the next row names it as exported before, but it is not in the file';
    findings.add({ code: 'row_missing', sequence: previous, line, detail });
  } else if (last !== null && (previous === null || previous < last)) {
    const detail = 'the next row names another as exported before it';
    findings.add({ code: 'row_inserted', sequence: last, line: line - 1, detail });
  }
}

function checkProof(findings: Findings, checkpoint: Checkpoint, row: ExportRowLine, line: number): void {
  const leaf = exportedLeaf(row.content);
  const { sequence, own } = row;
  if (leaf === undefined || own === undefined) {
    const detail = 'a row of a filtered export must show its content and its proof';
    findings.add({ code: 'row_unproven', sequence, line, detail });
    return;
  }
  if (!verifyInclusion(sequence, checkpoint.size, leaf, own.proof, checkpoint.root)) {
    const detail = 'its content, its place or its proof is not what the checkpoint commits to';
    findings.add({ code: 'row_altered', sequence, line, detail });
  }
}
