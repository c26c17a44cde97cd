/**
 * One migrated database, one application and its workers per test file. Fakes stand only at ports.
 */
import { sql } from 'drizzle-orm';
import type { Hono } from 'hono';
import { createApp } from '../app.ts';
import { type ReconcileReport, reconcile } from '../domains/ledger/index.ts';
import { allDomains, authenticate, platformEndpoints } from '../domains.ts';
import { recoveries } from '../platform/recovery/schema.ts';
import { type Foundation, startFoundation } from './foundation.ts';
import { type Answer, type RequestOptions, send } from './send.ts';

export type Harness = Foundation & {
  readonly app: Hono;
  readonly request: (method: string, path: string, options?: RequestOptions) => Promise<Answer>;
  readonly reconcile: () => Promise<ReconcileReport>;
};

/** Starts what a test file needs; `import.meta.file` names its database. */
export async function startHarness(file: string): Promise<Harness> {
  const foundation = await startFoundation(file, allDomains);
  const app = createApp(foundation.deps, {
    domains: allDomains,
    platformEndpoints,
    authenticate,
    clientAddress: () => '127.0.0.1',
  });
  return {
    ...foundation,
    app,
    request: (method, path, options = {}) => send(app, method, path, options),
    reconcile: async () => {
      // A recovery that a file opened to ask something of it would keep the log from being signed.
      await foundation.deps.db.engine
        .update(recoveries)
        .set({ logSettledAt: foundation.deps.clock.realNow() })
        .where(sql`ended_at is null and log_settled_at is null`);
      // A file may take longer than rows may wait to be sealed; in a server they never do.
      const { sealer } = await foundation.startWorkers();
      await sealer.sealNow();
      return reconcile(
        foundation.system,
        allDomains.flatMap((domain) => domain.checks),
      );
    },
  };
}
