/**
 * `bun run verify-audit FILE [--manifest MANIFEST_FILE] [--key VERIFIER_KEY]… [--earlier CHECKPOINT_FILE
 * [--consistency PROOF_FILE]]`: verifies an audit export offline, without database, server or configuration.
 * Exit code: 0 everything checked holds, 1 a check failed, 2 wrong use.
 */
import { closeSync, createReadStream, openSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { toBase64 } from '../src/platform/audit/base64.ts';
import { NoteError } from '../src/platform/audit/checkpoint.ts';
import { ConsistencyFileError } from '../src/platform/audit/consistency-file.ts';
import { describeFinding, type Finding } from '../src/platform/audit/export-findings.ts';
import type { ExportHeader } from '../src/platform/audit/export-format.ts';
import type { EarlierState } from '../src/platform/audit/verify-earlier.ts';
import { type ExportReport, verifyExport } from '../src/platform/audit/verify-export.ts';
import { verifyWithManifest } from './verify-audit-manifest.ts';

const USAGE = `Usage: bun run verify-audit FILE [--manifest MANIFEST_FILE] [--key VERIFIER_KEY]… [--earlier CHECKPOINT_FILE [--consistency PROOF_FILE]]

  FILE       an audit export (plimsoll-audit-export@1, NDJSON); with --manifest of any format, encrypted too
  --manifest the signed manifest of FILE; needs --key
  --key      a key of the log, as name+keyid+base64, from a source other than FILE; may be given again
  --earlier  a checkpoint of the log that you kept; where the log had another name then, give --key for that too
  --consistency  the log's proof between that checkpoint and the one of FILE, the smaller first

Exit code: 0 everything checked holds, 1 a check failed, 2 wrong use. Without --key 0 does not say whose log it is.`;

/** A line that is longer is no export line; without a bound one line could fill the memory. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

const EARLIER_TEXT: Readonly<Record<EarlierState, string>> = {
  not_given: 'no earlier checkpoint given: a log replaced as a whole would not be seen',
  consistent: 'the log still begins with the tree of the earlier checkpoint',
  prefix: 'the kept checkpoint is newer than this file, and its log begins with what the file has',
  newer: 'NOT PROVEN: the kept checkpoint is newer than this file, or the log was rolled back',
  beyond_name: 'NOT IN THIS LOG: the kept checkpoint goes beyond where the log gave up that name',
  replaced: 'THE LOG WAS REPLACED',
  unproven: 'NOT PROVEN by this file',
  invalid: 'the earlier checkpoint does not verify',
};

type Arguments = {
  readonly file: string;
  readonly keys: readonly string[];
  readonly manifest?: string;
  readonly earlier?: string;
  readonly consistency?: string;
};

class WrongUse extends Error {}

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    console.log(USAGE);
    return 0;
  }
  try {
    return await verifyGiven(readArguments(argv));
  } catch (error) {
    if (error instanceof WrongUse || error instanceof NoteError || error instanceof ConsistencyFileError) {
      console.error(printable(`verify-audit: ${error.message}`));
      console.error(`\n${USAGE}`);
      return 2;
    }
    throw error;
  }
}

async function verifyGiven({ file, keys, manifest, earlier, consistency }: Arguments): Promise<number> {
  const verify = () =>
    verifyExport(linesOf(file), {
      verifierKeys: keys,
      ...(earlier !== undefined && { earlier: readText(earlier) }),
      ...(consistency !== undefined && { consistency: readText(consistency) }),
    });
  if (manifest === undefined) {
    return printed(await verify());
  }
  requireReadable(file);
  const { findings, lines, report } = await verifyWithManifest(file, readText(manifest), keys, verify);
  const total = findings.count() + (report?.findingCount ?? 0);
  const faults = findingLines([...findings.list(), ...(report?.findings ?? [])], total);
  const inside = report === undefined ? [] : ['', ...contentLines(report)];
  return print([...lines, ...inside, ...faults, resultLine(total, true)], total === 0);
}

function printed(report: ExportReport): number {
  const { findings, findingCount, holds, signature } = report;
  const result = resultLine(findingCount, signature === 'valid');
  const lines = [...contentLines(report), ...findingLines(findings, findingCount), result];
  return print(lines, holds);
}

function print(lines: readonly string[], holds: boolean): number {
  for (const line of lines) {
    console.log(printable(line));
  }
  return holds ? 0 : 1;
}

function readArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parseOrRefuse(argv);
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) {
    throw new WrongUse('give exactly one FILE');
  }
  const { key: keys = [], manifest, earlier, consistency } = values;
  if (manifest !== undefined && keys.length === 0) {
    throw new WrongUse('--manifest is checked with the key of the log: give --key');
  }
  if (consistency !== undefined && earlier === undefined) {
    throw new WrongUse('--consistency proves something of --earlier: give both');
  }
  return {
    file,
    keys,
    ...(manifest !== undefined && { manifest }),
    ...(earlier !== undefined && { earlier }),
    ...(consistency !== undefined && { consistency }),
  };
}

function parseOrRefuse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        key: { type: 'string', multiple: true },
        manifest: { type: 'string' },
        earlier: { type: 'string' },
        consistency: { type: 'string' },
      },
    });
  } catch (error) {
    throw new WrongUse(messageOf(error));
  }
}

function readText(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (error) {
    throw new WrongUse(`cannot read ${path}: ${messageOf(error)}`);
  }
}

function requireReadable(path: string): void {
  try {
    closeSync(openSync(path, 'r'));
  } catch (error) {
    throw new WrongUse(`cannot read ${path}: ${messageOf(error)}`);
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunksOf(path)) {
    const bytes = Buffer.concat([rest, chunk]);
    let begin = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, begin)) {
      yield decodeLine(bytes.subarray(begin, end));
      begin = end + 1;
    }
    rest = bytes.subarray(begin);
    if (rest.length > MAX_LINE_BYTES) {
      break;
    }
  }
  if (rest.length > 0) {
    yield decodeLine(rest);
  }
}

/** A lone U+FFFD, which is no line of the format, stands for bytes that are not UTF-8. */
function decodeLine(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return '\uFFFD';
  }
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 256 * 1024 });
  } catch (error) {
    throw new WrongUse(`cannot read ${path}: ${messageOf(error)}`);
  }
}

