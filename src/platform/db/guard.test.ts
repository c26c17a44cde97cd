import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import type postgres from 'postgres';
import { present } from '../../kernel/assert.ts';
import { systemClock } from '../../kernel/time.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { readiness } from '../health.ts';
import { type Login, openClient, type Tx } from './client.ts';
import { sqlStateOf } from './errors.ts';
import { type Guard, inspect, startGuard } from './guard.ts';
import { auditLogs } from './schema.ts';

let foundation: Foundation;
let owner: postgres.Sql;
let guard: Guard;

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, []);
  owner = openClient(foundation.database.owner, 1);
});
beforeEach(async () => {
  guard = await startGuard(foundation.deps);
});
afterEach(async () => {
  await guard.stop();
});
afterAll(async () => {
  await owner.end();
  await foundation.close();
});

/** The owner does something, the test looks, and nothing of it stays. */
async function undone<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> {
  const kept: Result[] = [];
  await drizzle(owner)
    .transaction(async (tx) => {
      kept.push(await work(tx));
      tx.rollback();
    })
    .catch((error: unknown) => {
      if (kept.length === 0) {
        throw error;
      }
    });
  return present(kept[0], 'the work gave a result');
}

/** The name of the last but one month that is kept ahead. */
function later(): string {
  const at = new Date(systemClock().realMs());
  at.setUTCMonth(at.getUTCMonth() + 11, 1);
  return `audit_logs_${at.toISOString().slice(0, 7).replace('-', '_')}`;
}

async function recorded(type: string) {
  return foundation.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.eventType, type))
    .orderBy(auditLogs.id);
}

test('a freshly migrated database passes, and the start is on record', async () => {
  expect(guard.state()?.differences).toEqual([]);
  expect(guard.state()?.objects).toBeGreaterThan(300);
  expect((await recorded('guard.passed')).length).toBeGreaterThan(0);
  expect((await readiness(foundation.deps)).ready).toBe(true);
});

