/** The server of `bench export`, a process of its own so that its memory is its own. Prints its port. */
import { createApp } from '../../src/app.ts';
import { buildDeps } from '../../src/deps.ts';
import { auditDomain } from '../../src/domains/audit/index.ts';
import { newId } from '../../src/kernel/id.ts';
import { startSealer } from '../../src/platform/audit/sealer.ts';
import type { Connection } from '../../src/platform/db/client.ts';
import { sandboxConnections } from '../../src/platform/db/sandbox-logins.ts';
import { buildLogger } from '../../src/platform/log/logger.ts';
import { type Relay, startRelay } from '../../src/platform/outbox/relay.ts';
import { TEST_LOG, TEST_SETTINGS } from '../../src/testing/foundation.ts';

/** The keyring of the bench; the rows are sealed and opened with the same. */
export const BENCH_KEYS = [{ name: 'bench', key: new Uint8Array(32).fill(7) }];

/** Dependencies on the bench's database. */
export function benchDeps(owner: Connection, dataDir: string, wakeRelay: () => void = () => {}) {
  return buildDeps({
    mode: 'sandbox',
    dataDir,
    connections: sandboxConnections(owner),
    pools: { app: 1, staff: 2, engine: 6 },
    rootKeys: BENCH_KEYS,
    log: buildLogger('warn'),
    wakeRelay,
    domains: [auditDomain],
    settings: TEST_SETTINGS,
  });
}

if (import.meta.main) {
  const [, , owner = '{}', dataDir = '', auditor = ''] = process.argv;
  let relay: Relay | undefined;
  const deps = benchDeps(JSON.parse(owner), dataDir, () => relay?.wake());
  await startSealer(deps, { ...TEST_LOG, apart: true });
  relay = startRelay(deps, auditDomain.consumers);
  const app = createApp(deps, {
    domains: [auditDomain],
    platformEndpoints: [],
    authenticate: async () => ({
      kind: 'staff',
      userId: auditor as ReturnType<typeof newId>,
      roles: ['auditor'],
      sessionId: newId(),
      mfaAtMs: deps.clock.realMs(),
    }),
    clientAddress: () => '192.0.2.1',
  });
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch, idleTimeout: 255 });
  process.stdout.write(`${server.port}\n`);
}
