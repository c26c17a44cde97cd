import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDeps } from '../deps.ts';
import { type ReconcileReport, reconcile } from '../domains/ledger/index.ts';
import { allDomains } from '../domains.ts';
import { newId } from '../kernel/id.ts';
import { machineCtx } from '../platform/context.ts';
import { parseRootKeys } from '../platform/crypto/keyring.ts';
import { buildLogger } from '../platform/log/logger.ts';
import { TEST_SETTINGS } from './foundation.ts';
import type { TestDatabase } from './postgres.ts';

/** Reconciles the database of a sandbox server from outside its process, with the keys of its data folder. */
export async function reconcileOn(database: TestDatabase, dataDir: string): Promise<ReconcileReport> {
  const { keys } = JSON.parse(readFileSync(join(dataDir, 'sandbox-keys.json'), 'utf8')) as {
    readonly keys: string;
  };
  const deps = buildDeps({
    mode: 'sandbox',
    dataDir,
    connections: database.connections,
    pools: { app: 1, staff: 1, engine: 2 },
    rootKeys: parseRootKeys(keys),
    log: buildLogger('silent'),
    wakeRelay: () => {},
    domains: allDomains,
    settings: TEST_SETTINGS,
  });
  try {
    const ctx = machineCtx(deps, { kind: 'system', name: 'test' }, newId());
    return await reconcile(
      ctx,
      allDomains.flatMap((domain) => domain.checks),
    );
  } finally {
    await deps.db.close();
  }
}
