/**
 * What must hold after a fault: every acknowledged request is in the database once, nothing is there that no
 * client asked for, the books reconcile, and the audit log verifies.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { buildDeps } from '../../src/deps.ts';
import { rebuildWallets, reconcile } from '../../src/domains/ledger/index.ts';
import { allDomains } from '../../src/domains.ts';
import { newId } from '../../src/kernel/id.ts';
import { verifyLog } from '../../src/platform/audit/verify-log.ts';
import { type Deps, machineCtx } from '../../src/platform/context.ts';
import { parseRootKeys } from '../../src/platform/crypto/keyring.ts';
import { type Connection, openClient } from '../../src/platform/db/client.ts';
import { sandboxConnections } from '../../src/platform/db/sandbox-logins.ts';
import { buildLogger } from '../../src/platform/log/logger.ts';
import { settingsOf } from '../../src/start/settings.ts';
import { describeEntry, type Entry, MADE, type Made, STEPS, type Step } from './client-book.ts';

export type Findings = {
  /** Acknowledged and not there, or no longer as promised. */
  readonly lost: readonly string[];
  /** There, and no client knows of it, or two requests share one. */
  readonly doubled: readonly string[];
  readonly breaks: readonly string[];
};

/** Compares the book of the clients with the database of the firm. */
export async function verify(
  owner: Connection,
  dataDir: string,
  entries: readonly Entry[],
  accountIds: readonly string[],
  before: ReadonlySet<string>,
): Promise<Findings> {
  const rows = await rowsOf(owner, accountIds);
  const lost: string[] = [];
  const doubled: string[] = [];
  for (const table of new Set(Object.values(MADE))) {
    const stored = new Set((rows.get(table) ?? []).map((row) => row.id).filter((id) => !before.has(id)));
    const known = new Set<string>();
    const making = entries.filter((each) => MADE[each.what as Made] === table && each.id !== null);
    for (const [entry, id] of making.flatMap((each) =>
      [each.id ?? '', ...each.others].map((id) => [each, id] as const),
    )) {
      if (!stored.has(id)) {
        lost.push(describeEntry(entry));
      }
      if (known.has(id)) {
        doubled.push(`${describeEntry(entry)} is another request's too`);
      }
      known.add(id);
    }
    doubled.push(
      ...[...stored].filter((id) => !known.has(id)).map((id) => `${table} ${id} was asked for by nobody`),
    );
  }
  lost.push(...movedBack(entries, rows));
  return { lost, doubled, breaks: await breaksOf(owner, dataDir) };
}

/** Every row there already is, of the accounts the load uses. */
export async function idsBefore(
  owner: Connection,
  accountIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await rowsOf(owner, accountIds);
  return new Set([...rows.values()].flat().map((row) => row.id));
}

type Row = { readonly id: string; readonly status: string };

async function rowsOf(owner: Connection, accountIds: readonly string[]) {
  const sql = openClient(sandboxConnections(owner).engine, 1);
  try {
    const rows = new Map<string, readonly Row[]>();
    for (const table of new Set(Object.values(MADE))) {
      rows.set(
        table,
        table === 'transfers'
          ? await sql<
              Row[]
            >`SELECT id, 'done' AS status FROM transfers WHERE from_account_id IN ${sql(accountIds)}`
          : await sql<
              Row[]
            >`SELECT id, status::text FROM ${sql(table)} WHERE account_id IN ${sql(accountIds)}`,
      );
    }
    return rows;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function movedBack(entries: readonly Entry[], rows: ReadonlyMap<string, readonly Row[]>): string[] {
  const status = new Map([...rows.values()].flat().map((row) => [row.id, row.status]));
  return entries.flatMap((entry) => {
    const step = entry.what in STEPS ? STEPS[entry.what as Step] : undefined;
    if (step === undefined || entry.state !== 'acknowledged') {
      return [];
    }
    const found = status.get(entry.target ?? '') ?? 'missing';
    const keeps: readonly string[] = step.keeps;
    return keeps.includes(found) ? [] : [`${describeEntry(entry)} was acknowledged, the row is ${found}`];
  });
}

async function breaksOf(owner: Connection, dataDir: string): Promise<string[]> {
  const deps = depsOf(owner, dataDir);
  try {
    const ctx = machineCtx(deps, { kind: 'system', name: 'fault' }, newId());
    const report = await reconcile(
      ctx,
      allDomains.flatMap((domain) => domain.checks),
    );
    const rebuilt = await rebuildWallets(deps.db.engine);
    const log = await verifyLog(ctx);
    return [
      ...report.checks.flatMap((check) =>
        check.breaks.map((found) => `${check.name} ${found.object} ${found.detail}`),
      ),
      ...rebuilt.breaks.map((found) => `rebuilt from entries: ${found.object} ${found.detail}`),
      ...log.findings.map((finding) => `audit log: ${finding.code} ${finding.object} ${finding.detail}`),
    ];
  } finally {
    await deps.mail.stop();
    await deps.db.close();
  }
}

function depsOf(owner: Connection, dataDir: string): Deps {
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
