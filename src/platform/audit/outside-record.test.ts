import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { attackEvidence } from '../../testing/attacker.ts';
import { type Foundation, startFoundation, TEST_LOG } from '../../testing/foundation.ts';
import { until } from '../../testing/until.ts';
import { openClient } from '../db/client.ts';
import { auditLogs } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { readiness } from '../health.ts';
import { recoveryOf } from '../recovery/mode.ts';
import { anchorStore } from './anchor.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { type Checkpoint, noteSigner, parseCheckpoint, parseNote, signCheckpoint } from './checkpoint.ts';
import { parseWitnessKey } from './cosignature.ts';
import { auditEvents } from './events.ts';
import { latestCheckpoint, treeSize } from './log-store.ts';
import { verifyConsistency } from './merkle.ts';
import { type Outside, type OutsideRecord, startOutsideRecord } from './outside-record.ts';
import { record } from './record.ts';
import { auditAnchors, auditCosignatures } from './schema.ts';
import { type Sealer, startSealer } from './sealer.ts';

const EVENTS = auditEvents({
  'sample.changed': { category: 'system', severity: 'info', description: 'A sample changed', shows: [] },
});

/** A witness that plays the specification and may be told to answer otherwise. */
type Played = {
  readonly url: string;
  readonly vkey: string;
  seen: Checkpoint | null;
  answer: ((note: string) => Response | Promise<Response>) | null;
  calls: number;
  readonly stop: () => Promise<void>;
};

let foundation: Foundation;
let sealer: Sealer;
let folder: string;
let running: OutsideRecord[];
let witnesses: Played[];

beforeEach(async () => {
  foundation = await startFoundation(import.meta.file, []);
  ({ sealer } = await foundation.startWorkers());
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-anchor-'));
  running = [];
  witnesses = [];
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  await Promise.all(witnesses.map((one) => one.stop()));
  await foundation.close();
  await rm(folder, { recursive: true, force: true });
});

function playWitness(name = 'witness.example/w1'): Played {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const typed = Buffer.concat([
    Buffer.of(4),
    Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'),
  ]);
  const id = createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4);
  const server = Bun.serve({
    port: 0,
    fetch: async (request) => {
      played.calls += 1;
      return addCheckpoint(played, await request.text(), (note) => cosign(name, id, privateKey, note));
    },
  });
  const played: Played = {
    url: `http://127.0.0.1:${server.port}`,
    vkey: `${name}+${id.toString('hex')}+${toBase64(typed)}`,
    seen: null,
    answer: null,
    calls: 0,
    stop: () => server.stop(true),
  };
  witnesses.push(played);
  return played;
}

function addCheckpoint(
  played: Played,
  body: string,
  cosignature: (note: string) => string,
): Response | Promise<Response> {
  const split = body.indexOf('\n\n');
  const [old = '', ...lines] = body.slice(0, split).split('\n');
  const note = body.slice(split + 2);
  if (played.answer !== null) {
    return played.answer(note);
  }
  const next = parseCheckpoint(parseNote(note).text);
  const knownSize = played.seen?.size ?? 0;
  if (old !== `old ${knownSize}`) {
    return new Response(`${knownSize}\n`, { status: 409, headers: { 'content-type': 'text/x.tlog.size' } });
  }
  const proof = lines.map((line) => fromBase64(line) ?? new Uint8Array());
  if (played.seen !== null && !verifyConsistency(knownSize, next.size, played.seen.root, next.root, proof)) {
    return new Response('', { status: 422 });
  }
  played.seen = next;
  return new Response(cosignature(note));
}

function cosign(name: string, id: Uint8Array, key: KeyObject, note: string): string {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(1_700_000_000n);
  const message = Buffer.from(`cosignature/v1\ntime 1700000000\n${parseNote(note).text}`, 'utf8');
  return `— ${name} ${toBase64(Buffer.concat([id, time, sign(null, message, key)]))}\n`;
}

