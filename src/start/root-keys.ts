import type { Config } from '../config.ts';
import { httpKms, readKeyFile, readWrappedKeyFile } from '../platform/crypto/key-source.ts';
import { KeyringError, parseRootKeys, type RootKey } from '../platform/crypto/keyring.ts';
import { sandboxKeys } from './sandbox-keys.ts';

type KeyConfig = Pick<Config, 'keys' | 'keysFile' | 'kms' | 'dataDir'>;

/**
 * The root keys of this process, the active one first, from wherever the configuration says.
 * @errors KeyringError naming the setting and the file, nothing of a key
 */
export async function readRootKeys({ keys, keysFile, kms, dataDir }: KeyConfig): Promise<readonly RootKey[]> {
  if (keysFile === null) {
    return parseRootKeys(keys ?? sandboxKeys(dataDir).keys);
  }
  try {
    return await (kms === null ? readKeyFile(keysFile) : readWrappedKeyFile(keysFile, httpKms(kms)));
  } catch (error) {
    throw error instanceof KeyringError
      ? new KeyringError(`PLIMSOLL_KEYS_FILE (${keysFile}): ${error.message}`)
      : error;
  }
}
