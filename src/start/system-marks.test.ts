import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deps } from '../platform/context.ts';
import { buildKeyring, parseRootKeys } from '../platform/crypto/keyring.ts';
import { type Foundation, startFoundation } from '../testing/foundation.ts';
import { sandboxKeys } from './sandbox-keys.ts';
import { StartError } from './start-error.ts';
import { checkKeyring, readMark, refuseSandboxDatabase, setMark } from './system-marks.ts';

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());

function withKeys(...bytes: readonly number[]): Deps {
  const keys = bytes.map((byte) => ({ name: `k${byte}`, key: new Uint8Array(32).fill(byte) }));
  return { ...foundation.deps, keyring: buildKeyring(keys) };
}

describe('a database', () => {
  test('remembers the keys it was first opened with and refuses a process without them', async () => {
    await checkKeyring(withKeys(1));
    await checkKeyring(withKeys(1));
    await checkKeyring(withKeys(2, 1));
    for (const others of [withKeys(2), withKeys(1, 2)]) {
      expect(checkKeyring(others)).rejects.toBeInstanceOf(StartError);
      await checkKeyring(others).catch(() => {});
    }
  });

  test.each(['demo_seeded', 'clock_moved'] as const)(
    'that carries %s never goes into production',
    async (mark) => {
      const { deps } = foundation;
      await setMark(deps, mark, true);
      await refuseSandboxDatabase({ ...deps, mode: 'sandbox' });
      expect(refuseSandboxDatabase({ ...deps, mode: 'production' })).rejects.toThrow(mark);
      await refuseSandboxDatabase({ ...deps, mode: 'production' }).catch(() => {});
      await deps.db.engine.execute(`delete from system_marks where name = '${mark}'`);
      await refuseSandboxDatabase({ ...deps, mode: 'production' });
    },
  );

  test('keeps the first value of a mark', async () => {
    await setMark(foundation.deps, 'log_origin', 'a');
    await setMark(foundation.deps, 'log_origin', 'b');
    expect(await readMark(foundation.deps, 'log_origin')).toBe('a');
  });
});

test('the sandbox makes its keys once, for nobody else to read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-keys-'));
  const first = sandboxKeys(folder);
  expect(sandboxKeys(folder)).toEqual(first);
  expect(parseRootKeys(first.keys)).toHaveLength(1);
  expect(Buffer.from(first.signingKey, 'base64')).toHaveLength(32);
  expect(statSync(join(folder, 'sandbox-keys.json')).mode & 0o777).toBe(0o600);
  rmSync(folder, { recursive: true });
});