function start(outside: Partial<Outside>): OutsideRecord {
  const one = startOutsideRecord(foundation.deps, sealer, { witnesses: [], anchor: null, ...outside });
  running.push(one);
  return one;
}

function endpointsOf(...played: readonly Played[]) {
  return played.map(({ url, vkey }) => ({ url, witness: parseWitnessKey(vkey) }));
}

async function grow(rows: number): Promise<number> {
  for (let step = 0; step < rows; step += 1) {
    await transact(foundation.system, 'engine', (tx) =>
      record(tx, foundation.system, {
        event: EVENTS['sample.changed'],
        resource: { type: 'sample', id: newId() },
        subjectUserId: null,
      }),
    );
  }
  return sealer.sealNow();
}

async function fail(): Promise<never> {
  throw new Error('away');
}

async function signed(): Promise<number> {
  return (await foundation.deps.db.engine.transaction(latestCheckpoint))?.size ?? 0;
}

function inTree(): Promise<number> {
  return foundation.deps.db.engine.transaction(treeSize);
}

async function cosigned(): Promise<readonly string[]> {
  const rows = await foundation.deps.db.engine.select().from(auditCosignatures);
  return rows.map(({ witness, treeSize }) => `${witness} ${treeSize}`).sort();
}

async function contradictions() {
  return foundation.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.eventType, 'audit_log.contradicted'));
}

