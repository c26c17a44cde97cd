import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rewrapKeys } from '../domains/identity/index.ts';
import { newId } from '../kernel/id.ts';
import type { Deps } from '../platform/context.ts';
import { buildKeyring, parseRootKeys } from '../platform/crypto/keyring.ts';
import { buildPersonKeys } from '../platform/crypto/person-keys.ts';
import { openClient } from '../platform/db/client.ts';
import { transact } from '../platform/db/transact.ts';
import { type Foundation, startFoundation } from '../testing/foundation.ts';
import { sandboxKeys } from './sandbox-keys.ts';
import { StartError } from './start-error.ts';
import { checkKeyring, readMark, refuseSandboxDatabase, setMark } from './system-marks.ts';

let foundation: Foundation;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
});
afterAll(() => foundation.close());

function keysOn({ deps }: Foundation) {
  return (...bytes: readonly number[]): Deps => {
    const keys = bytes.map((byte) => ({ name: `k${byte}`, key: new Uint8Array(32).fill(byte) }));
    return { ...deps, keyring: buildKeyring(keys) };
  };
}

/** Runs a test on a database that no process opened before. */
async function onFresh(
  work: (withKeys: ReturnType<typeof keysOn>, fresh: Foundation) => Promise<void>,
): Promise<void> {
  const fresh = await startFoundation(import.meta.file, []);
  try {
    await work(keysOn(fresh), fresh);
  } finally {
    await fresh.close();
  }
}

describe('a database', () => {
  test('remembers the keys it was first opened with and refuses a process without them', () =>
    onFresh(async (withKeys) => {
      await checkKeyring(withKeys(1));
      await checkKeyring(withKeys(1));
      await checkKeyring(withKeys(2, 1));
      const refusal = await checkKeyring(withKeys(2)).catch((error: Error) => error);
      expect(refusal).toBeInstanceOf(StartError);
      // Which key is missing, by its id, and which rows need it.
      const missing = withKeys(1).keyring.wrapKeyIds[0];
      expect((refusal as Error).message).toContain(`${missing} (5 rows of installation_keys)`);
    }));

  test('uses its own keys, whatever root key is the oldest of the list', () =>
    onFresh(async (withKeys) => {
      const [first, swapped] = [withKeys(1), withKeys(1, 2)];
      await checkKeyring(first);
      expect(swapped.keyring.house.key).not.toEqual(first.keyring.house.key);
      await checkKeyring(swapped);
      expect(swapped.keyring.house.key).toEqual(first.keyring.house.key);
      expect(swapped.keyring.blindIndex('a', 'b')).toEqual(first.keyring.blindIndex('a', 'b'));
      expect(swapped.keyring.rowMacKey).toEqual(first.keyring.rowMacKey);
      expect(swapped.keyring.cursorKey).toEqual(first.keyring.cursorKey);
    }));

  test('of an earlier release is refused by another oldest root key, and imports its own', () =>
    onFresh(async (withKeys, { database }) => {
      await checkKeyring(withKeys(1));
      const owner = openClient(database.owner, 1);
      await owner`truncate installation_keys`;
      await owner.end();
      expect(await checkKeyring(withKeys(2)).catch((error: Error) => error.name)).toBe('StartError');
      expect(await checkKeyring(withKeys(1, 2)).catch((error: Error) => error.name)).toBe('StartError');
      await checkKeyring(withKeys(2, 1));
      await checkKeyring(withKeys(1, 2));
    }));

  test('is refused by a process whose root keys lack one between the others', () =>
    onFresh(async (withKeys, fresh) => {
      await checkKeyring(withKeys(1));
      await transact(fresh.system, 'engine', (tx) =>
        buildPersonKeys(withKeys(3).keyring).create(tx, newId(), fresh.deps.clock.now()),
      );
      await checkKeyring(withKeys(4, 3, 1));
      const refusal = await checkKeyring(withKeys(4, 1)).catch((error: Error) => error);
      const missing = withKeys(3).keyring.wrapKeyIds[0];
      expect((refusal as Error).message).toContain(`${missing} (1 rows of person_keys)`);
    }));

  test('starts without the root key it began with once every key is wrapped by another', () =>
    onFresh(async (withKeys, fresh) => {
      const both = withKeys(5, 1);
      await checkKeyring(withKeys(1));
      await checkKeyring(both);
      await rewrapKeys({ ...fresh.system, deps: both }, () => {});
      const alone = withKeys(5);
      await checkKeyring(alone);
      expect(alone.keyring.house.key).toEqual(both.keyring.house.key);
      expect(await checkKeyring(withKeys(1)).catch((error: Error) => error.name)).toBe('StartError');
    }));

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
