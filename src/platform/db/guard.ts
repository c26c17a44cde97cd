/**
 * Holds the database to what the migrations left: triggers, row-level security, policies, grants,
 * owners, functions, constraints, columns, rules, views, settings that switch triggers off, the months of
 * each table, the migrations' hashes, and that no runtime login owns a table or stands above row-level
 * security. What it compares with is itself on record, so that it cannot be changed along. It tells of a change; it does not prevent or undo one, and it does
 * not see what was opened and closed again between two looks.
 */
import { createHash } from 'node:crypto';
import { desc, eq, sql } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { record } from '../audit/record.ts';
import { sealerOf } from '../audit/sealer.ts';
import { type Ctx, type Deps, machineCtx } from '../context.ts';
import { registerProbe } from '../health.ts';
import type { Tx } from './client.ts';
import { GUARD_EVENTS } from './guard-audit.ts';
import { byMonth } from './guard-months.ts';
import { knownMigrations } from './migrate.ts';
import { APP_ROLE, ENGINE_ROLE, STAFF_ROLE } from './policies.ts';
import { auditLogs, guardBaseline } from './schema.ts';
import { transact } from './transact.ts';

const LOOK_EVERY_MS = 60_000;
const MAX_NAMED = 50;
const RUNTIME_LOGINS = [APP_ROLE, STAFF_ROLE, ENGINE_ROLE].join(',');

/** Where the database differs: which object, what it should be and what it is. */
export type Difference = {
  readonly kind: string;
  readonly object: string;
  readonly expected: string | null;
  readonly found: string | null;
};

export type GuardState = {
  /** How many objects were compared. */
  readonly objects: number;
  /** What they were compared with, and the migrations that left it. @units SHA-256, hex */
  readonly baseline: string;
  readonly migrations: string;
  readonly differences: readonly Difference[];
};

export type Guard = {
  /** What the last look found; null before the first. */
  readonly state: () => GuardState | null;
  /** Looks now. @effects audit `guard.passed`, `guard.failed` or `guard.recovered` on a change */
  readonly look: () => Promise<GuardState>;
  readonly stop: () => Promise<void>;
};

/**
 * Looks once and then every minute.
 * @effects audit `guard.passed`, `guard.failed`, `guard.recovered`; the probe `guard`, and `database`
 */
