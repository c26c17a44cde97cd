import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  formatVerifierKey,
  noteSigner,
  signCheckpoint,
  verifierOf,
} from '../src/platform/audit/checkpoint.ts';
import { formatConsistency } from '../src/platform/audit/consistency-file.ts';
import { consistencyProof } from '../src/platform/audit/merkle.ts';
import { exportLines, SAMPLE_KEY, sampleLog } from '../src/platform/audit/sample-log.ts';

const script = join(import.meta.dir, 'verify-audit.ts');
const log = sampleLog(300);
const before = noteSigner('audit.plimsoll.example/log0', new Uint8Array(32).fill(5));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-audit-'));
  const lines = await exportLines(log, { range: { begin: 0, end: 300 } });
  const text = `${lines.join('\n')}\n`;
  await Bun.write(join(folder, 'good.ndjson'), text);
  await Bun.write(
    join(folder, 'edited.ndjson'),
    text.replace('"row-77","outcome":"success"', '"row-77","outcome":"refused"'),
  );
  const binary = Buffer.from(text, 'utf8');
  binary[binary.indexOf('row-77')] = 0xff;
  await Bun.write(join(folder, 'binary.ndjson'), binary);
  await Bun.write(join(folder, 'earlier.txt'), log.checkpoint(120));
  const origins = [{ origin: before.name, untilSize: 200 }];
  const renamed = await exportLines(log, { range: { begin: 0, end: 300 }, origins });
  await Bun.write(join(folder, 'renamed.ndjson'), `${renamed.join('\n')}\n`);
  for (const size of [120, 250]) {
    const kept = signCheckpoint({ origin: before.name, size, root: log.root(size) }, before);
    await Bun.write(join(folder, `before-${size}.txt`), kept);
  }
  const larger = sampleLog(400);
  await Bun.write(join(folder, 'newer.txt'), larger.checkpoint());
  const proof = consistencyProof(300, 400, larger.read);
  const beside = { oldSize: 300, size: 400, proof, checkpoint: larger.checkpoint() };
  await Bun.write(join(folder, 'proof.txt'), formatConsistency(beside));
  await Bun.write(join(folder, 'other.txt'), sampleLog(300, 'b', 50).checkpoint(120));
});

afterAll(() => rm(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  // An empty environment: the verifier reads no configuration.
  const child = Bun.spawn([process.execPath, script, ...args], {
    cwd: folder,
    env: {},
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

describe('verify-audit', () => {
  test('exits 0 for an export that holds and says what was proven', async () => {
    const { code, out } = await run('good.ndjson', '--key', SAMPLE_KEY, '--earlier', 'earlier.txt');
    expect(code).toBe(0);
    expect(out).toMatch(/^Result {6}HOLDS$/m);
    expect(out).toContain('signed by the key given');
    expect(out).toContain('still begins with the tree of the earlier checkpoint');
  });

  test('exits 0 without a key but says that the origin is not proven', async () => {
    const { code, out } = await run('good.ndjson');
    expect(code).toBe(0);
    expect(out).toContain('Signature   NOT PROVEN');
    expect(out).toContain(SAMPLE_KEY);
    expect(out).toMatch(/^Result {6}AGREES WITH ITSELF, SIGNATURE NOT PROVEN/m);
    expect(out).not.toContain('HOLDS');
  });

  test('names the rename for a checkpoint of an earlier name, and refuses one from beyond it', async () => {
    const keys = ['--key', SAMPLE_KEY, '--key', formatVerifierKey(verifierOf(before))];
    const good = await run('renamed.ndjson', ...keys, '--earlier', 'before-120.txt');
    expect(good.code).toBe(0);
    expect(good.out).toContain(`the log was renamed: ${before.name} up to 200 rows, now`);
    const beyond = await run('renamed.ndjson', ...keys, '--earlier', 'before-250.txt');
    expect(beyond.code).toBe(1);
    expect(beyond.out).toContain('FAIL        earlier_beyond_name');
    expect(beyond.out).not.toContain('REPLACED');
  });

  test('takes a file for an older one only where the way to the newer checkpoint is given', async () => {
    const kept = ['good.ndjson', '--key', SAMPLE_KEY, '--earlier', 'newer.txt'];
    const unproven = await run(...kept);
    expect(unproven.code).toBe(1);
    expect(unproven.out).toContain('FAIL        newer_checkpoint_unproven');
    expect(unproven.out).toContain('from=300&to=400');
    expect(unproven.out).not.toContain('REPLACED');
    const proven = await run(...kept, '--consistency', 'proof.txt');
    expect(proven.code).toBe(0);
    expect(proven.out).toContain('its log begins with what the file has');
  });

  test('exits 1 and names the row that was edited', async () => {
    const { code, out } = await run('edited.ndjson', '--key', SAMPLE_KEY);
    expect(code).toBe(1);
    expect(out).toContain('FAIL        row_altered row 77 (line 80)');
    expect(out).toContain('DOES NOT HOLD');
  });

  test('exits 1 for a replaced log and for bytes that are not UTF-8', async () => {
    const replaced = await run('good.ndjson', '--key', SAMPLE_KEY, '--earlier', 'other.txt');
    expect(replaced.code).toBe(1);
    expect(replaced.out).toContain('THE LOG WAS REPLACED');
    const binary = await run('binary.ndjson');
    expect(binary.code).toBe(1);
    expect(binary.out).toContain('row_missing row 77');
  });

  test('exits 2 with the usage on wrong use', async () => {
    const wrong = [
      [],
      ['good.ndjson', 'edited.ndjson'],
      ['--verbose', 'good.ndjson'],
      ['absent.ndjson'],
      ['good.ndjson', '--key', 'nonsense'],
      ['good.ndjson', '--earlier', 'absent.txt'],
      ['good.ndjson', '--earlier', 'good.ndjson'],
    ];
    for (const args of wrong) {
      const { code, out, err } = await run(...args);
      expect(code).toBe(2);
      expect(out).toBe('');
      expect(err).toContain('Usage: bun run verify-audit');
    }
  });
});
