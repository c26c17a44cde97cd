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
type Sql = ReturnType<typeof openClient>;
type Table = (typeof MADE)[Made] | (typeof STEPS)[Step]['table'];

const TABLES = new Set<Table>([...Object.values(MADE), ...Object.values(STEPS).map(({ table }) => table)]);

async function rowsOf(owner: Connection, accountIds: readonly string[]) {
  const sql = openClient(sandboxConnections(owner).engine, 1);
  try {
    const rows = new Map<Table, readonly Row[]>();
    for (const table of TABLES) {
      rows.set(table, await rowsIn(sql, table, accountIds));
    }
    return rows;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** What lies in a table of what the load asks for; what is there or not has one state. */
function rowsIn(sql: Sql, table: Table, accountIds: readonly string[]): Promise<Row[]> {
  switch (table) {
    case 'transfers':
      return sql<
        Row[]
      >`SELECT id, 'done' AS status FROM transfers WHERE from_account_id IN ${sql(accountIds)}`;
    case 'orders':
      return sql<Row[]>`SELECT id, status::text FROM orders
        WHERE account_id IN ${sql(accountIds)} AND origin <> 'liquidation'`;
    case 'conversion_quotes':
      return sql<Row[]>`SELECT id, 'executed' AS status FROM conversion_quotes
        WHERE account_id IN ${sql(accountIds)} AND executed_at IS NOT NULL`;
    case 'holds':
      return sql<
        Row[]
      >`SELECT id, status::text FROM holds WHERE account_id IN ${sql(accountIds)} AND by_hand`;
    case 'payout_files':
      return sql<Row[]>`SELECT id, 'made' AS status FROM payout_files`;
    case 'approvals':
      return sql<Row[]>`SELECT id, status::text FROM approvals`;
    case 'hold_captures':
      return sql<Row[]>`SELECT approval_id AS id, 'captured' AS status FROM hold_captures`;
    case 'journals':
      return sql<Row[]>`SELECT id, 'posted' AS status FROM journals WHERE reference_type = 'approval'`;
    case 'journal_reversals':
      return sql<Row[]>`SELECT journal_id AS id, 'reversed' AS status FROM journal_reversals`;
    case 'bank_statements':
      return sql<Row[]>`SELECT id, standing::text AS status FROM bank_statements`;
    case 'deposits':
    case 'withdrawals':
      return sql<Row[]>`SELECT id, status::text FROM ${sql(table)} WHERE account_id IN ${sql(accountIds)}`;
  }
}

function movedBack(entries: readonly Entry[], rows: ReadonlyMap<Table, readonly Row[]>): string[] {
  const status = new Map(
    [...rows].flatMap(([table, of]) => of.map((row) => [`${table} ${row.id}`, row.status] as const)),
  );
  return entries.flatMap((entry) => {
    const step = entry.what in STEPS ? STEPS[entry.what as Step] : undefined;
    if (step === undefined || entry.state !== 'acknowledged') {
      return [];
    }
    const keeps: readonly string[] = step.keeps;
    return entry.targets.flatMap((target) => {
      const found = status.get(`${step.table} ${target}`) ?? 'missing';
      return keeps.includes(found)
        ? []
        : [`${describeEntry(entry)} was acknowledged, ${step.table} ${target} is ${found}`];
    });
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
