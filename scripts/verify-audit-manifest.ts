/** The part of `bun run verify-audit` that holds a file of any format against its signed manifest. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { parseVerifierKey } from '../src/platform/audit/checkpoint.ts';
import { collectFindings, type Findings } from '../src/platform/audit/export-findings.ts';
import type { ManifestLines } from '../src/platform/audit/export-manifest.ts';
import type { ExportReport } from '../src/platform/audit/verify-export.ts';
import {
  checkFile,
  checkHeader,
  checkTable,
  type FileDigest,
  type FileState,
  openManifest,
  type TableRow,
} from '../src/platform/audit/verify-manifest.ts';

const MAX_FINDINGS = 200;

export type ManifestReport = {
  readonly findings: Findings;
  /** What the manifest says, for a person; empty where it is not signed by the key. */
  readonly lines: readonly string[];
};

/** Verifies a file of any format with its manifest; `verify` reads an NDJSON file's own proofs. */
export async function verifyWithManifest(
  file: string,
  manifest: string,
  keys: readonly string[],
  verify: () => Promise<ExportReport>,
): Promise<ManifestReport & { readonly report: ExportReport | undefined }> {
  const findings = collectFindings(MAX_FINDINGS);
  const lines = openManifest(manifest, keys.map(parseVerifierKey), findings);
  if (lines === undefined) {
    return { findings, lines: [], report: undefined };
  }
  const state = checkFile(lines, await digestOf(file), findings);
  const readable = state === 'decrypted' || (state === 'downloaded' && lines.recipient === 'none');
  if (readable && lines.file === 'ndjson') {
    const report = await verify();
    if (report.header !== undefined) {
      checkHeader(lines, report.header, report.rows - report.withheld, findings);
    }
    return { findings, lines: summary(lines, state, `${lines.rows}, see below`), report };
  }
  const rows = readable ? await readTable(file, lines, findings) : undefined;
  return { findings, lines: summary(lines, state, rowsText(lines, state, rows)), report: undefined };
}

async function digestOf(path: string): Promise<FileDigest> {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    digest.update(chunk as Uint8Array);
    sizeBytes += (chunk as Uint8Array).length;
  }
  return { sizeBytes, sha256: digest.digest('hex') };
}

async function readTable(path: string, lines: ManifestLines, findings: Findings): Promise<number> {
  const table = checkTable(lines, findings);
  for await (const row of lines.file === 'parquet' ? parquetRows(path) : csvRows(path)) {
    table.row(row);
  }
  return table.finish();
}

async function* csvRows(path: string): AsyncGenerator<TableRow> {
  const records = createReadStream(path).pipe(parse({ columns: true }));
  for await (const record of records) {
    yield record as TableRow;
  }
}

/** A row group at a time, as they were written. */
async function* parquetRows(path: string): AsyncGenerator<TableRow> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    yield* (await parquetReadObjects({ file, metadata, rowStart, rowEnd })) as TableRow[];
    rowStart = rowEnd;
  }
}

function rowsText(lines: ManifestLines, state: FileState, rows: number | undefined): string {
  if (rows !== undefined) {
    return `${rows}, the leaf hash of each computed from its columns; NOT PROVEN by the file: that these are the log's leaves and that none was left out, which is what the manifest says`;
  }
  return state === 'downloaded'
    ? `${lines.rows}, not looked at: the file is encrypted; give what age has opened to have its rows checked`
    : `${lines.rows}, not looked at`;
}

const STATE_TEXT: Readonly<Record<FileState, string>> = {
  downloaded: 'size and SHA-256 are those of the manifest',
  decrypted: 'SHA-256 is that of what the encrypted file has inside',
  altered: 'NOT the file of this manifest',
};

function summary(lines: ManifestLines, state: FileState, rows: string): string[] {
  return [
    `Manifest    signed by the key given, of export ${lines.export}`,
    `File        ${lines.file}, ${STATE_TEXT[state]}`,
    `Recipient   ${lines.recipient}`,
    `Log         ${lines.origin}`,
    `Checkpoint  ${lines.tree} rows, root ${lines.root}`,
    `Period      ${lines.from} to ${lines.to}, filters ${lines.filters}`,
    `Rows        ${rows}`,
  ];
}
