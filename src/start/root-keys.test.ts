import { afterAll, describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRootKeys } from './root-keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-root-keys-'));
const KEY = Buffer.alloc(32, 9).toString('base64');

afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function refusalOf(keysFile: string): Promise<Error> {
  return readRootKeys({ keys: null, keysFile, kms: null, dataDir: folder }).then(
    () => expect.unreachable(),
    (error: Error) => error,
  );
}

describe('root keys from a file', () => {
  test('are read', async () => {
    const keysFile = fileOf('right', `# ours\n2026:${KEY}\n`);
    const keys = await readRootKeys({ keys: null, keysFile, kms: null, dataDir: folder });
    expect(keys.map(({ name }) => name)).toEqual(['2026']);
  });

  test.each([
    ['open', `2026:${KEY}`, 0o644, 'mode must be 0600'],
    ['broken', `2026:${KEY.slice(1)}`, 0o600, 'key 1 is not of the form'],
    ['empty', '', 0o600, 'must hold 1 to 100 keys'],
  ])(
    'that is %s are refused with the setting, the file and what is wrong, never a key',
    async (name, text, mode, fault) => {
      const path = fileOf(name, text, mode);
      const { message } = await refusalOf(path);
      expect(message).toStartWith(`PLIMSOLL_KEYS_FILE (${path}): `);
      expect(message).toContain(fault);
      expect(message).not.toContain(KEY.slice(1, 20));
    },
  );

  test('that is not there are refused with the setting and the file', async () => {
    const path = join(folder, 'nowhere');
    expect((await refusalOf(path)).message).toBe(`PLIMSOLL_KEYS_FILE (${path}): the key file cannot be read`);
  });
});
