/**
 * Builds the real dependencies once per process.
 */
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import type { Logger } from 'pino';
import { type Clock, systemClock } from './kernel/time.ts';
import { approvalActions } from './platform/approvals/actions.ts';
import { auditRegistry } from './platform/audit/registry.ts';
import type { Deps, Mode, Settings } from './platform/context.ts';
import { buildKeyring, type RootKey } from './platform/crypto/keyring.ts';
import { buildPersonKeys } from './platform/crypto/person-keys.ts';
import { sealedColumns } from './platform/crypto/sealed-columns.ts';
import type { Connection, Login, PoolSizes } from './platform/db/client.ts';
import { openDatabases } from './platform/db/client.ts';
import type { Domain } from './platform/domain.ts';
import { folderFileStore } from './platform/files/file-store.ts';
import { type MailQueue, startMailQueue } from './platform/mail/mail-queue.ts';
import { folderTransport, type MailTransport } from './platform/mail/mailer.ts';
import { privacyOf } from './platform/privacy/privacy.ts';

export type DepsParts = {
  readonly mode: Mode;
  readonly dataDir: string;
  readonly connections: Readonly<Record<Login, Connection>>;
  readonly pools: PoolSizes;
  readonly rootKeys: readonly RootKey[];
  readonly log: Logger;
  readonly wakeRelay: () => void;
  readonly domains: readonly Domain[];
  readonly settings: Settings;
  /** What mail leaves by; a folder in the data folder unless given. */
  readonly mail?: MailTransport;
  /** Takes mail, where another thread is the one that sends it. */
  readonly mailQueue?: MailQueue;
  /** Business time; the system's unless a test or the sandbox moves it. */
  readonly clock?: Clock;
};

export function buildDeps(parts: DepsParts): Deps {
  const keyring = buildKeyring(parts.rootKeys);
  const actions = approvalActions();
  for (const domain of parts.domains) {
    for (const action of domain.approvalActions) {
      actions.register(action);
    }
  }
  return {
    ...parts.settings,
    mode: parts.mode,
    dataDir: parts.dataDir,
    clock: parts.clock ?? systemClock(),
    db: openDatabases(parts.connections, parts.pools),
    keyring,
    personKeys: buildPersonKeys(keyring),
    log: parts.log,
    mail:
      parts.mailQueue ??
      startMailQueue(parts.mail ?? folderTransport(join(parts.dataDir, 'mail')), parts.log),
    files: folderFileStore(join(parts.dataDir, 'files')),
    approvalActions: actions,
    privacy: privacyOf(parts.domains),
    auditRegistry: auditRegistry(parts.domains),
    sealedColumns: sealedColumns(parts.domains),
    checks: parts.domains.flatMap((domain) => domain.checks),
    activitySources: parts.domains.flatMap((domain) => domain.activitySources ?? []),
    exposures: parts.domains.flatMap((domain) => domain.exposures ?? []),
    reportFacts: parts.domains.flatMap((domain) => domain.reportFacts ?? []),
    streamChannels: parts.domains.flatMap((domain) => domain.streamChannels ?? []),
    walletMarks: parts.domains.flatMap((domain) => domain.walletMarks ?? []),
    wakeRelay: parts.wakeRelay,
  };
}

/** Fails early where a login cannot connect. */
export async function checkConnections(deps: Deps): Promise<void> {
  await Promise.all([deps.db.app, deps.db.staff, deps.db.engine].map((db) => db.execute(sql`select 1`)));
}
