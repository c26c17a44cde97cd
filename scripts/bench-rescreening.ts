/**
 * How long it takes to hold 100,000 customers against a new version of a list: from the import of the version to
 * the last of them, on one embedded PostgreSQL, with the keys, declarations and standings that customers have.
 * Five of them are on the new version under their own names and have to be found. Then everybody is held against
 * all the lists, as a change of the configuration asks.
 * Usage: bun run bench rescreening [--quick] (--quick: 10,000 customers)
 * Prints a table and, as the last line, one JSON object. Exit 1 on a missed target, 2 on wrong use.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { buildDeps } from '../src/deps.ts';
import { createList, importList } from '../src/domains/aml/index.ts';
import { rescreen } from '../src/domains/aml/rescreening/rescreen.ts';
import { beginRun } from '../src/domains/aml/rescreening/runs.ts';
import { userPlace } from '../src/domains/identity/profile.ts';
import { customerGates, users } from '../src/domains/identity/schema.ts';
import { kycApplications } from '../src/domains/kyc/schema.ts';
import { declarationPlace } from '../src/domains/kyc/store.ts';
import { allDomains } from '../src/domains.ts';
import { present } from '../src/kernel/assert.ts';
import { newId } from '../src/kernel/id.ts';
import { type Ctx, type Deps, machineCtx } from '../src/platform/context.ts';
import { dataKey } from '../src/platform/crypto/keyring.ts';
import { personKeyPlace } from '../src/platform/crypto/person-keys.ts';
import { sealJson, sealText } from '../src/platform/crypto/seal.ts';
import { startEmbedded } from '../src/platform/db/embedded.ts';
import { insertRows } from '../src/platform/db/insert-rows.ts';
import { applyMigrations } from '../src/platform/db/migrate.ts';
import { ensureSandboxPasswords, sandboxConnections } from '../src/platform/db/sandbox-logins.ts';
import { personKeys } from '../src/platform/db/schema.ts';
import { transact } from '../src/platform/db/transact.ts';
import { buildLogger } from '../src/platform/log/logger.ts';
import { TEST_SETTINGS } from '../src/testing/foundation.ts';
import { type Random, randomFrom } from '../src/testing/random.ts';

const TARGET_S = 300;
const LISTED = 16_000;
const ADDED = 250;
const PLANTED = 5;
const BATCH = 2_000;
const SEED = 7;

/** What made-up names are made of. */
const ONSETS = ['b', 'd', 'f', 'g', 'h', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z', 'br', 'dr', 'st'];
const VOWELS = ['a', 'e', 'i', 'o', 'u', 'ai', 'ou'];
const ENDS = ['', 'n', 'r', 's', 'l', 'm', 't', 'ck'];

process.exit(await main(process.argv.slice(2)));

async function main(options: readonly string[]): Promise<number> {
  if (options.some((option) => option !== '--quick')) {
    process.stderr.write('Usage: bun run bench rescreening [--quick]\n');
    return 2;
  }
  const people = options.includes('--quick') ? 10_000 : 100_000;
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-bench-rescreening-'));
  const server = await startEmbedded({ dataDir, maxConnections: 40 });
  try {
    await applyMigrations(server.owner);
    await ensureSandboxPasswords(server.owner);
    const deps = buildDeps({
      mode: 'sandbox',
      dataDir,
      connections: sandboxConnections(server.owner),
      pools: { app: 1, staff: 2, engine: 6 },
      rootKeys: [{ name: 'bench', key: new Uint8Array(32).fill(7) }],
      log: buildLogger('warn'),
      wakeRelay: () => {},
      domains: allDomains,
      settings: TEST_SETTINGS,
    });
    return await run(machineCtx(deps, { kind: 'job', name: 'bench' }, newId()), people);
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function run(ctx: Ctx, people: number): Promise<number> {
  const random = randomFrom(SEED);
  const list = await createList(ctx, { kind: 'own', name: 'Bench' });
  const base = Array.from({ length: LISTED }, (_, at) => rowOf(`l-${at}`, listedName(random)));
  await importList(ctx, list.id, { file: fileOf(base) });
  const names = Array.from({ length: people }, () => customerName(random));
  await timed(`made ${people} customers`, () => makePeople(ctx, names));
  const first = await timed('held everybody against all lists for the first time', () => rescreen(ctx));
  const planted = Array.from({ length: PLANTED }, (_, at) => names[at * 1_999] ?? ['', '']);
  const added = [
    ...planted.map((name, at) => rowOf(`p-${at}`, name.join(' '))),
    ...Array.from({ length: ADDED }, (_, at) => rowOf(`n-${at}`, listedName(random))),
  ];
  await timed('imported the new version', () =>
    importList(ctx, list.id, { file: fileOf([...base, ...added]) }),
  );
  const delta = await timed('held everybody against what is new', () => rescreen(ctx));
  const found = await alerted(ctx.deps);
  await transact(ctx, 'engine', (tx) => beginRun(tx, ctx, 'manual', true));
  const full = await timed('held everybody against everything', () => rescreen(ctx));
  const rss = Math.round(process.memoryUsage().rss / 1024 / 1024);
  process.stdout.write(`found ${found} of ${PLANTED} planted; memory ${rss} MiB\n`);
  const measures = [
    { id: `rescreen_${people / 1000}k_s`, ours: round(delta), unit: 's' },
    { id: 'rescreen_per_s', ours: Math.round(people / delta), unit: 'people/s' },
    { id: `rescreen_first_${people / 1000}k_s`, ours: round(first), unit: 's' },
    { id: `rescreen_full_${people / 1000}k_s`, ours: round(full), unit: 's' },
    { id: 'planted_found', ours: found, unit: 'people' },
    { id: 'memory_mib', ours: rss, unit: 'MiB' },
  ].map((measure) => ({ ...measure, runs: 1, median: measure.ours, spread: 0 }));
  process.stdout.write(`${JSON.stringify({ name: 'rescreening', measures })}\n`);
  return delta <= TARGET_S && found >= PLANTED ? 0 : 1;
}

async function makePeople(ctx: Ctx, names: readonly (readonly [string, string])[]): Promise<void> {
  const now = ctx.deps.clock.now();
  for (let start = 0; start < names.length; start += BATCH) {
    const people = names.slice(start, start + BATCH).map(([firstName, lastName]) => {
      const id = newId();
      const applicationId = newId();
      const key = dataKey(new Uint8Array(randomBytes(32)));
      const said = { firstName, lastName, birthDate: '1980-05-17', nationality: 'MUS' };
      return { id, applicationId, key, said };
    });
    await transact(ctx, 'engine', async (tx) => {
      await insertRows(
        tx,
        personKeys,
        people.map(({ id, key }) => ({
          userId: id,
          keyId: key.id,
          wrappedKey: ctx.deps.keyring.wrap(personKeyPlace(id), key.key),
        })),
        { createdAt: now },
      );
      await insertRows(
        tx,
        users,
        people.map(({ id, key, said }) => ({
          id,
          email: sealText(key, userPlace('email', id), `${id}@example.mu`),
          emailIndex: ctx.deps.keyring.blindIndex('bench', id),
          profile: sealJson(key, userPlace('profile', id), said),
        })),
        { status: 'active', createdAt: now, updatedAt: now },
      );
      await insertRows(
        tx,
        customerGates,
        people.map(({ id }) => ({ userId: id })),
        {
          kycStatus: 'approved',
          kycLevel: 'standard',
          screening: 'clear',
          restriction: 'none',
          agreementsCurrent: true,
          changedBy: 'bench',
          changedAt: now,
        },
      );
      await insertRows(
        tx,
        kycApplications,
        people.map(({ id, applicationId, key, said }) => ({
          id: applicationId,
          userId: id,
          declaration: sealJson(key, declarationPlace(applicationId), said),
        })),
        { level: 'standard', status: 'submitted', provider: 'manual', createdAt: now, submittedAt: now },
      );
    });
  }
}

async function alerted(deps: Deps): Promise<number> {
  const [row] = await deps.db.engine.execute<{ people: number }>(
    sql`select count(distinct user_id)::int as people from aml_alert_items i
      join aml_alerts a on a.id = i.alert_id where i.source_id like 'p-%'`,
  );
  return present(row, 'a count has a row').people;
}

async function timed(what: string, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(`${what.padEnd(56)}${seconds.toFixed(2).padStart(8)} s\n`);
  return seconds;
}

function word(random: Random, syllables: number): string {
  let text = '';
  for (let at = 0; at < syllables; at += 1) {
    text += random.pick(ONSETS) + random.pick(VOWELS) + random.pick(ENDS);
  }
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function customerName(random: Random): readonly [string, string] {
  return [word(random, 2), word(random, 3)];
}

function listedName(random: Random): string {
  return `${word(random, 2)} ${word(random, 2)} ${word(random, 3)}`;
}

function rowOf(id: string, name: string): string {
  return `${id},person,${name},,,,,BENCH,`;
}

function fileOf(rows: readonly string[]): Uint8Array {
  const header = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
  return Buffer.from([header, ...rows].join('\n'));
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