function contentLines(report: ExportReport): string[] {
  const { header, checkpoint } = report;
  return header && checkpoint ? summaryLines(report, header, checkpoint.size, checkpoint.root) : [];
}

function findingLines(findings: readonly Finding[], count: number): string[] {
  const lines = findings.map((finding) => `FAIL        ${describeFinding(finding)}`);
  return count > findings.length ? [...lines, `FAIL        … and ${count - findings.length} more`] : lines;
}

/** Without a key from elsewhere a file that agrees with itself may still be of another log: it must not read the same. */
function resultLine(count: number, signed: boolean): string {
  const held = signed
    ? 'HOLDS'
    : 'AGREES WITH ITSELF, SIGNATURE NOT PROVEN: give --key to prove whose log it is';
  const verdict = count === 0 ? held : `DOES NOT HOLD: ${count} finding${count === 1 ? '' : 's'}`;
  return `Result      ${verdict}`;
}

function summaryLines(report: ExportReport, header: ExportHeader, size: number, root: Uint8Array): string[] {
  const { proof } = header;
  const rows =
    proof.kind === 'range'
      ? `${report.rows}, the whole range [${proof.begin}, ${proof.end}) of the log, ${report.withheld} withheld`
      : `${report.rows}, chosen by the filters, each with its own proof`;
  return [
    `Log         ${header.origin}`,
    ...(header.origins ?? []).map((past) => `Before      ${past.origin}, up to ${past.untilSize} rows`),
    `Checkpoint  ${size} rows, root ${toBase64(root)}`,
    `Period      ${header.from ?? 'beginning'} to ${header.to ?? 'end'}, filters ${JSON.stringify(header.filters)}`,
    `Written     ${header.createdAt}`,
    `Rows        ${rows}`,
    `Signature   ${signatureText(report, header)}`,
    `Seal        ${sealText(report)}`,
    `Earlier     ${earlierText(report, header)}`,
  ];
}

function earlierText({ earlier, earlierName }: ExportReport, { origin, origins }: ExportHeader): string {
  const past = origins?.find((one) => one.origin === earlierName);
  if (past !== undefined) {
    return `${EARLIER_TEXT[earlier]}; the log was renamed: ${past.origin} up to ${past.untilSize} rows, now ${origin}`;
  }
  const later = earlier === 'prefix' && earlierName !== origin;
  return later ? `${EARLIER_TEXT[earlier]}; the log is called ${earlierName} there` : EARLIER_TEXT[earlier];
}

function signatureText(report: ExportReport, header: ExportHeader): string {
  switch (report.signature) {
    case 'valid':
      return 'the checkpoint is signed by the key given';
    case 'own_key':
      return `NOT PROVEN: valid under the key the file names itself, ${header.verifierKey}; compare it, or give --key`;
    case 'invalid':
      return 'NOT VALID';
  }
}

function sealText(report: ExportReport): string {
  switch (report.sealed) {
    case 'valid':
      return 'period, filters and completeness are signed by the key given';
    case 'own_key':
      return 'NOT PROVEN: valid under the key the file names itself';
    case 'invalid':
      return 'NOT VALID';
    case 'missing':
      return 'none: period, filters and completeness are not proven';
  }
}

/** A file under suspicion must not steer the terminal of whoever checks it. */
function printable(line: string): string {
  return line.replaceAll(/\p{C}/gu, '?');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
