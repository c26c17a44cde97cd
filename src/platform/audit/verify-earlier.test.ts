import { describe, expect, test } from 'bun:test';
import { formatVerifierKey, noteSigner, signCheckpoint, verifierOf } from './checkpoint.ts';
import { formatConsistency } from './consistency-file.ts';
import { formatExportLine, parseExportLine } from './export-format.ts';
import { consistencyProof } from './merkle.ts';
import { exportLines, SAMPLE_KEY, SAMPLE_ORIGIN, SAMPLE_SIGNER, sampleLog } from './sample-log.ts';
import { type ExportReport, type VerifyOptions, verifyExport } from './verify-export.ts';

const SIZE = 600;
const UNTIL = 400;
const EARLIER_NAME = 'audit.plimsoll.example/log0';
const log = sampleLog(SIZE);
const earlierSigner = noteSigner(EARLIER_NAME, new Uint8Array(32).fill(5));
const EARLIER_KEY = formatVerifierKey(verifierOf(earlierSigner));
const BOTH = [SAMPLE_KEY, EARLIER_KEY];

function codesOf(report: ExportReport): string[] {
  return report.findings.map(({ code }) => code);
}

/** A checkpoint of the time when the log had its earlier name. */
function keptBefore(size: number, of = log): string {
  return signCheckpoint({ origin: EARLIER_NAME, size, root: of.root(size) }, earlierSigner);
}

function renamed(of = log, sealed = true): Promise<string[]> {
  const origins = [{ origin: EARLIER_NAME, untilSize: UNTIL }];
  const plan = { range: { begin: 0, end: SIZE }, origins };
  return exportLines(of, sealed ? plan : { ...plan, sealer: earlierSigner });
}

async function verify(lines: Promise<string[]>, options: VerifyOptions): Promise<ExportReport> {
  return verifyExport(await lines, options);
}

describe('a checkpoint under a name the log bore before', () => {
  test('keeps verifying up to the size the log had then, with a key of each name', async () => {
    for (const size of [1, 256, UNTIL]) {
      const report = await verify(renamed(), { verifierKeys: BOTH, earlier: keptBefore(size) });
      expect(report.findings).toEqual([]);
      expect(report).toMatchObject({ holds: true, earlier: 'consistent', earlierName: EARLIER_NAME });
    }
    const own = await verify(renamed(), { verifierKeys: BOTH, earlier: log.checkpoint(500) });
    expect(own).toMatchObject({ holds: true, earlier: 'consistent', earlierName: SAMPLE_ORIGIN });
  });

  test('is refused beyond that size, and says where the name was given up', async () => {
    for (const size of [UNTIL + 1, SIZE - 1, SIZE]) {
      const report = await verify(renamed(), { verifierKeys: BOTH, earlier: keptBefore(size) });
      expect(report.earlier).toBe('beyond_name');
      expect(codesOf(report)).toEqual(['earlier_beyond_name']);
      expect(report.findings[0]?.detail).toContain(`gave up the name ${EARLIER_NAME} at ${UNTIL} rows`);
    }
    const larger = sampleLog(SIZE + 50);
    const report = await verify(renamed(), { verifierKeys: BOTH, earlier: keptBefore(SIZE + 50, larger) });
    expect(codesOf(report)).toEqual(['earlier_beyond_name']);
  });

  test('is refused without a key of that name, and with one of another log', async () => {
    const stranger = noteSigner(EARLIER_NAME, new Uint8Array(32).fill(6));
    const keys = [[SAMPLE_KEY], [], [SAMPLE_KEY, formatVerifierKey(verifierOf(stranger))]];
    for (const verifierKeys of keys) {
      const report = await verify(renamed(), { verifierKeys, earlier: keptBefore(100) });
      expect(report).toMatchObject({ holds: false, earlier: 'invalid' });
      expect(report.findings[0]?.detail).toContain('give --key for it');
    }
    const bySuccessor = signCheckpoint(
      { origin: EARLIER_NAME, size: 100, root: log.root(100) },
      SAMPLE_SIGNER,
    );
    expect((await verify(renamed(), { verifierKeys: BOTH, earlier: bySuccessor })).earlier).toBe('invalid');
  });

  test('counts for nothing where the name is the word of an unsealed file', async () => {
    const report = await verify(renamed(log, false), { verifierKeys: BOTH, earlier: keptBefore(100) });
    expect(report).toMatchObject({ holds: false, earlier: 'unproven' });
    expect(codesOf(report)).toContain('seal_invalid');
  });

  test('shows a log that was replaced under its new name', async () => {
    const other = sampleLog(SIZE, 'b', 50);
    const report = await verify(renamed(other), { verifierKeys: BOTH, earlier: keptBefore(100) });
    expect(codesOf(report)).toEqual(['log_replaced']);
  });

  test('is of a replaced log where the file does not name it', async () => {
    const plain = exportLines(log, { range: { begin: 0, end: SIZE } });
    const report = await verify(plain, { verifierKeys: BOTH, earlier: keptBefore(100) });
    expect(codesOf(report)).toEqual(['log_replaced']);
  });

  test('is written where there is one, and read back', async () => {
    const [header = ''] = await renamed();
    expect(formatExportLine(parseExportLine(header))).toBe(`${header}\n`);
    expect(header).toContain(`"origins":[{"origin":"${EARLIER_NAME}","untilSize":${UNTIL}}]`);
    expect((await exportLines(log, { origins: [] }))[0]).not.toContain('origins');
    for (const wrong of ['[{}]', '[null]', '{}', '[{"origin":"a","untilSize":1,"x":1}]']) {
      const line = header.replace(/"origins":\[[^\]]*\]/, `"origins":${wrong}`);
      expect(() => parseExportLine(line)).toThrow();
    }
  });
});

