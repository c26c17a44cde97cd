/**
 * Verifies an audit export (format: export-format.ts) without database, server or trust in who sent it.
 * Guarantees: streams in constant memory; every row that differs from the signed log is found and named, or its
 * block of 256 where that block's hashes were altered too; with the log's key, a row left out, a changed filter
 * and a forged checkpoint are found; with an earlier checkpoint, a log rolled back or replaced since.
 * Does not guarantee that the log was told everything, nor, without a key from another source, whose log it is.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  type Checkpoint,
  NoteError,
  type NoteVerifier,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  signatureFault,
} from './checkpoint.ts';
import { parseConsistency } from './consistency-file.ts';
import { collectFindings, type Finding, type Findings } from './export-findings.ts';
import {
  ExportFormatError,
  type ExportHeader,
  type ExportLine,
  type ExportRowLine,
  type ExportTrailer,
  parseExportLine,
  sealText,
} from './export-format.ts';
import { type BodyCheck, type BodyOutcome, checkRangeBody } from './export-range-check.ts';
import { checkRowsBody } from './export-rows-check.ts';
import { type Hash, rangeNodes, sameHash } from './merkle.ts';
import { checkEarlier, type EarlierState, proofsOf } from './verify-earlier.ts';

const MAX_FINDINGS = 200;

const AlteredRows = z.object({
  eventType: z.literal('audit_row.altered'),
  after: z.object({
    rows: z.array(z.string()),
    leaves: z.array(z.number().int()).optional(),
    count: z.number().int(),
  }),
});

/**
 * `verifierKeys` are the log's keys, from a source other than the file. `earlier` is a checkpoint note the
 * verifier kept from before.
 */
export type VerifyOptions = {
  readonly verifierKeys?: readonly string[];
  readonly earlier?: string;
  /**
   * A consistency text (consistency-file.ts) between the earlier checkpoint and the file's, where the file lacks
   * it; from the file's to the other where that one is the newer.
   */
  readonly consistency?: string;
  readonly maxFindings?: number;
};

/** `own_key`: valid under the key the file itself names, which shows no origin. */
export type SignatureState = 'valid' | 'own_key' | 'invalid';

/** What holds. `findings` are the first of `findingCount`; the file holds when there are none. */
export type ExportReport = {
  readonly holds: boolean;
  readonly header?: ExportHeader;
  readonly checkpoint?: Checkpoint;
  readonly rows: number;
  readonly withheld: number;
  readonly signature: SignatureState;
  readonly sealed: SignatureState | 'missing';
  readonly earlier: EarlierState;
  /** The name that the earlier checkpoint bears. */
  readonly earlierName?: string;
  readonly findings: readonly Finding[];
  readonly findingCount: number;
};

type Opened = {
  readonly header: ExportHeader;
  readonly checkpoint: Checkpoint;
  readonly verifiers: readonly NoteVerifier[];
  readonly signature: SignatureState;
};

/**
 * Verifies an export, given line by line without newlines.
 * @errors NoteError or ConsistencyFileError when what is given beside the file is no such thing; what is wrong with the file is
 * in the report
 */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  options: VerifyOptions = {},
): Promise<ExportReport> {
  const findings = collectFindings(options.maxFindings ?? MAX_FINDINGS);
  const given = (options.verifierKeys ?? []).map(parseVerifierKey);
  const earlier = options.earlier === undefined ? undefined : parseEarlier(options.earlier);
  const consistency = options.consistency === undefined ? undefined : parseConsistency(options.consistency);
  const digest = createHash('sha256');
  let opened: Opened | undefined;
  let body: BodyCheck | undefined;
  let trailer: ExportTrailer | undefined;
  let number = 0;
  for await (const text of lines) {
    number += 1;
    if (trailer !== undefined) {
      findings.add({ code: 'content_after_trailer', line: number, detail: 'the file goes on after its end' });
      break;
    }
    const line = parseOrReport(text, number, findings);
    if (number === 1) {
      opened = openHeader(line, given, findings);
      body = opened && bodyCheckOf(opened, findings, earlier?.size);
    }
    if (opened === undefined || body === undefined) {
      return failedReport(findings);
    }
    if (line?.type === 'trailer') {
      trailer = line;
      continue;
    }
    digest.update(`${text}\n`, 'utf8');
    feed(body, line, number, findings);
  }
  if (opened === undefined || body === undefined) {
    findings.add({ code: 'header_invalid', detail: 'the file is empty' });
    return failedReport(findings);
  }
  const outcome = body.finish(trailer?.right);
  const sealed = checkTrailer(opened, trailer, outcome, new Uint8Array(digest.digest()), findings);
  const state = earlier
    ? checkEarlier(
        { ...earlier, note: options.earlier ?? '' },
        { ...opened, sealed, proofs: proofsOf(trailer, consistency), earlierRoot: outcome.earlierRoot },
        findings,
      )
    : 'not_given';
  return reportOf(opened, outcome, sealed, state, findings, earlier);
}

