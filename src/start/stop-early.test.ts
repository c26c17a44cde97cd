import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoCredentialsPath } from '../demo/credentials.ts';

let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'plimsoll-early-'));
  // As root the embedded server runs as another user, who must reach its folder.
  await chmod(dataDir, 0o755);
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

test('a server stopped in the middle of its start leaves no database running, and starts whole again', async () => {
  const postmaster = join(dataDir, 'postgres', 'postmaster.pid');
  const early = start();
  while (!existsSync(postmaster)) {
    expect(early.exitCode).toBeNull();
    await Bun.sleep(5);
  }
  early.kill('SIGTERM');
  expect([await early.exited, await new Response(early.stderr).text()]).toEqual([0, '']);
  expect(existsSync(postmaster)).toBe(false);

  const again = start();
  let printed = '';
  for await (const chunk of again.stdout) {
    printed += new TextDecoder().decode(chunk);
    if (printed.includes('/openapi.json')) {
      break;
    }
  }
  const url = /(http:\/\/\S+)\/v1/.exec(printed)?.[1];
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(existsSync(demoCredentialsPath(dataDir))).toBe(true);
  again.kill('SIGTERM');
  expect(await again.exited).toBe(0);
  expect(existsSync(postmaster)).toBe(false);
}, 120_000);

function start() {
  const { DATABASE_URL: _url, ...environment } = process.env;
  return Bun.spawn([process.execPath, join(import.meta.dir, '..', 'main.ts')], {
    env: { ...environment, PORT: '0', PLIMSOLL_DATA_DIR: dataDir, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
