/** The thread of jobs that run apart: every domain, on connections of its own. */
import { buildDeps } from '../deps.ts';
import { revocations } from '../domains/identity/index.ts';
import { allDomains } from '../domains.ts';
import type { PoolSizes } from '../platform/db/client.ts';
import { serveApart } from '../platform/jobs/serve-apart.ts';

declare const self: Worker;

/** Opened when they are needed; jobs use the engine's. */
const POOLS: PoolSizes = { app: 1, staff: 1, engine: 2 };

serveApart(self, {
  jobs: allDomains.flatMap((domain) => domain.jobs),
  build: (parts, ties) => buildDeps({ ...parts, ...ties, pools: POOLS, domains: allDomains }),
  follow: revocations,
});