function reportOf(
  opened: Opened,
  outcome: BodyOutcome,
  sealed: ExportReport['sealed'],
  earlier: EarlierState,
  findings: Findings,
  given: Checkpoint | undefined,
): ExportReport {
  const covering = [earlier === 'consistent' ? (given?.size ?? 0) : 0, opened.checkpoint.size];
  return {
    holds: findings.count() === 0,
    header: opened.header,
    checkpoint: opened.checkpoint,
    rows: outcome.rows,
    withheld: outcome.withheld,
    signature: opened.signature,
    sealed,
    earlier,
    ...(given && { earlierName: given.origin }),
    findings: findings.list().map((finding) => underCheckpoint(finding, covering)),
    findingCount: findings.count(),
  };
}

/** Names the first of the checkpoints, given by size, that covers every row of the finding. */
function underCheckpoint(finding: Finding, sizes: readonly number[]): Finding {
  const last = finding.through ?? finding.sequence;
  const checkpoint = last === undefined ? undefined : sizes.find((size) => size > last);
  return checkpoint === undefined ? finding : { ...finding, checkpoint };
}

function failedReport(findings: Findings): ExportReport {
  return {
    holds: false,
    rows: 0,
    withheld: 0,
    signature: 'invalid',
    sealed: 'missing',
    earlier: 'unproven',
    findings: findings.list(),
    findingCount: findings.count(),
  };
}

function parseOrReport(text: string, line: number, findings: Findings): ExportLine | undefined {
  try {
    return parseExportLine(text);
  } catch (error) {
    if (error instanceof ExportFormatError) {
      findings.add({ code: 'line_malformed', line, detail: error.message });
      return undefined;
    }
    throw error;
  }
}

function feed(body: BodyCheck, line: ExportLine | undefined, number: number, findings: Findings): void {
  if (line?.type === 'tile') {
    body.tile(line, number);
  } else if (line?.type === 'row') {
    body.row(line, number);
    namedByTheLog(line, number, findings);
  } else if (line?.type === 'header' && number > 1) {
    findings.add({ code: 'line_malformed', line: number, detail: 'a second header' });
  }
}

/** The log itself tells of rows that were altered or put in before they had a place in the tree. */
function namedByTheLog({ content }: ExportRowLine, line: number, findings: Findings): void {
  const told = 'publicPart' in content ? AlteredRows.safeParse(content.publicPart) : undefined;
  if (told?.success !== true) {
    return;
  }
  const { rows, leaves = [], count } = told.data.after;
  for (const [at, id] of rows.entries()) {
    const sequence = leaves[at];
    const detail = `row ${id} was altered or put in before it was sealed: it lacks the code it would have been written with`;
    findings.add({ code: 'row_forged', ...(sequence !== undefined && { sequence }), line, detail });
  }
  if (count > rows.length) {
    findings.add({ code: 'row_forged', line, detail: `${count - rows.length} more rows like these` });
  }
}

function openHeader(
  line: ExportLine | undefined,
  given: readonly NoteVerifier[],
  findings: Findings,
): Opened | undefined {
  if (line?.type !== 'header') {
    findings.add({
      code: 'header_invalid',
      line: 1,
      detail: 'the first line is not the header of an export',
    });
    return undefined;
  }
  try {
    const checkpoint = parseCheckpoint(parseNote(line.checkpoint).text);
    const verifiers = given.length > 0 ? given : [parseVerifierKey(line.verifierKey)];
    const fault = headerFault(line, checkpoint);
    if (fault !== undefined) {
      findings.add({ code: 'header_invalid', line: 1, detail: fault });
      return undefined;
    }
    const signature = checkSignature(line.checkpoint, checkpoint, verifiers, given.length > 0, findings);
    return { header: line, checkpoint, verifiers, signature };
  } catch (error) {
    if (error instanceof NoteError) {
      findings.add({ code: 'checkpoint_invalid', line: 1, detail: error.message });
      return undefined;
    }
    throw error;
  }
}