describe('sees and names', () => {
  const [month] = ['audit_logs_default'];
  test.each([
    [
      'a disabled trigger',
      'alter table ledger_entries disable trigger append_only',
      'trigger',
      'ledger_entries.append_only',
    ],
    [
      'a trigger disabled on one partition',
      `alter table ${month} disable trigger append_only`,
      'trigger',
      `${month}.append_only`,
    ],
    [
      'a trigger that replication may skip',
      'alter table journals enable trigger append_only',
      'trigger',
      'journals.append_only',
    ],
    ['a dropped trigger', 'drop trigger check_approval on approvals', 'trigger', 'approvals.check_approval'],
    [
      'a table whose security is not forced',
      'alter table wallets no force row level security',
      'row security',
      'wallets',
    ],
    [
      'a table without row security',
      'alter table orders disable row level security',
      'row security',
      'orders',
    ],
    ['an opened policy', 'alter policy wallets_app on wallets using (true)', 'policy', 'wallets.wallets_app'],
    ['a new grant', 'grant update (total) on wallets to plimsoll_engine', 'grants', 'wallets'],
    ['a grant to everybody', 'grant select on person_keys to public', 'grants', 'person_keys'],
    [
      'a replaced function',
      `create or replace function refuse_change() returns trigger language plpgsql
      as $$ begin return null; end $$`,
      'function',
      'public.refuse_change()',
    ],
    [
      'a dropped constraint',
      'alter table wallets drop constraint wallets_total_check',
      'constraint',
      'wallets.wallets_total_check',
    ],
    [
      'an altered migration',
      `update drizzle.__drizzle_migrations set hash = 'x' where id = 1`,
      'migration',
      '0000_roles',
    ],
    ['a new table', 'create table stash (a int)', 'owner', 'stash'],
    [
      'a trigger made again to do nothing',
      `drop trigger append_only on ${month}; create trigger append_only before update or delete or truncate on ${month}
      for each statement when (false) execute function refuse_change();
      alter table ${month} enable always trigger append_only`,
      'trigger',
      `${month}.append_only`,
    ],
    [
      'a check that holds nothing any more',
      'alter table wallets drop constraint wallets_total_check; alter table wallets add constraint wallets_total_check check (true)',
      'constraint',
      'wallets.wallets_total_check',
    ],
    [
      'a rule that swallows rows',
      'create rule swallow as on insert to approval_votes do instead nothing',
      'rule',
      'approval_votes.swallow',
    ],
    ['a view over keys', 'create view leak as select * from person_keys', 'view', 'leak'],
    [
      'a column that may be empty',
      'alter table audit_logs alter request_id drop not null',
      'column',
      'audit_logs.request_id',
    ],
    ['another default', `alter table users alter version set default 7`, 'column', 'users.version'],
    ['a unique index that is gone', 'drop index approvals_open_key', 'index', 'approvals.approvals_open_key'],
    [
      'a function in another schema',
      'create schema aside; create function aside.f() returns int language sql as $$ select 1 $$',
      'function',
      'aside.f()',
    ],
    ['a schema', 'create schema aside', 'schema', 'aside'],
    [
      'a function that looks elsewhere',
      'alter function apply_entries() set search_path = public',
      'function',
      'public.apply_entries()',
    ],
    [
      'a function that everybody may call',
      'grant execute on function ensure_partitions(integer) to public',
      'function',
      'public.ensure_partitions(integer)',
    ],
    [
      'a table that inherits',
      'create table aside (extra int) inherits (approval_votes)',
      'inheritance',
      'aside',
    ],
    [
      'a month that was detached',
      `alter table audit_logs detach partition ${later()}`,
      'months',
      'audit_logs',
    ],
    [
      'a month with other bounds',
      `alter table audit_logs detach partition ${later()};
      alter table audit_logs attach partition ${later()} for values from ('2199-01-01') to ('2199-02-01')`,
      'months',
      'audit_logs',
    ],
    [
      'a backstop that is gone',
      'alter table journals detach partition journals_default',
      'months',
      'journals',
    ],
    [
      'a restrictive policy made permissive',
      `drop policy wallets_staff on wallets; create policy wallets_staff on wallets as restrictive to plimsoll_staff using (true)`,
      'policy',
      'wallets.wallets_staff',
    ],
    ['an emptied baseline', 'delete from guard_baseline', 'baseline', 'guard_baseline'],
    [
      'a trigger dropped on one month alone',
      `drop trigger append_only on ${later()}`,
      'trigger',
      `${later()}.*`,
    ],
    [
      'a guard that says what the baseline says',
      `create or replace function guard_state() returns table (kind text, object text, state text)
      language sql stable set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
      as $$ select kind, object, state from public.guard_baseline $$`,
      'function',
      'public.guard_state()',
    ],
    [
      'a function that does nothing without arguments',
      'alter function detach_audit_partition(uuid) strict',
      'function',
      'public.detach_audit_partition(uuid)',
    ],
    [
      'a word for another',
      `alter type audit_class rename value 'restricted' to 'open'`,
      'type',
      'audit_class',
    ],
    [
      'a cast of somebody’s own',
      'create cast (audit_class as audit_severity) with inout as implicit',
      'cast',
      'public.audit_class to public.audit_severity',
    ],
  ])('%s', async (_what, statement, kind, object) => {
    const { differences } = await undone(async (tx) => {
      for (const step of statement.split(/;\s+(?=create|alter)/)) {
        await tx.execute(sql.raw(step));
      }
      return inspect(tx);
    });
    expect(differences.map((difference) => `${difference.kind} ${difference.object}`)).toContain(
      `${kind} ${object}`,
    );
  });
});

test('a failure is recorded once and fails /readyz, which does not say what stands open; so is its end', async () => {
  const failedBefore = (await recorded('guard.failed')).length;
  await owner`alter table wallets no force row level security`;
  await guard.look();
  await guard.look();
  const { ready, failing } = await readiness(foundation.deps);
  await owner`alter table wallets force row level security`;
  await guard.look();
  await guard.look();
  expect(ready).toBe(false);
  expect(failing.map((probe) => probe.name)).toEqual(['guard']);
  expect(JSON.stringify(failing)).not.toContain('wallets');
  const failed = (await recorded('guard.failed')).slice(failedBefore);
  expect(failed).toMatchObject([{ category: 'security', severity: 'critical', after: { count: 1 } }]);
  expect((await recorded('guard.recovered')).at(-1)).toMatchObject({
    severity: 'critical',
    after: { earlier: 1 },
  });
  expect((await readiness(foundation.deps)).ready).toBe(true);
});

