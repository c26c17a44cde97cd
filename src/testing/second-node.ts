/**
 * Another process on the database of a test: connections and caches of its own, the same application.
 */
import { createApp } from '../app.ts';
import { buildDeps } from '../deps.ts';
import { authenticate } from '../domains/identity/index.ts';
import { addMs, type Clock, systemClock } from '../kernel/time.ts';
import { approvalEndpoints } from '../platform/approvals/endpoints.ts';
import type { Deps } from '../platform/context.ts';
import type { RootKey } from '../platform/crypto/keyring.ts';
import type { Connection } from '../platform/db/client.ts';
import type { Domain } from '../platform/domain.ts';
import { buildLogger } from '../platform/log/logger.ts';
import { type Foundation, TEST_ROOT_KEYS, TEST_SETTINGS } from './foundation.ts';
import { type Answer, type RequestOptions, send } from './send.ts';

export type Node = {
  readonly deps: Deps;
  readonly request: (method: string, path: string, options?: RequestOptions) => Promise<Answer>;
  readonly close: () => Promise<void>;
};

export type NodeParts = {
  readonly rootKeys?: readonly RootKey[];
  /** How far ahead its real time is. @units milliseconds */
  readonly aheadMs?: number;
  /** Where its listener connects, if not to the database itself. */
  readonly listenVia?: Connection;
};

/** Starts a node beside the one of the foundation. */
export function startNode(
  { database, deps: first }: Foundation,
  domains: readonly Domain[],
  parts: NodeParts = {},
): Node {
  const built = buildDeps({
    mode: 'sandbox',
    dataDir: first.dataDir,
    connections: database.connections,
    pools: { app: 2, staff: 1, engine: 3 },
    rootKeys: parts.rootKeys ?? TEST_ROOT_KEYS,
    log: buildLogger('silent'),
    wakeRelay: () => {},
    domains,
    settings: TEST_SETTINGS,
    clock: clockAhead(parts.aheadMs ?? 0),
  });
  const connections = { ...built.db.connections, engine: parts.listenVia ?? built.db.connections.engine };
  const deps = { ...built, db: { ...built.db, connections } };
  const app = createApp(deps, {
    domains,
    platformEndpoints: approvalEndpoints,
    authenticate,
    clientAddress: () => '127.0.0.1',
  });
  return {
    deps,
    request: (method, path, options = {}) => send(app, method, path, options),
    close: async () => {
      await deps.mail.stop();
      await deps.db.close();
    },
  };
}

function clockAhead(aheadMs: number): Clock {
  const clock = systemClock();
  return {
    now: clock.now,
    realNow: () => addMs(clock.realNow(), aheadMs),
    realMs: () => clock.realMs() + aheadMs,
  };
}