describe('a checkpoint newer than the file', () => {
  const older = sampleLog(UNTIL);
  const file = () => exportLines(older, { range: { begin: 0, end: UNTIL } });
  const proof = (from: number, to: number, of = log) =>
    formatConsistency({
      oldSize: from,
      size: to,
      proof: consistencyProof(from, to, of.read),
      checkpoint: of.checkpoint(to),
    });

  test('proves an honest prefix with the way from the file to it', async () => {
    const options = { verifierKeys: [SAMPLE_KEY], earlier: log.checkpoint(SIZE) };
    const report = await verify(file(), { ...options, consistency: proof(UNTIL, SIZE) });
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ holds: true, earlier: 'prefix' });
  });

  test('is unproven without it, or with one between other sizes', async () => {
    const options = { verifierKeys: [SAMPLE_KEY], earlier: log.checkpoint(SIZE) };
    for (const beside of [
      {},
      { consistency: proof(UNTIL - 1, SIZE) },
      { consistency: proof(UNTIL, SIZE - 1) },
    ]) {
      const report = await verify(file(), { ...options, ...beside });
      expect(report).toMatchObject({ holds: false, earlier: 'newer' });
      expect(codesOf(report)).toEqual(['newer_checkpoint_unproven']);
    }
  });

  test('is of another log where the way does not lead there', async () => {
    const other = sampleLog(SIZE, 'b', 50);
    const options = { verifierKeys: [SAMPLE_KEY], earlier: other.checkpoint(SIZE) };
    for (const of of [log, other]) {
      const report = await verify(file(), { ...options, consistency: proof(UNTIL, SIZE, of) });
      expect(codesOf(report)).toEqual(['log_replaced']);
    }
  });

  test('may bear a name the log took later, by a key of that name', async () => {
    const later = noteSigner('audit.plimsoll.example/log2', new Uint8Array(32).fill(4));
    const earlier = signCheckpoint({ origin: later.name, size: SIZE, root: log.root(SIZE) }, later);
    const consistency = proof(UNTIL, SIZE);
    const keys = [SAMPLE_KEY, formatVerifierKey(verifierOf(later))];
    expect(await verify(file(), { verifierKeys: keys, earlier, consistency })).toMatchObject({
      holds: true,
      earlier: 'prefix',
      earlierName: later.name,
    });
    const without = await verify(file(), { verifierKeys: [SAMPLE_KEY], earlier, consistency });
    expect(codesOf(without)).toEqual(['earlier_invalid']);
  });
});
