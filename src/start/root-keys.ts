import type { Config } from '../config.ts';
import { httpKms, readKeyFile, readWrappedKeyFile } from '../platform/crypto/key-source.ts';
import { parseRootKeys, type RootKey } from '../platform/crypto/keyring.ts';
import { sandboxKeys } from './sandbox-keys.ts';

/**
 * The root keys of this process, the active one first, from wherever the configuration says.
 * @errors KeyringError
 */
export async function readRootKeys(config: Config): Promise<readonly RootKey[]> {
  if (config.keysFile === null) {
    return parseRootKeys(config.keys ?? sandboxKeys(config.dataDir).keys);
  }
  return config.kms === null
    ? readKeyFile(config.keysFile)
    : readWrappedKeyFile(config.keysFile, httpKms(config.kms));
}
