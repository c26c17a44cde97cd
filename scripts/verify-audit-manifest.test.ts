import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cells, cellsOf, csvOf, parquetOf } from '../src/domains/audit/export-tables.ts';
import { canonicalJson } from '../src/kernel/canonical-json.ts';
import type { Instant } from '../src/kernel/time.ts';
import { toBase64 } from '../src/platform/audit/base64.ts';
import { noteSigner } from '../src/platform/audit/checkpoint.ts';
import { type ManifestFacts, signManifest } from '../src/platform/audit/export-manifest.ts';
import { partHash, rowLeafHash } from '../src/platform/audit/leaf.ts';
import {
  exportLines,
  SAMPLE_KEY,
  SAMPLE_ORIGIN,
  SAMPLE_SIGNER,
  sampleLog,
} from '../src/platform/audit/sample-log.ts';

const script = join(import.meta.dir, 'verify-audit.ts');
const COUNT = 300;
const log = sampleLog(COUNT);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-manifest-'));
  const lines = await exportLines(log, { from: 'a', to: 'b', range: { begin: 0, end: COUNT } });
  await written('good.ndjson', Buffer.from(`${lines.join('\n')}\n`), 'ndjson');
  await written('good.csv', await bytesOf(csvOf(inSlices(tableOf()))), 'csv');
  await written('good.parquet', await bytesOf(parquetOf(inSlices(tableOf()))), 'parquet');
});
afterAll(() => rm(folder, { recursive: true }));

/** The rows of the log as a table has them; the first has a salt that looks like a formula. */
function tableOf(): Cells[] {
  return log.rows.map(({ sequence, content }) => {
    if ('withheld' in content) {
      throw new Error('a sample row is shown');
    }
    const { personal } = content;
    const publicSalt = sequence === 0 ? new Uint8Array(16).fill(0xfb) : content.publicSalt;
    const personalHash = 'hash' in personal ? personal.hash : partHash(personal.salt, personal.part);
    return cellsOf({
      sequence,
      leafHash: rowLeafHash({ publicHash: partHash(publicSalt, content.publicPart), personalHash }),
      publicText: canonicalJson(content.publicPart),
      publicSalt: toBase64(publicSalt),
      personalHash,
      open: 'hash' in personal ? null : { salt: toBase64(personal.salt), text: canonicalJson(personal.part) },
    });
  });
}

async function* inSlices(rows: readonly Cells[]) {
  yield rows.slice(0, 100);
  yield rows.slice(100);
}

async function bytesOf(parts: AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const part of parts) {
    chunks.push(Buffer.from(part as Uint8Array));
  }
  return Buffer.concat(chunks);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Puts a file and its manifest there, which says of it what `facts` do not say otherwise. */
