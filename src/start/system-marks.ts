/**
 * Facts about a database that decide whether this process may use it: the keys it was written with,
 * and whether it ever was a sandbox.
 */
import { eq } from 'drizzle-orm';
import type { Json } from '../kernel/canonical-json.ts';
import type { Deps } from '../platform/context.ts';
import { openInstallationKeys } from '../platform/crypto/installation-keys.ts';
import { installationKeys } from '../platform/crypto/schema.ts';
import { openText, sealText } from '../platform/crypto/seal.ts';
import { missingWraps } from '../platform/crypto/wrapped-keys.ts';
import type { Ciphertext } from '../platform/db/columns.ts';
import { systemMarks } from '../platform/db/schema.ts';
import { StartError } from './start-error.ts';

export type MarkName = 'keyring' | 'demo_seeded' | 'clock_moved' | 'log_origin';

export async function readMark(deps: Deps, name: MarkName): Promise<Json | undefined> {
  const [mark] = await deps.db.engine.select().from(systemMarks).where(eq(systemMarks.name, name));
  return mark?.value as Json | undefined;
}

/** @effects one row of `system_marks`; the first writer wins */
export async function setMark(deps: Deps, name: MarkName, value: Json): Promise<void> {
  const markedAt = deps.clock.realNow();
  await deps.db.engine.insert(systemMarks).values({ name, value, markedAt }).onConflictDoNothing();
}

/**
 * Refuses a database that needs keys this process does not have, and uses the keys of one that does not.
 * @effects perhaps the mark `keyring` and the first rows of `installation_keys`
 * @errors StartError naming the keys that are missing, by what their wraps call them
 */
export async function checkKeyring(deps: Deps): Promise<void> {
  const missing = await missingWraps(deps);
  if (missing.length > 0) {
    const list = [...Map.groupBy(missing, ({ keyId }) => keyId)].map(
      ([keyId, wraps]) =>
        `${keyId} (${wraps.map(({ table, count }) => `${count} rows of ${table}`).join(', ')})`,
    );
    throw new StartError(
      `The keyring does not hold root keys that rows of this database need: ${list.join('; ')}. Nothing was started; set the keyring this database was written with, or add the keys that were removed too early.`,
    );
  }
  // A database of an earlier release holds none of its own keys, only proof of the root key it began with.
  if ((await deps.db.engine.$count(installationKeys)) === 0) {
    await checkMark(deps);
  }
  await openInstallationKeys(deps);
}

async function checkMark(deps: Deps): Promise<void> {
  const place = { table: 'system_marks', column: 'value', rowId: 'keyring' };
  const known = await readMark(deps, 'keyring');
  if (known === undefined) {
    const sealed = sealText(deps.keyring.house, place, 'plimsoll');
    await setMark(deps, 'keyring', Buffer.from(sealed).toString('base64'));
    return;
  }
  try {
    openText(
      deps.keyring.house,
      place,
      new Uint8Array(Buffer.from(typeof known === 'string' ? known : '', 'base64')) as Ciphertext,
    );
  } catch {
    throw new StartError(
      'The keyring does not hold the keys this database was written with. Nothing was started; set the right keyring.',
    );
  }
}

/**
 * Production refuses a database that was ever a sandbox.
 * @errors StartError
 */
export async function refuseSandboxDatabase(deps: Deps): Promise<void> {
  for (const name of ['demo_seeded', 'clock_moved'] as const) {
    if (deps.mode === 'production' && (await readMark(deps, name)) !== undefined) {
      throw new StartError(
        `The database carries the mark ${name}: a sandbox database cannot go into production.`,
      );
    }
  }
}
