import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { formatDatabaseUrl } from '../src/platform/db/client.ts';
import { type IdentityDesk, startIdentityDesk } from '../src/testing/identity-desk.ts';

const ANJALI = ['--email', 'anjali@firm.example', '--first-name', 'Anjali', '--last-name', 'Ramgoolam'];
const DEVI = ['--email', 'devi@firm.example', '--first-name', 'Devi', '--last-name', 'Appadoo'];
const THIRD = ['--email', 'third@firm.example', '--first-name', 'Third', '--last-name', 'Person'];

let desk: IdentityDesk;

beforeAll(async () => {
  desk = await startIdentityDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function run(script: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { app, staff, engine } = desk.database.connections;
  const child = Bun.spawn([process.execPath, join(import.meta.dir, script), ...args], {
    env: {
      PLIMSOLL_DATA_DIR: desk.deps.dataDir,
      PLIMSOLL_KEYS: `test:${Buffer.alloc(32, 7).toString('base64')}`,
      DATABASE_APP_URL: formatDatabaseUrl(app),
      DATABASE_STAFF_URL: formatDatabaseUrl(staff),
      DATABASE_ENGINE_URL: formatDatabaseUrl(engine),
    },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

describe('bun run seed:admin', () => {
  test('invites two, whose tokens set their passwords, and refuses a third with one message', async () => {
    const both = await run('seed-admin.ts', ...ANJALI, ...DEVI);
    expect([both.code, both.err]).toEqual([0, '']);
    const tokens = [...both.out.matchAll(/"token":"([\w-]{43})"/g)].map((match) => match[1] ?? '');
    expect(tokens).toHaveLength(2);
    for (const token of tokens) {
      const body = { token, password: 'nine loud otters in the river' };
      expect((await desk.request('POST', '/v1/auth/password/reset', { body })).status).toBe(204);
    }
    const more = await run('seed-admin.ts', ...THIRD);
    expect([more.code, more.out, more.err.trim().split('\n').length]).toEqual([1, '', 1]);
    expect(more.err).toContain('PUT /v1/users/{id}/roles');
  });

  test.each([
    [[]],
    [['--email', 'nobody', '--first-name', 'A', '--last-name', 'B']],
    [['--email', 'a@firm.example', '--first-name', 'A']],
    [['--first-name', 'A', '--email', 'a@firm.example', '--last-name', 'B']],
    [[...ANJALI, '--first-name', 'Again']],
    [[...ANJALI, '--password', 'secret']],
    [[...ANJALI, ...DEVI, ...THIRD]],
    [['--withdraw']],
  ])('says how it is used, and touches nothing: %j', async (args) => {
    const { code, out, err } = await run('seed-admin.ts', ...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toStartWith('Usage:');
  });
});

describe('bun run seal:break-glass', () => {
  test('prints both halves once, tells what there is, and revokes', async () => {
    expect((await run('seal-break-glass.ts', '--status')).code).toBe(1);
    const sealed = await run('seal-break-glass.ts');
    expect([sealed.code, sealed.err]).toEqual([0, '']);
    const [firstHalf, secondHalf] = [...sealed.out.matchAll(/envelope: +([0-9A-Z-]{39})$/gm)].map(
      (match) => match[1] ?? '',
    );
    const status = await run('seal-break-glass.ts', '--status');
    expect([status.code, status.out]).toEqual([0, expect.stringContaining('A seal is live')]);
    expect(status.out).not.toContain(firstHalf ?? 'missing');
    expect((await run('seal-break-glass.ts', '--revoke')).code).toBe(0);
    const body = { firstHalf, secondHalf, reason: 'A drill' };
    const refused = await desk.request('POST', '/v1/auth/break-glass', { body });
    expect([refused.status, refused.body.code]).toEqual([403, 'seal_refused']);
    expect((await run('seal-break-glass.ts', '--revoke')).code).toBe(1);
  }, 120_000);

  test('says how it is used', async () => {
    const { code, err } = await run('seal-break-glass.ts', '--open');
    expect([code, err]).toEqual([2, 'Usage: bun run seal:break-glass [--status | --revoke]\n']);
  });
});
