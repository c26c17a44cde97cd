import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpKms, readKeyFile, readWrappedKeyFile } from './key-source.ts';
import { KeyringError } from './keyring.ts';

const FIRST = randomBytes(32);
const SECOND = randomBytes(32);
const TOKEN = 'hvs.test-token';

let folder: string;
/** Plays Vault's transit engine: what it encrypted is a name, which only it can turn into the key. */
let vault: ReturnType<typeof Bun.serve>;
const held = new Map([
  ['vault:v1:first', FIRST],
  ['vault:v3:second', SECOND],
]);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-keys-'));
  vault = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    routes: {
      '/v1/transit/decrypt/plimsoll': {
        POST: async (request) => {
          if (request.headers.get('x-vault-token') !== TOKEN) {
            return Response.json({ errors: ['permission denied'] }, { status: 403 });
          }
          const { ciphertext } = (await request.json()) as { ciphertext: string };
          const key = held.get(ciphertext);
          return key === undefined
            ? Response.json({ errors: ['invalid ciphertext'] }, { status: 400 })
            : Response.json({ data: { plaintext: key.toString('base64') } });
        },
      },
      '/endless': () =>
        Response.json({ data: { plaintext: FIRST.toString('base64') }, more: 'x'.repeat(100_000) }),
      '/elsewhere': () => Response.json({ data: {} }),
      '/moved': () => Response.redirect('/v1/transit/decrypt/plimsoll', 307),
    },
  });
});

afterAll(async () => {
  await vault.stop(true);
  rmSync(folder, { recursive: true });
});

function keyFile(text: string, mode = 0o600): string {
  const path = join(folder, `keys-${randomBytes(4).toString('hex')}`);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function kms(path = '/v1/transit/decrypt/plimsoll', token = TOKEN) {
  return httpKms({ url: `http://127.0.0.1:${vault.port}${path}`, token });
}

const WRAPPED = 'new:vault:v3:second\nold:vault:v1:first\n';

describe('a key file', () => {
  test('holds one key a line, the active one first', async () => {
    const path = keyFile(`# of 2026\nnew:${SECOND.toString('base64')}\n\nold:${FIRST.toString('base64')}\n`);
    const keys = await readKeyFile(path);
    expect(keys.map(({ name }) => name)).toEqual(['new', 'old']);
    expect(Buffer.from(keys[0]?.key ?? [])).toEqual(SECOND);
  });

  test.each([0o640, 0o604, 0o644, 0o660])('that others may read (mode %o) is refused', async (mode) => {
    const path = keyFile(`only:${FIRST.toString('base64')}`, mode);
    expect(await readKeyFile(path).catch((error: Error) => error.message)).toContain('0600');
  });

  test('that is not there, empty or holds something else is refused without telling what', async () => {
    const text = FIRST.toString('base64');
    const wrong = [
      join(folder, 'none'),
      keyFile(''),
      keyFile('# nothing\n'),
      keyFile(`k:${text},${text}`),
      keyFile(text),
    ];
    for (const path of wrong) {
      const refusal = await readKeyFile(path).catch((error: Error) => error);
      expect(refusal).toBeInstanceOf(KeyringError);
      expect((refusal as Error).message).not.toContain(text);
    }
  });
});

describe('a key management service', () => {
  test('decrypts the keys of a file at each start', async () => {
    const keys = await readWrappedKeyFile(keyFile(WRAPPED), kms());
    expect(keys.map(({ name, key }) => [name, Buffer.from(key)])).toEqual([
      ['new', SECOND],
      ['old', FIRST],
    ]);
  });

  test.each([
    [
      'refuses the token',
      () => kms(undefined, 'wrong'),
      WRAPPED,
      'key 1 was not decrypted: the key management service answered 403',
    ],
    ['does not know the ciphertext', () => kms(), `${WRAPPED}last:vault:v1:other`, 'key 3 was not decrypted'],
    ['answers something else', () => kms('/elsewhere'), WRAPPED, 'something else than a plaintext'],
    ['answers without end', () => kms('/endless'), WRAPPED, 'something else than a plaintext'],
    ['sends us elsewhere', () => kms('/moved'), WRAPPED, 'does not answer'],
    ['is not there', () => httpKms({ url: 'http://127.0.0.1:1/', token: TOKEN }), WRAPPED, 'does not answer'],
  ] as const)('that %s starts nothing, and the refusal names no secret', async (_, service, text, said) => {
    const refusal = await readWrappedKeyFile(keyFile(text), service()).catch((error: Error) => error);
    expect(refusal).toBeInstanceOf(KeyringError);
    expect((refusal as Error).message).toContain(said);
    expect((refusal as Error).message).not.toContain('vault:v');
    expect((refusal as Error).message).not.toContain(TOKEN);
  });
});
