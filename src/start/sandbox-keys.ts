/**
 * The sandbox keeps its own keys in the data folder, made once. Production gets its keys from the
 * environment and never reads this file.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const KEY_FILE = 'sandbox-keys.json';

const SandboxKeys = z.strictObject({ keys: z.string(), signingKey: z.string() });

export type SandboxKeys = z.infer<typeof SandboxKeys>;

/** Whether a sandbox has run in the folder, or its keys were brought there. */
export function hasSandboxKeys(dataDir: string): boolean {
  return existsSync(join(dataDir, KEY_FILE));
}

/**
 * Reads or makes the sandbox's keys.
 * @effects perhaps writes `sandbox-keys.json`, mode 0600
 */
export function sandboxKeys(dataDir: string): SandboxKeys {
  const path = join(dataDir, KEY_FILE);
  if (hasSandboxKeys(dataDir)) {
    return SandboxKeys.parse(JSON.parse(readFileSync(path, 'utf8')));
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const keys = {
    keys: `sandbox-1:${randomBytes(32).toString('base64')}`,
    signingKey: randomBytes(32).toString('base64'),
  };
  writeFileSync(path, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  return keys;
}
