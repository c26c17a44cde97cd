/**
 * How fast keys are rotated: rows per second wrapped again, and encrypted again, while eight clients read and
 * write what is rotated. One embedded PostgreSQL with durable settings. There is no rival and no target; a
 * value that does not open afterwards, or for a client meanwhile, voids the run.
 * Usage: bun run bench rotation [--quick]
 * Exit 1 on a void run, 2 on wrong use.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { buildDeps } from '../src/deps.ts';
import { rewrapKeys } from '../src/domains/identity/index.ts';
import { allDomains } from '../src/domains.ts';
import { type Id, newId } from '../src/kernel/id.ts';
import { type Ctx, type Deps, machineCtx } from '../src/platform/context.ts';
import { buildKeyring, type RootKey } from '../src/platform/crypto/keyring.ts';
import { buildPersonKeys } from '../src/platform/crypto/person-keys.ts';
import { countToReseal, resealColumn } from '../src/platform/crypto/reseal.ts';
import { activatePersonKeys, publishPersonKeys } from '../src/platform/crypto/rotate-person-keys.ts';
import { openText, sealText } from '../src/platform/crypto/seal.ts';
import { placeIn } from '../src/platform/crypto/sealed-columns.ts';
import type { Ciphertext } from '../src/platform/db/columns.ts';
import { startEmbedded } from '../src/platform/db/embedded.ts';
import { applyMigrations } from '../src/platform/db/migrate.ts';
import { ensureSandboxPasswords, sandboxConnections } from '../src/platform/db/sandbox-logins.ts';
import { transact } from '../src/platform/db/transact.ts';
import { buildLogger } from '../src/platform/log/logger.ts';
import { TEST_SETTINGS } from '../src/testing/foundation.ts';

const CLIENTS = 8;
const OLD: RootKey = { name: 'old', key: new Uint8Array(32).fill(3) };
const NEW: RootKey = { name: 'new', key: new Uint8Array(32).fill(4) };
const CHUNK = 2_000;

type Load = { readonly stop: () => Promise<{ readonly done: number; readonly faults: number }> };

process.exit(await main(process.argv.slice(2)));

async function main(options: readonly string[]): Promise<number> {
  if (options.some((option) => option !== '--quick')) {
    process.stderr.write('Usage: bun run bench rotation [--quick]\n');
    return 2;
  }
  const people = options.includes('--quick') ? 5_000 : 50_000;
  const dataDir = mkdtempSync(join(tmpdir(), 'plimsoll-bench-rotation-'));
  const server = await startEmbedded({ dataDir, maxConnections: 64 });
  try {
    await applyMigrations(server.owner);
    await ensureSandboxPasswords(server.owner);
    const deps = buildDeps({
      mode: 'sandbox',
      dataDir,
      connections: sandboxConnections(server.owner),
      pools: { app: 2, staff: 1, engine: 12 },
      rootKeys: [OLD],
      log: buildLogger('silent'),
      wakeRelay: () => {},
      domains: allDomains,
      settings: TEST_SETTINGS,
    });
    const code = await run(deps, people);
    await deps.mail.stop();
    await deps.db.close();
    return code;
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function run(deps: Deps, people: number): Promise<number> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'bench' }, newId());
  const ids = await fill(ctx, people);
  const keyring = buildKeyring([NEW, OLD]);
  const rotated = { ...deps, keyring, personKeys: buildPersonKeys(keyring) };
  const both: Ctx = { ...ctx, deps: rotated };
  const load = startLoad(both, ids);
  const rewrap = await rate(people, async () => {
    await rewrapKeys(both, () => {});
  });
  await publishPersonKeys(both, 'everybody', () => {});
  rotated.personKeys.forgetAll();
  const activate = await rate(people, async () => {
    await activatePersonKeys(both, 'everybody', 0, () => {});
  });
  const column = settings(rotated);
  const reseal = await rate(people, async () => {
    await resealColumn(both, column, () => {});
  });
  const { done, faults } = await load.stop();
  await resealColumn(both, column, () => {});
  const left = await countToReseal(both, column);
  process.stdout.write(
    `${people} people, ${CLIENTS} clients beside (${done} reads and writes, ${faults} faults)\n`,
  );
  const measures = Object.entries({ rewrap, activate, reseal }).map(([id, ours]) => {
    process.stdout.write(`${id.padEnd(10)} ${Math.round(ours).toLocaleString('en')} rows/s\n`);
    return {
      id: `${id}_per_s`,
      ours: Math.round(ours),
      unit: 'rows/s',
      runs: 1,
      median: Math.round(ours),
      spread: 0,
    };
  });
  process.stdout.write(`${JSON.stringify({ name: 'rotation', measures })}\n`);
  return faults === 0 && left === 0 ? 0 : 1;
}

async function rate(rows: number, work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (rows * 1_000) / (performance.now() - begun);
}

function settings(deps: Deps) {
  const column = deps.sealedColumns.find(({ table }) => table === 'user_settings');
  if (column === undefined) {
    throw new Error('settings are sealed');
  }
  return column;
}

/** People with a key and one sealed setting each; what else a person has is not rotated faster or slower. */
async function fill(ctx: Ctx, people: number): Promise<readonly Id[]> {
  const column = settings(ctx.deps);
  const ids: Id[] = [];
  for (let from = 0; from < people; from += CHUNK) {
    const some = Array.from({ length: Math.min(CHUNK, people - from) }, () => newId());
    await transact(ctx, 'engine', async (tx) => {
      const values: string[] = [];
      const emails: string[] = [];
      for (const id of some) {
        const key = await ctx.deps.personKeys.create(tx, id, ctx.deps.clock.now());
        values.push(hex(sealText(key, placeIn(column, [id, 'bench']), '"a setting of some length"')));
        emails.push(hex(sealText(key, { table: 'users', column: 'email', rowId: id }, `${id}@example.mu`)));
      }
      await tx.execute(sql`
        insert into users (id, email, email_index, profile, status, created_at, updated_at)
        select id, decode(email, 'hex'), decode(md5(id::text) || md5(id::text), 'hex'), decode(email, 'hex'),
          'active', now(), now()
        from unnest(${sql.param(some)}::uuid[], ${sql.param(emails)}::text[]) as t (id, email)`);
      await tx.execute(sql`
        insert into user_settings (user_id, name, value, updated_at)
        select id, 'bench', decode(value, 'hex'), now()
        from unnest(${sql.param(some)}::uuid[], ${sql.param(values)}::text[]) as t (id, value)`);
    });
    ids.push(...some);
  }
  return ids;
}

/** Clients that read a person's setting and write it again, each after the other. */
function startLoad(ctx: Ctx, ids: readonly Id[]): Load {
  const column = settings(ctx.deps);
  let [stopped, done, faults, turn] = [false, 0, 0, 0];
  const client = async (): Promise<void> => {
    while (!stopped) {
      turn += 7_919;
      const id = ids[turn % ids.length] as Id;
      const place = placeIn(column, [id, 'bench']);
      await transact(ctx, 'engine', async (tx) => {
        const key = await ctx.deps.personKeys.of(tx, id);
        const [row] = await tx.execute<{ value: Uint8Array }>(
          sql`select value from user_settings where user_id = ${id} and name = 'bench' for no key update`,
        );
        const text = openText(key, place, row?.value as Ciphertext);
        const next = hex(sealText(key, place, text));
        await tx.execute(sql`
          update user_settings set value = decode(${next}, 'hex') where user_id = ${id} and name = 'bench'`);
        done += 1;
      }).catch(() => {
        faults += 1;
      });
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(clients);
      return { done, faults };
    },
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