function headerFault(header: ExportHeader, checkpoint: Checkpoint): string | undefined {
  if (header.origin !== checkpoint.origin) {
    return 'the header names another log than its checkpoint';
  }
  if (header.proof.kind === 'rows') {
    return undefined;
  }
  const { begin, end, left } = header.proof;
  if (begin > end || end > checkpoint.size) {
    return 'the range does not lie within the tree of the checkpoint';
  }
  return rangeNodes(0, begin).length === left.length ? undefined : 'left does not fit the begin of the range';
}

function bodyCheckOf(opened: Opened, findings: Findings, earlierSize: number | undefined): BodyCheck {
  const { proof } = opened.header;
  return proof.kind === 'range'
    ? checkRangeBody(proof, opened.checkpoint, findings, earlierSize)
    : checkRowsBody(opened.checkpoint, findings);
}

function checkSignature(
  note: string,
  { origin }: Checkpoint,
  verifiers: readonly NoteVerifier[],
  given: boolean,
  findings: Findings,
): SignatureState {
  const fault = signatureFault(note, origin, verifiers);
  if (fault !== undefined) {
    findings.add({ code: 'signature_invalid', detail: `the checkpoint: ${fault}` });
    return 'invalid';
  }
  return given ? 'valid' : 'own_key';
}

function checkTrailer(
  opened: Opened,
  trailer: ExportTrailer | undefined,
  outcome: BodyOutcome,
  sha256: Hash,
  findings: Findings,
): ExportReport['sealed'] {
  if (trailer === undefined) {
    findings.add({ code: 'trailer_missing', detail: 'the file is cut off: its last line is no trailer' });
    return 'missing';
  }
  if (trailer.checkpoint !== opened.header.checkpoint || trailer.treeSize !== opened.checkpoint.size) {
    findings.add({ code: 'checkpoint_changed', detail: 'header and trailer name different checkpoints' });
  }
  if (trailer.right === undefined && opened.header.proof.kind === 'range') {
    findings.add({ code: 'edges_altered', detail: 'the trailer lacks the subtrees after the range' });
  }
  if (trailer.rows !== outcome.rows) {
    const detail = `the trailer counts ${trailer.rows} rows, the file has ${outcome.rows}`;
    findings.add({ code: 'count_mismatch', detail });
  }
  if (trailer.last !== null && (outcome.last === null || outcome.last < trailer.last)) {
    const detail = 'the trailer names it as the last row, but it is not in the file';
    findings.add({ code: 'row_missing', sequence: trailer.last, detail });
  }
  if (!sameHash(trailer.sha256, sha256)) {
    findings.add({
      code: 'digest_mismatch',
      detail: 'the bytes of the file are not those it was closed with',
    });
  }
  return checkSeal(opened, trailer, findings);
}

function checkSeal(opened: Opened, trailer: ExportTrailer, findings: Findings): ExportReport['sealed'] {
  if (trailer.seal === undefined) {
    if (opened.signature !== 'own_key') {
      const detail = 'the file is not sealed by the key: its period, filters and ends are not proven';
      findings.add({ code: 'seal_missing', detail });
    }
    return 'missing';
  }
  const { origin } = opened.header;
  const { treeSize, rows, sha256 } = trailer;
  const fault = signatureFault(trailer.seal, origin, opened.verifiers);
  const fits =
    fault === undefined && parseNote(trailer.seal).text === sealText({ origin, treeSize, rows, sha256 });
  if (!fits) {
    findings.add({ code: 'seal_invalid', detail: `the seal: ${fault ?? 'it was made for another file'}` });
    return 'invalid';
  }
  return opened.signature === 'own_key' ? 'own_key' : 'valid';
}

function parseEarlier(note: string): Checkpoint {
  return parseCheckpoint(parseNote(note).text);
}