describe('witnesses', () => {
  test('cosign each checkpoint told, the later with a proof from the earlier', async () => {
    const [one, two] = [playWitness(), playWitness('witness.example/w2')];
    const size = await grow(3);
    const outside = start({ witnesses: endpointsOf(one, two) });
    await outside.tell();
    const later = await grow(4);
    await outside.tell();
    expect(await cosigned()).toEqual([
      `witness.example/w1 ${size}`,
      `witness.example/w1 ${later}`,
      `witness.example/w2 ${size}`,
      `witness.example/w2 ${later}`,
    ]);
    expect(one.seen?.size).toBe(later);
  });

  test('that saw more of the log than the database remembers telling are asked again from there', async () => {
    const one = playWitness();
    const first = await grow(3);
    await start({ witnesses: endpointsOf(one) }).tell();
    const seen = one.seen;
    const later = await grow(2);
    await start({ witnesses: endpointsOf(one) }).tell();
    expect(later).toBeGreaterThan(first);
    // Back to what it saw first: our record says `later`, the witness says `first`.
    one.seen = seen;
    const last = await grow(2);
    await start({ witnesses: endpointsOf(one) }).tell();
    expect(await cosigned()).toContain(`witness.example/w1 ${last}`);
  });

  test.each([
    ['an error', () => new Response('', { status: 503 })],
    ['noise', () => new Response('no signature\n')],
    ['too much', () => new Response('x'.repeat(100_000))],
    ['a redirect', () => Response.redirect('http://127.0.0.1:1/')],
    ['an unknown log', () => new Response('', { status: 404 })],
  ])('that answer with %s cosign nothing and stop nothing', async (_what, answer) => {
    const one = playWitness();
    one.answer = answer;
    const size = await grow(2);
    await start({ witnesses: endpointsOf(one) }).tell();
    expect(one.calls).toBeGreaterThan(0);
    expect(await cosigned()).toEqual([]);
    expect(await grow(2)).toBeGreaterThan(size);
    expect(await contradictions()).toEqual([]);
  });

  test('a cosignature by another key under the name of the witness is not taken', async () => {
    const [one, other] = [playWitness(), playWitness()];
    await grow(2);
    await start({ witnesses: [{ url: other.url, witness: parseWitnessKey(one.vkey) }] }).tell();
    expect(other.calls).toBeGreaterThan(0);
    expect(await cosigned()).toEqual([]);
  });

  test.each([
    ['a longer log', (size: number, root: Uint8Array) => ({ origin: 'x', size: size + 5, root })],
    ['another log of that size', (size: number) => ({ origin: 'x', size, root: new Uint8Array(32) })],
    [
      'another log that is shorter',
      (size: number) => ({ origin: 'x', size: size - 1, root: new Uint8Array(32) }),
    ],
  ])('that saw %s stop the signing, raise an alarm and take the node out', async (_what, saw) => {
    const one = playWitness();
    const size = await grow(4);
    one.seen = saw(size, new Uint8Array(32));
    const outside = start({ witnesses: endpointsOf(one) });
    await outside.tell();
    await outside.tell();
    expect(await contradictions()).toMatchObject([{ severity: 'critical', category: 'security' }]);
    expect(await grow(1).catch(String)).toContain('consistent');
    const { failing } = await readiness(foundation.deps);
    expect(failing.map((probe) => probe.name)).toContain('sealer');
  });

  test('are heard where the anchor fails: who is away hides nothing that another says', async () => {
    const one = playWitness();
    const size = await grow(2);
    one.seen = { origin: 'x', size: size + 5, root: new Uint8Array(32) };
    const anchor = { name: 'file:///away', put: fail, latest: fail };
    await start({ witnesses: endpointsOf(one), anchor }).tell();
    expect(await contradictions()).toHaveLength(1);
  });

  test('that another node told more in the same moment contradict nothing', async () => {
    const one = playWitness();
    await grow(2);
    const told: number[] = [];
    one.answer = async () => {
      told.push(await grow(2));
      return new Response(`${told.at(-1)}\n`, {
        status: 409,
        headers: { 'content-type': 'text/x.tlog.size' },
      });
    };
    await start({ witnesses: endpointsOf(one) }).tell();
    expect(told.length).toBeGreaterThan(0);
    expect(await contradictions()).toEqual([]);
    expect(await grow(1)).toBeGreaterThan(told[0] ?? 0);
  });

  test('are asked before a sealer that starts signs anything', async () => {
    const size = await grow(2);
    await sealer.stop();
    const [one, asked] = [playWitness(), Promise.withResolvers<void>()];
    one.answer = async () => {
      await asked.promise;
      return new Response('', { status: 503 });
    };
    sealer = await startSealer(foundation.deps, { ...TEST_LOG, askFirst: true });
    const outside = start({ witnesses: endpointsOf(one) });
    const sealing = grow(2);
    await until(async () => (await inTree()) > size);
    await until(async () => one.calls > 0);
    expect(await signed()).toBe(size);
    asked.resolve();
    expect(await sealing).toBeGreaterThan(size);
    await outside.stop();
    await sealer.stop();
  });

  test('a key of another type, or that is not of its name, is refused', () => {
    const { vkey } = playWitness();
    expect(() => parseWitnessKey(vkey)).not.toThrow();
    expect(() => parseWitnessKey(vkey.replace('w1+', 'w2+'))).toThrow();
    expect(() => parseWitnessKey('log.example+00000000+AQAA')).toThrow();
  });
});

