/**
 * What must hold after a fault: every acknowledged request is in the database once, nothing is there that no
 * client asked for, the books reconcile, and the audit log verifies.
 */
import { rebuild, reconcile } from '../../src/domains/ledger/index.ts';
import { allDomains } from '../../src/domains.ts';
import { newId } from '../../src/kernel/id.ts';
import { verifyLog } from '../../src/platform/audit/verify-log.ts';
import { machineCtx } from '../../src/platform/context.ts';
import { type Connection, openClient } from '../../src/platform/db/client.ts';
import { sandboxConnections } from '../../src/platform/db/sandbox-logins.ts';
import { describeEntry, type Entry, MADE, type Made, STEPS, type Step } from './client-book.ts';
import { depsOf } from './deps.ts';

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

/** Whether a liquidation has closed anything: a load whose contracts never fall so far proves less than it says. */
export async function hasLiquidated(owner: Connection): Promise<boolean> {
  const sql = openClient(sandboxConnections(owner).engine, 1);
  try {
    const [found] = await sql<{ has: boolean }[]>`
      SELECT EXISTS (SELECT FROM orders WHERE origin = 'liquidation' AND filled_quantity > 0) AS has`;
    return found?.has === true;
  } finally {
    await sql.end({ timeout: 5 });
  }
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
          : await sql<Row[]>`SELECT id, status::text FROM ${sql(table)} WHERE account_id IN ${sql(accountIds)}
              ${table === 'orders' ? sql`AND origin <> 'liquidation'` : sql``}`,
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
    const rebuilt = await rebuild(ctx);
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
