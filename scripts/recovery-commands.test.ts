import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '../src/kernel/id.ts';
import { formatDatabaseUrl } from '../src/platform/db/client.ts';
import { type IdentityDesk, startIdentityDesk } from '../src/testing/identity-desk.ts';

const KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`;
const folder = mkdtempSync(join(tmpdir(), 'plimsoll-commands-'));
/** Each test starts a process of its own. */
setDefaultTimeout(90_000);

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

afterAll(async () => {
  await desk.close();
  rmSync(folder, { recursive: true });
});

async function run(script: string, args: readonly string[], more: Record<string, string> = {}) {
  const { app, staff, engine } = desk.database.connections;
  const child = Bun.spawn([process.execPath, join(import.meta.dir, script), ...args], {
    env: {
      PLIMSOLL_DATA_DIR: desk.deps.dataDir,
      PLIMSOLL_KEYS: KEYS,
      DATABASE_APP_URL: formatDatabaseUrl(app),
      DATABASE_STAFF_URL: formatDatabaseUrl(staff),
      DATABASE_ENGINE_URL: formatDatabaseUrl(engine),
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

describe('wrong use', () => {
  test.each([
    ['backup.ts', ['--too', '/x'], "Unknown option '--too'"],
    ['backup.ts', ['--to', '/x', '--person-keys-to', '/x/keys'], 'a place of their own'],
    ['restore.ts', ['--from', '/x', '--person-keys', '/y', '--checkpoint', '/nowhere'], '--checkpoint'],
    ['rotate-keys.ts', ['--person', 'anjali'], '--person needs the id'],
    // An operator who ends an incident with --now must not be told that all went well.
    ['rotate-keys.ts', ['--now', '--resume'], '--now and --resume exclude each other'],
  ])('of %s %j is named, with the usage and exit code 2', async (script, args, reason) => {
    const { code, out, err } = await run(script, args);
    expect([code, out]).toEqual([2, '']);
    expect(err.split('\n')[0]).toContain(reason);
    expect(err).toContain('Usage: bun run');
  });
});

describe('what cannot be done', () => {
  test('a backup into a folder that cannot be made says which, without a stack', async () => {
    const to = join('/proc', 'plimsoll');
    const { code, err } = await run('backup.ts', ['--to', to]);
    expect([code, err.trim().split('\n')]).toEqual([1, [expect.stringContaining(to)]]);
  });

  test('keys of somebody who is not there are not exchanged in silence', async () => {
    const nobody = newId();
    const { code, out, err } = await run('rotate-keys.ts', ['--rewrap-only', '--person', nobody]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(`nobody with the id ${nobody}`);
  });

  test('a restore without the keys of the backup makes none of its own', async () => {
    const dataDir = join(folder, 'fresh');
    const none = { PLIMSOLL_KEYS: '', DATABASE_APP_URL: '', DATABASE_STAFF_URL: '', DATABASE_ENGINE_URL: '' };
    const { code, err } = await run('restore.ts', ['--from', folder, '--person-keys', folder], {
      ...none,
      PLIMSOLL_DATA_DIR: dataDir,
    });
    expect([code, existsSync(join(dataDir, 'sandbox-keys.json'))]).toEqual([1, false]);
    expect(err).toContain('sandbox-keys.json');
  });
});
