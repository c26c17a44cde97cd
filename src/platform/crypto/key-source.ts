/**
 * Where root keys come from: the environment, a file, or a file whose keys a key management service has
 * encrypted, which decrypts them once at each start. No source is ever written to, nothing of a key is told.
 * @source HashiCorp Vault HTTP API, transit secrets engine, "Decrypt Data"
 */
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { boundedText } from '../bounded-text.ts';
import { KeyringError, parseRootKeys, type RootKey } from './keyring.ts';

/** Decrypts what it once encrypted; the key it does that with never leaves it. */
export type Kms = { readonly decrypt: (ciphertext: string) => Promise<Uint8Array> };

export type KmsAddress = { readonly url: string; readonly token: string };

const TIMEOUT_MS = 10_000;
const MAX_KEYS = 100;
const MAX_ANSWER_BYTES = 64 * 1024;

const Decrypted = z.object({ data: z.object({ plaintext: z.string() }) });

/**
 * Reads a key file: one `name:base64` a line, the active key first, lines of `#` apart.
 * @errors KeyringError where others may read the file, or it is no key file
 */
export async function readKeyFile(path: string): Promise<readonly RootKey[]> {
  return parseRootKeys((await linesOf(path)).join(','));
}

/**
 * Reads a key file whose keys the service has encrypted: one `name:ciphertext` a line.
 * @errors KeyringError naming the entry the service does not decrypt
 */
export async function readWrappedKeyFile(path: string, kms: Kms): Promise<readonly RootKey[]> {
  const entries: string[] = [];
  for (const line of await linesOf(path)) {
    const at = line.indexOf(':');
    const name = line.slice(0, Math.max(at, 0));
    const key = await kms.decrypt(line.slice(at + 1)).catch((error: unknown) => {
      throw new KeyringError(
        `key ${entries.length + 1} was not decrypted: ${error instanceof KeyringError ? error.message : 'the key management service does not answer'}`,
      );
    });
    entries.push(`${name}:${Buffer.from(key).toString('base64')}`);
  }
  return parseRootKeys(entries.join(','));
}

/** A service that speaks as Vault's transit engine does. @units url: that of `decrypt` for one key */
export function httpKms({ url, token }: KmsAddress): Kms {
  return {
    decrypt: async (ciphertext) => {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: { 'content-type': 'application/json', 'x-vault-token': token },
        body: JSON.stringify({ ciphertext }),
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw new KeyringError(`the key management service answered ${response.status}`);
      }
      const text = await boundedText(response, MAX_ANSWER_BYTES).catch(() => '');
      const answer = Decrypted.safeParse(parsedOrNull(text));
      if (!answer.success) {
        throw new KeyringError('the key management service answered something else than a plaintext');
      }
      return new Uint8Array(Buffer.from(answer.data.data.plaintext, 'base64'));
    },
  };
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function linesOf(path: string): Promise<readonly string[]> {
  const { mode } = await stat(path).catch(() => {
    throw new KeyringError('the key file cannot be read');
  });
  if ((mode & 0o077) !== 0) {
    throw new KeyringError('the key file may be read by others; its mode must be 0600 or less');
  }
  const text = await readFile(path, 'utf8').catch(() => {
    throw new KeyringError('the key file cannot be read');
  });
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 0 || lines.length > MAX_KEYS || lines.some((line) => line.includes(','))) {
    throw new KeyringError(`the key file must hold 1 to ${MAX_KEYS} keys, one a line`);
  }
  return lines;
}