export async function startGuard(deps: Deps): Promise<Guard> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'guard' }, newId());
  let state: GuardState | null = null;
  let blind = false;
  let looking: Promise<unknown> = Promise.resolve();

  const look = async (): Promise<GuardState> => {
    const before = state;
    const found = await transact(ctx, 'engine', async (tx) => {
      const now = await withRecorded(tx, await inspect(tx));
      if (state === null || namesOf(now) !== namesOf(state)) {
        await tell(tx, ctx, state, now);
      }
      return now;
    });
    state = found;
    blind = false;
    if (before === null || namesOf(before) !== namesOf(found)) {
      sealSoon(deps);
    }
    return found;
  };
  const lookQuietly = async (): Promise<void> => {
    await look().catch((failure: unknown) => {
      blind = true;
      deps.log.error(
        { failure: failure instanceof Error ? failure.name : 'unknown' },
        'the guard cannot look',
      );
    });
  };

  await lookQuietly();
  const timer = setInterval(() => {
    looking = looking.then(lookQuietly);
  }, LOOK_EVERY_MS);
  registerProbe(deps, {
    name: 'guard',
    run: async () => (blind || state === null ? 'the guard cannot look' : summaryOf(state)),
  });
  registerProbe(deps, { name: 'database', run: () => databaseFault(deps) });
  return {
    state: () => state,
    look,
    stop: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

/** Compares the database with its baseline and the migrations with the code's. */
export async function inspect(tx: Tx): Promise<GuardState> {
  const baseline = await tx.select().from(guardBaseline);
  const current = await tx.execute<{ kind: string; object: string; state: string }>(
    sql`select kind, object, state from public.guard_state()`,
  );
  const expected = statesByObject(baseline);
  const found = statesByObject(current);
  const differences: Difference[] = [];
  for (const key of [...new Set([...expected.keys(), ...found.keys()])].sort()) {
    const [kind = '', object = ''] = key.split('\0');
    const [before, now] = [textOf(expected.get(key)), textOf(found.get(key))];
    if (before !== now) {
      differences.push({ kind, object, expected: before, found: now });
    }
  }
  differences.push(...(await ownDifferences(tx, expected, differences)));
  // An empty baseline would be compared with nothing and would hold: it is a difference itself.
  if (baseline.length === 0) {
    differences.push({ kind: 'baseline', object: 'guard_baseline', expected: 'rows', found: null });
  }
  const named = await byMonth(tx, differences);
  const migrations = await tx.execute<{ hash: string }>(
    sql`select hash::text as hash from drizzle.__drizzle_migrations`,
  );
  return {
    objects: expected.size,
    baseline: digestOf(baseline.map(({ kind, object, state }) => `${kind}\0${object}\0${state}`)),
    migrations: digestOf(migrations.map(({ hash }) => hash)),
    differences: [...named, ...(await migrationDifferences(tx)), ...(await loginDifferences(tx))],
  };
}

/** What looks is looked at by other means: a replaced guard would say of itself what the baseline says. */
async function ownDifferences(
  tx: Tx,
  expected: ReadonlyMap<string, readonly string[]>,
  named: readonly Difference[],
): Promise<readonly Difference[]> {
  const rows = await tx.execute<{ object: string; digest: string }>(sql`
    select 'public.' || proname || '()' as object,
      pg_catalog.md5(prosrc || coalesce(pg_catalog.pg_get_function_sqlbody(oid), '')) as digest
    from pg_catalog.pg_proc
    where pronamespace = 'public'::regnamespace and proname in ('guard_state', 'archived_months')`);
  return rows
    .map(({ object, digest }) => ({
      kind: 'function',
      object,
      expected: textOf(expected.get(`function\0${object}`)),
      found: digest,
    }))
    .filter(
      ({ object, expected: state, found }) =>
        !state?.startsWith(found) && !named.some((difference) => difference.object === object),
    );
}

/** A baseline that changed without a migration was changed by somebody else. */
async function withRecorded(tx: Tx, now: GuardState): Promise<GuardState> {
  const [last] = await tx
    .select({ after: auditLogs.after })
    .from(auditLogs)
    .where(eq(auditLogs.eventType, GUARD_EVENTS['guard.passed'].type))
    .orderBy(desc(auditLogs.recordedAt), desc(auditLogs.id))
    .limit(1);
  const { baseline, migrations } = (last?.after ?? {}) as { baseline?: string; migrations?: string };
  const changed = baseline !== undefined && migrations === now.migrations && baseline !== now.baseline;
  return changed
    ? {
        ...now,
        differences: [
          ...now.differences,
          { kind: 'baseline', object: 'digest', expected: baseline, found: now.baseline },
        ],
      }
    : now;
}

/** What was found is under a checkpoint at once where this process seals; else its worker does it in a second. */
function sealSoon(deps: Deps): void {
  sealerOf(deps)
    ?.sealNow()
    .then((size) => deps.log.info({ treeSize: size }, 'what the guard found is sealed'))
    .catch(() => deps.log.error({}, 'what the guard found could not be sealed at once'));
}

function digestOf(lines: readonly string[]): string {
  return createHash('sha256')
    .update([...lines].sort().join('\n'))
    .digest('hex');
}

async function migrationDifferences(tx: Tx): Promise<readonly Difference[]> {
  const rows = await tx.execute<{ hash: string }>(
    sql`select hash::text as hash from drizzle.__drizzle_migrations`,
  );
  const applied = new Set(rows.map((row) => row.hash));
  const known = knownMigrations();
  const hashes = new Set(known.map((migration) => migration.hash));
  return [
    ...known
      .filter(({ hash }) => !applied.has(hash))
      .map(({ name, hash }) => ({ kind: 'migration', object: name, expected: hash, found: null })),
    ...[...applied]
      .filter((hash) => !hashes.has(hash))
      .map((hash) => ({ kind: 'migration', object: 'unknown', expected: null, found: hash })),
  ];
}

async function loginDifferences(tx: Tx): Promise<readonly Difference[]> {
  const rows = await tx.execute<{ object: string; expected: string; found: string }>(sql`
    with logins as (
      select oid, rolname, rolsuper, rolbypassrls, rolcreaterole, rolreplication from pg_roles
      where rolname = any(string_to_array(${RUNTIME_LOGINS}, ','))
    )
    select rolname::text as object, 'bound by row-level security' as expected, 'stands above it' as found
      from logins where rolsuper or rolbypassrls or rolcreaterole or rolreplication
    union all
    select l.rolname::text, 'owns nothing', 'owns ' || c.relname
      from logins l join pg_class c on c.relowner = l.oid
    union all
    select l.rolname::text, 'member of no role', 'is a member of ' || m.roleid::regrole::text
      from logins l join pg_auth_members m on m.member = l.oid`);
  return rows.map((row) => ({ kind: 'login', ...row }));
}

async function tell(tx: Tx, ctx: Ctx, before: GuardState | null, now: GuardState): Promise<void> {
  const failed = now.differences.length > 0;
  const wasFailing = before !== null && before.differences.length > 0;
  const event = failed ? 'guard.failed' : wasFailing ? 'guard.recovered' : 'guard.passed';
  for (const difference of now.differences) {
    ctx.deps.log.error(
      { check: difference.kind, object: difference.object },
      'a guard of the database differs',
    );
  }
  await record(tx, ctx, {
    event: GUARD_EVENTS[event],
    resource: { type: 'database', id: 'guard' },
    subjectUserId: null,
    after: {
      objects: now.objects,
      baseline: now.baseline,
      migrations: now.migrations,
      count: now.differences.length,
      differences: now.differences.slice(0, MAX_NAMED),
      earlier: before === null ? 0 : before.differences.length,
    },
  });
}

/** A count only: /readyz is public and must not tell an attacker what stands open. */
function summaryOf(state: GuardState): string | null {
  const count = state.differences.length;
  const objects = count === 1 ? 'object of the database differs' : 'objects of the database differ';
  return count === 0 ? null : `${count} protective ${objects}`;
}

async function databaseFault(deps: Deps): Promise<string | null> {
  const { app, staff, engine } = deps.db;
  await Promise.all([app, staff, engine].map((database) => database.execute(sql`select 1`)));
  return null;
}

function statesByObject(
  rows: readonly { readonly kind: string; readonly object: string; readonly state: string }[],
): Map<string, readonly string[]> {
  const states = new Map<string, readonly string[]>();
  for (const { kind, object, state } of rows) {
    const key = `${kind}\0${object}`;
    states.set(key, [...(states.get(key) ?? []), state]);
  }
  return states;
}

/** Partitions share one name; one that differs from its siblings gives a second state. */
function textOf(states: readonly string[] | undefined): string | null {
  return states === undefined ? null : [...new Set(states)].sort().join(' | ');
}

function namesOf(state: GuardState): string {
  return JSON.stringify(state.differences);
}