async function written(
  name: string,
  bytes: Uint8Array,
  format: string,
  facts: Partial<ManifestFacts> = {},
  signer = SAMPLE_SIGNER,
): Promise<void> {
  await Bun.write(join(folder, name), bytes);
  const checkpoint = { size: COUNT, root: log.root(COUNT), note: log.checkpoint(), signedAt: '' as Instant };
  const own = { sizeBytes: bytes.length, sha256: sha256(bytes), plainSha256: sha256(bytes), recipient: null };
  const asked = { origin: SAMPLE_ORIGIN, exportId: 'one', from: 'a', to: 'b', filters: {}, rows: COUNT };
  const manifest = signManifest({ ...own, ...asked, format, checkpoint, ...facts }, signer);
  await Bun.write(join(folder, `${name}.manifest`), manifest);
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
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

function verified(name: string): ReturnType<typeof run> {
  return run(name, '--manifest', `${name}.manifest`, '--key', SAMPLE_KEY);
}

describe('verify-audit with a manifest', () => {
  test.each(['good.csv', 'good.parquet'])(
    '%s holds, row for row, and what is not proven is said',
    async (name) => {
      const { code, out } = await verified(name);
      expect(out).toContain('Manifest    signed by the key given, of export one');
      expect(out).toContain(`Checkpoint  ${COUNT} rows, root ${toBase64(log.root(COUNT))}`);
      expect(out).toContain('Period      a to b, filters {}');
      expect(out).toContain(
        `Rows        ${COUNT}, the leaf hash of each computed from its columns; NOT PROVEN`,
      );
      expect([out.trimEnd().split('\n').at(-1), code]).toEqual(['Result      HOLDS', 0]);
    },
  );

  test('an NDJSON file has its own proofs checked too', async () => {
    const { code, out } = await verified('good.ndjson');
    expect(out).toContain('Manifest    signed by the key given');
    expect(out).toContain('Signature   the checkpoint is signed by the key given');
    expect([out.includes('Result      HOLDS'), code]).toEqual([true, 0]);
  });

  test('finds a file in which one byte is another', async () => {
    for (const name of ['good.ndjson', 'good.csv', 'good.parquet']) {
      const bytes = Buffer.from(await Bun.file(join(folder, name)).bytes());
      bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
      await Bun.write(join(folder, `byte.${name}`), bytes);
      const { code, out } = await run(`byte.${name}`, '--manifest', `${name}.manifest`, '--key', SAMPLE_KEY);
      expect(out).toContain('FAIL        digest_mismatch');
      expect([out.includes('NOT the file of this manifest'), code]).toEqual([true, 1]);
    }
  });

  test('names the row of a table that was altered in the log itself, in order or not', async () => {
    const rows = tableOf().map((cells) => ({ ...cells }));
    const altered = rows.map((cells, at) =>
      at === 77 ? { ...cells, public: cells.public?.replace('success', 'refused') ?? null } : cells,
    );
    const moved = [...altered.slice(1), ...altered.slice(0, 1)];
    for (const [format, parts] of [
      ['csv', csvOf(inSlices(moved))],
      ['parquet', parquetOf(inSlices(moved))],
    ] as const) {
      await written(`altered.${format}`, await bytesOf(parts), format);
      const { code, out } = await verified(`altered.${format}`);
      expect(out).toContain('FAIL        row_altered row 77');
      expect(out).toContain('FAIL        row_out_of_order row 0');
      expect([out.includes('DOES NOT HOLD: 2 findings'), code]).toEqual([true, 1]);
    }
  });

  test('finds a personal part that is not the one its hash commits to, and rows beyond the tree', async () => {
    const rows = tableOf().map((cells, at) => {
      const personal = at === 10 ? '{"ip":"192.0.2.99"}' : cells.personal;
      return { ...cells, personal, sequence: at === COUNT - 1 ? String(COUNT) : cells.sequence };
    });
    await written('personal.csv', await bytesOf(csvOf(inSlices(rows))), 'csv');
    const { code, out } = await verified('personal.csv');
    expect(out).toContain('FAIL        row_altered row 10');
    expect(out).toContain(`FAIL        row_inserted row ${COUNT}`);
    expect(code).toBe(1);
  });

  test('counts the rows of the file against the manifest', async () => {
    await written('short.csv', await bytesOf(csvOf(inSlices(tableOf().slice(1)))), 'csv');
    const { code, out } = await verified('short.csv');
    expect(out).toContain(
      `FAIL        count_mismatch: the manifest counts ${COUNT} rows, the file shows ${COUNT - 1}`,
    );
    expect(code).toBe(1);
  });

  test('an encrypted file is held against its digest, and what was inside has its rows checked', async () => {
    const plain = Buffer.from(await Bun.file(join(folder, 'good.csv')).bytes());
    const secret = { recipient: 'age1sample', plainSha256: sha256(plain) };
    await written('sealed.age', Buffer.from('age-encryption.org/v1\n'), 'csv', secret);
    const sealed = await verified('sealed.age');
    expect(sealed.out).toContain('not looked at: the file is encrypted');
    expect([sealed.out.includes('Result      HOLDS'), sealed.code]).toEqual([true, 0]);
    const inside = await run('good.csv', '--manifest', 'sealed.age.manifest', '--key', SAMPLE_KEY);
    expect(inside.out).toContain('SHA-256 is that of what the encrypted file has inside');
    expect([inside.out.includes(`Rows        ${COUNT}, the leaf hash`), inside.code]).toEqual([true, 0]);
  });

  test('refuses a manifest of another key, of another tree, and one that is of another period than its file', async () => {
    const bytes = await Bun.file(join(folder, 'good.ndjson')).bytes();
    const stranger = noteSigner(SAMPLE_ORIGIN, new Uint8Array(32).fill(8));
    await written('stranger.ndjson', bytes, 'ndjson', {}, stranger);
    const other = await verified('stranger.ndjson');
    expect([other.out.includes('FAIL        signature_invalid: the manifest'), other.code]).toEqual([
      true,
      1,
    ]);
    const checkpoint = { size: 120, root: log.root(COUNT), note: log.checkpoint(), signedAt: '' as Instant };
    await written('tree.ndjson', bytes, 'ndjson', { checkpoint, from: 'c', filters: { class: 'x' } });
    const { code, out } = await verified('tree.ndjson');
    expect(out).toContain('FAIL        checkpoint_invalid');
    expect(out).toContain('FAIL        header_invalid: file and manifest name different periods');
    expect(out).toContain('FAIL        header_invalid: file and manifest name different filters');
    expect(code).toBe(1);
  });

  test('exits 2 with the usage on wrong use', async () => {
    for (const args of [
      ['good.csv', '--manifest', 'good.csv.manifest'],
      ['good.csv', '--manifest', 'absent', '--key', SAMPLE_KEY],
      ['absent', '--manifest', 'good.csv.manifest', '--key', SAMPLE_KEY],
      ['good.csv', '--manifest', 'good.csv', '--key', SAMPLE_KEY],
    ]) {
      const { code, out, err } = await run(...args);
      expect([code, out]).toEqual([2, '']);
      expect(err).toContain('Usage: bun run verify-audit');
    }
  });
});
