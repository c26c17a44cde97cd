/**
 * What a verifier found wrong with an export: a closed list of codes, with the rows each one names.
 * Guarantees: bounded memory, however broken the file is; neighbouring rows with one fault are one finding.
 */

/** The closed list of faults. */
export type FindingCode =
  | 'header_invalid'
  | 'line_malformed'
  | 'trailer_missing'
  | 'content_after_trailer'
  | 'checkpoint_invalid'
  | 'checkpoint_changed'
  | 'signature_invalid'
  | 'seal_missing'
  | 'seal_invalid'
  | 'digest_mismatch'
  | 'count_mismatch'
  | 'row_altered'
  | 'row_moved'
  | 'row_missing'
  | 'row_inserted'
  | 'row_forged'
  | 'row_out_of_order'
  | 'row_unproven'
  | 'block_unproven'
  | 'edges_altered'
  | 'log_replaced'
  | 'earlier_invalid'
  | 'earlier_beyond_name'
  | 'earlier_unproven'
  | 'newer_checkpoint_unproven';

/** One fault. `sequence` to `through` (inclusive) are the rows it names, `line` where it was first seen. */
export type Finding = {
  readonly code: FindingCode;
  readonly sequence?: number;
  readonly through?: number;
  readonly line?: number;
  readonly detail: string;
  /** The tree size of the smallest checkpoint at hand that covers the rows. */
  readonly checkpoint?: number;
};

export type Findings = {
  readonly add: (finding: Finding) => void;
  readonly list: () => readonly Finding[];
  readonly count: () => number;
};

/** Collects findings, keeping the first `limit` and counting all. */
export function collectFindings(limit: number): Findings {
  const kept: Finding[] = [];
  let last: Finding | undefined;
  let total = 0;
  return {
    add: (finding) => {
      const joined = last && join(last, finding);
      if (joined !== undefined) {
        if (kept.at(-1) === last) {
          kept[kept.length - 1] = joined;
        }
        last = joined;
        return;
      }
      total += 1;
      last = finding;
      if (kept.length < limit) {
        kept.push(finding);
      }
    },
    list: () => kept,
    count: () => total,
  };
}

/** A finding in one line for a person. */
export function describeFinding(finding: Finding): string {
  const { code, sequence, through = sequence, line, detail, checkpoint } = finding;
  const row = sequence === through ? `row ${sequence}` : `rows ${sequence} to ${through}`;
  const where = [sequence === undefined ? '' : ` ${row}`, line === undefined ? '' : ` (line ${line})`].join(
    '',
  );
  const under = checkpoint === undefined ? '' : `, under checkpoint ${checkpoint}`;
  return `${code}${where}: ${detail}${under}`;
}

function join(one: Finding, next: Finding): Finding | undefined {
  const through = one.through ?? one.sequence;
  const follows = through !== undefined && next.sequence === through + 1;
  return follows && one.code === next.code && one.detail === next.detail
    ? { ...one, through: next.through ?? next.sequence ?? through }
    : undefined;
}