describe('an anchor', () => {
  test('in a folder keeps every checkpoint told, never changes one, and names the latest', async () => {
    const anchor = anchorStore(pathToFileURL(folder).href);
    expect(await anchor.latest()).toBe(null);
    const size = await grow(2);
    await start({ anchor }).tell();
    const later = await grow(2);
    await start({ anchor }).tell();
    expect((await readdir(join(folder, 'checkpoint'))).sort()).toEqual(
      [`${size}.txt`, `${later}.txt`].sort(),
    );
    expect(parseCheckpoint(parseNote(String(await anchor.latest())).text).size).toBe(later);
    await anchor.put(size, 'forged');
    expect(await Bun.file(join(folder, 'checkpoint', `${size}.txt`)).text()).not.toBe('forged');
    expect(await foundation.deps.db.engine.select().from(auditAnchors)).toHaveLength(2);
  });

  test('that holds more than the log has stops the signing', async () => {
    const anchor = anchorStore(pathToFileURL(folder).href);
    await grow(3);
    await start({ anchor }).tell();
    const note = String(await anchor.latest());
    await grow(3);
    await start({ anchor }).tell();
    const ahead = String(await anchor.latest());
    // The database goes back; what the anchor holds does not.
    const head = { ...parseCheckpoint(parseNote(note).text), note };
    expect(head.size).toBeLessThan(parseCheckpoint(parseNote(ahead).text).size);
    const owner = openClient(foundation.database.owner, 1);
    await attackEvidence(owner, [`delete from audit_checkpoints where tree_size > ${head.size}`]);
    await owner.end();
    await start({ anchor }).tell();
    expect(await contradictions()).toMatchObject([
      { after: { fault: expect.stringContaining('behind its anchor') } },
    ]);
    expect(await anchor.latest()).toBe(ahead);
    // Our own signature proves that the database went back: nothing moves, and people may give a new name.
    const foreignSize = parseCheckpoint(parseNote(ahead).text).size;
    expect(recoveryOf(foundation.deps)).toMatchObject({
      cause: 'log_behind',
      treeSize: foreignSize,
      foreignSize,
      logSettledAt: null,
    });
  });

  test('that holds a log stops an empty database of the same name and key', async () => {
    const anchor = anchorStore(pathToFileURL(folder).href);
    const note = signCheckpoint(
      { origin: TEST_LOG.origin, size: 7, root: new Uint8Array(32) },
      sealer.signer,
    );
    await anchor.put(7, note);
    await start({ anchor }).tell();
    expect(await contradictions()).toHaveLength(1);
    expect(recoveryOf(foundation.deps)).toMatchObject({ cause: 'log_behind', foreignSize: 7 });
  });

  test('that holds a log of this name by another key stops the signing and is not written over', async () => {
    const anchor = anchorStore(pathToFileURL(folder).href);
    const other = noteSigner(TEST_LOG.origin, new Uint8Array(32).fill(77));
    const note = signCheckpoint({ origin: TEST_LOG.origin, size: 1, root: new Uint8Array(32) }, other);
    await anchor.put(1, note);
    await grow(3);
    await start({ anchor }).tell();
    expect(await contradictions()).toHaveLength(1);
    expect(recoveryOf(foundation.deps)).toBeNull();
    expect(await anchor.latest()).toBe(note);
  });

  test('that another node wrote more to in the same moment contradicts nothing', async () => {
    await grow(2);
    const latest = async () => {
      await grow(2);
      return (await foundation.deps.db.engine.transaction(latestCheckpoint))?.note ?? null;
    };
    await start({ anchor: { name: 'file:///shared', put: fail, latest } }).tell();
    expect(await contradictions()).toEqual([]);
    expect(recoveryOf(foundation.deps)).toBeNull();
  });

  test('that does not answer is not waited for, and one that is not mounted is not made', async () => {
    const hanging = join(folder, 'latest.txt');
    expect(await Bun.spawn(['mkfifo', hanging]).exited).toBe(0);
    const anchor = anchorStore(pathToFileURL(folder).href, 50);
    expect(await anchor.latest().catch((error: Error) => error.name)).toBe('TimeoutError');
    // Lets go of who waits for a writer.
    await writeFile(hanging, '');
    const absent = anchorStore(pathToFileURL(join(folder, 'not-mounted')).href);
    expect(await absent.latest()).toBeNull();
    expect(await absent.put(1, 'note').catch((error: { code: string }) => error.code)).toBe('ENOENT');
  });

  test('is a folder or a bucket and nothing else', () => {
    expect(anchorStore('s3://bucket/prefix').name).toBe('s3://bucket/prefix');
    expect(() => anchorStore('https://example.mu/')).toThrow(TypeError);
  });
});
