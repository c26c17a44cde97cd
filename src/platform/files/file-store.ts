/**
 * Where files rest, already encrypted. The built-in store is a folder; an object store takes its
 * place through the same port. Names come from us, never from outside.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { assert } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';

export type FileStore = {
  /** @units name: lower-case path segments of letters, digits, dots and dashes */
  readonly put: (name: string, bytes: Uint8Array) => Promise<void>;
  readonly get: (name: string) => Promise<Uint8Array>;
  readonly remove: (name: string) => Promise<void>;
  /** The place on disk for streams that are too large for memory. */
  readonly pathOf: (name: string) => Promise<string>;
};

const NAME_PATTERN = /^[a-z0-9-]+(\/[a-z0-9][a-z0-9.-]*)+$/;

/** The built-in store: files below one folder, readable by the server only. */
export function folderFileStore(folder: string): FileStore {
  const pathOf = async (name: string): Promise<string> => {
    assert(NAME_PATTERN.test(name) && !name.includes('..'), 'a stored file has a name of our own making');
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return path;
  };
  return {
    pathOf,
    put: async (name, bytes) => {
      const path = await pathOf(name);
      // A crash leaves a stray temporary file, never half a file under the final name.
      const temporary = `${path}.${newId()}`;
      await writeFile(temporary, bytes, { mode: 0o600 });
      await rename(temporary, path);
    },
    get: async (name) => new Uint8Array(await readFile(await pathOf(name))),
    remove: async (name) => rm(await pathOf(name), { force: true }),
  };
}
