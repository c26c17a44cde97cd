/** What this process needs to look into the system under fault, and to be its market. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { buildDeps } from '../../src/deps.ts';
import { allDomains } from '../../src/domains.ts';
import type { Deps } from '../../src/platform/context.ts';
import { parseRootKeys } from '../../src/platform/crypto/keyring.ts';
import type { Connection } from '../../src/platform/db/client.ts';
import { sandboxConnections } from '../../src/platform/db/sandbox-logins.ts';
import { buildLogger } from '../../src/platform/log/logger.ts';
import { settingsOf } from '../../src/start/settings.ts';

/** Dependencies on the data folder of the system; the caller closes them. */
export function depsOf(owner: Connection, dataDir: string): Deps {
  const { keys } = JSON.parse(readFileSync(join(dataDir, 'sandbox-keys.json'), 'utf8')) as {
    readonly keys: string;
  };
  return buildDeps({
    mode: 'sandbox',
    dataDir,
    connections: sandboxConnections(owner),
    pools: { app: 1, staff: 1, engine: 2 },
    rootKeys: parseRootKeys(keys),
    log: buildLogger('silent'),
    wakeRelay: () => {},
    domains: allDomains,
    ...settingsOf(readConfig({ PLIMSOLL_DATA_DIR: dataDir })),
  });
}