test('a baseline that was changed along with what it guards is named, also by the next start', async () => {
  const [kept] =
    await owner`select state from guard_baseline where kind = 'trigger' and object = 'wallets.x'`;
  expect(kept).toBeUndefined();
  await owner`create view aside as select 1 as one`;
  await owner`delete from guard_baseline`;
  await owner`insert into guard_baseline (kind, object, state) select kind, object, state from guard_state()`;
  const { differences } = await guard.look();
  const again = await startGuard(foundation.deps);
  await again.stop();
  await owner`drop view aside`;
  await owner`delete from guard_baseline`;
  await owner`insert into guard_baseline (kind, object, state) select kind, object, state from guard_state()`;
  const after = await guard.look();
  expect(differences.map(({ kind, object }) => `${kind} ${object}`)).toEqual(['baseline digest']);
  expect(again.state()?.differences).toEqual(differences);
  expect(after.differences).toEqual([]);
});

test('a disabled trigger is under a checkpoint as soon as it was seen', async () => {
  const { sealer } = await foundation.startWorkers();
  await owner`alter table journals disable trigger append_only`;
  await guard.look();
  await owner`alter table journals enable always trigger append_only`;
  const found = present((await recorded('guard.failed')).at(-1), 'the guard told of it');
  await sealer.sealNow();
  const [leaf] = await foundation.deps.db.engine.execute(sql`
    select l.leaf_index, c.tree_size from audit_leaves l
    join audit_checkpoints c on c.tree_size > l.leaf_index where l.log_id = ${found.id} limit 1`);
  await guard.look();
  expect(leaf).toBeDefined();
  expect(JSON.stringify(found.after)).toContain('journals.append_only');
});

test('a setting of the database that touches its guards is named', async () => {
  const name = (await owner`select current_database() as name`)[0]?.name;
  await owner.unsafe(`alter database "${name}" set row_security = on`);
  const { differences } = await guard.look();
  await owner.unsafe(`alter database "${name}" reset row_security`);
  expect(differences.map(({ kind, object }) => `${kind} ${object}`)).toContain('setting everybody');
  expect((await guard.look()).differences).toEqual([]);
});

test('a login that owns a table is named', async () => {
  await owner`grant create on schema public to plimsoll_engine`;
  await foundation.deps.db.engine.execute(sql`create table mine (a int)`);
  const { differences } = await guard.look();
  await foundation.deps.db.engine.execute(sql`drop table mine`);
  await owner`revoke create on schema public from plimsoll_engine`;
  expect(differences).toContainEqual({
    kind: 'login',
    object: 'plimsoll_engine',
    expected: 'owns nothing',
    found: 'owns mine',
  });
});

describe('the database refuses', () => {
  const tables = [
    'audit_logs',
    'audit_leaves',
    'audit_nodes',
    'audit_checkpoints',
    'audit_cosignatures',
    'audit_anchors',
    'journals',
    'ledger_entries',
  ];

  test('UPDATE, DELETE and TRUNCATE of evidence on every table and partition, for its owner too', async () => {
    const relations = await owner`
      select c.relname from pg_class c left join pg_inherits i on i.inhrelid = c.oid
      where c.relname = any(${tables}) or i.inhparent::regclass::text = any(${tables})
        and c.relkind in ('r', 'p')`;
    const names = relations.map((row) => String(row.relname)).filter((name) => !name.endsWith('_idx'));
    expect(names.length).toBeGreaterThan(45);
    for (const name of names) {
      const [column] = await owner`
        select attname from pg_attribute where attrelid = ${name}::regclass and attnum = 1`;
      for (const statement of [
        `update ${name} set ${column?.attname} = ${column?.attname}`,
        `delete from ${name}`,
        `truncate ${name}`,
      ]) {
        const refused = await owner.unsafe(statement).then(
          () => 'done',
          (error: unknown) => sqlStateOf(error),
        );
        // A table that others refer to cannot be truncated at all; that refusal comes first.
        expect([statement, refused]).toEqual([statement, refused === '0A000' ? '0A000' : 'PL004']);
      }
    }
  });

  test.each(['app', 'staff', 'engine'] as const satisfies readonly Login[])(
    'the login %s to change wallets.total, evidence, the baseline or the schema',
    async (login) => {
      const database = foundation.deps.db[login];
      for (const statement of [
        sql`update wallets set total = total`,
        sql`update audit_logs set description = ''`,
        sql`delete from audit_leaves`,
        sql`truncate audit_checkpoints`,
        sql`delete from ledger_entries`,
        sql`update guard_baseline set state = ''`,
        sql`create table stash (a int)`,
        sql`alter table wallets disable trigger user`,
      ]) {
        const refused = await database.execute(statement).then(
          () => 'done',
          (error: unknown) => sqlStateOf(error),
        );
        expect(refused).toBe('42501');
      }
    },
  );
});
