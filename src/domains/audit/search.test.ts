import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type SQL, sql } from 'drizzle-orm';
import type { Hono } from 'hono';
import { createApp } from '../../app.ts';
import type { Actor, Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { APPROVAL_EVENTS } from '../../platform/approvals/audit.ts';
import { attempt } from '../../platform/audit/attempt.ts';
import { auditEvents } from '../../platform/audit/events.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { openClient } from '../../platform/db/client.ts';
import { approvals } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import {
  PLANTED_ACCOUNT,
  PLANTED_PEOPLE,
  PLANTED_RUN,
  plantAuditRows,
} from '../../testing/plant-audit-rows.ts';
import { send } from '../../testing/send.ts';
import { auditDomain } from './index.ts';
import { findRows } from './search-logs.ts';
import { LOOKED_AT, type LogFilters, preferFewRows, searchWays } from './search-ways.ts';

const EVENTS = auditEvents({
  'sample.moved': { category: 'financial', severity: 'info', description: 'A sample moved', shows: ['step'] },
  'sample.suspected': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'A sample was suspected',
    shows: ['step'],
  },
});

let foundation: Foundation;
let app: Hono;
const reader = newId();

beforeAll(async () => {
  foundation = await startFoundation(import.meta.file, [auditDomain]);
  const { deps } = foundation;
  await deps.db.engine.transaction((tx) => deps.personKeys.create(tx, reader, deps.clock.now()));
  app = createApp(deps, {
    domains: [auditDomain],
    platformEndpoints: [],
    authenticate: async (_deps, role): Promise<Actor> => ({
      kind: 'staff',
      userId: reader,
      roles: [role as Role],
      sessionId: newId(),
      mfaAtMs: deps.clock.realMs(),
    }),
    clientAddress: () => '198.51.100.7',
  });
  await plantAuditRows(deps.db.engine, { rows: 30_000, months: 3 });
  const owner = openClient(foundation.database.owner, 1);
  await owner.unsafe('analyze audit_logs');
  await owner.end({ timeout: 5 });
}, 60_000);
afterAll(() => foundation.close());

type Change = { readonly type: keyof typeof EVENTS; readonly resource: { type: string; id: string } };

async function person(): Promise<Ctx> {
  const userId = newId();
  await foundation.deps.db.engine.transaction((tx) =>
    foundation.deps.personKeys.create(tx, userId, foundation.deps.clock.now()),
  );
  const actor = { kind: 'customer', userId, roles: ['customer'], sessionId: newId(), mfaAtMs: null };
  return foundation.ctx(actor as Actor);
}

async function changed(ctx: Ctx, { type, resource }: Change, step: number, subject: Id): Promise<void> {
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, { event: EVENTS[type], resource, subjectUserId: subject, after: { step } }),
  );
}

function subjectOf(ctx: Ctx): Id {
  const { actor } = ctx;
  return present('userId' in actor ? (actor.userId as Id) : undefined, 'a customer is a person');
}

async function plantApproval(makerId: Id, withdrawalId: Id): Promise<Id> {
  const id = newId();
  await foundation.deps.db.engine.insert(approvals).values({
    id,
    action: 'sample',
    subjectType: 'withdrawal',
    subjectId: withdrawalId,
    payload: {},
    payloadHash: new Uint8Array(32),
    makerId,
    quorum: 2,
    checkerRoles: ['mlro'],
    status: 'pending',
    reason: 'A sample',
    createdAt: foundation.deps.clock.realNow(),
    expiresAt: foundation.deps.clock.realNow(),
  });
  return id;
}

async function voted(ctx: Ctx, approvalId: Id, type: keyof typeof APPROVAL_EVENTS): Promise<void> {
  const resource = { type: 'approval', id: approvalId };
  const after = { vote: 'approve', status: 'pending' };
  await transact(ctx, 'engine', (tx) =>
    record(tx, ctx, { event: APPROVAL_EVENTS[type], resource, subjectUserId: null, after }),
  );
}

type Node = { readonly [member: string]: unknown };

type Search = Parameters<typeof findRows>[1];

function searchBy(filters: LogFilters, more: Partial<Search> = {}): Search {
  return { filters, restricted: true, reader: null, concealed: [], after: undefined, limit: 51, ...more };
}

/** Every node of the plans of a search's ways, as they ran for one of the staff. */
async function plansOf(search: Search): Promise<readonly Node[]> {
  return transact(foundation.system, 'staff', async (tx) => {
    await preferFewRows(tx);
    const nodes: Node[] = [];
    const walk = (node: Node): void => {
      nodes.push(node);
      for (const child of (node.Plans ?? []) as Node[]) {
        walk(child);
      }
    };
    for (const statement of searchWays(tx, search).flat()) {
      const [row] = await tx.execute<{ 'QUERY PLAN': { Plan: Node }[] }>(
        sql`explain (analyze, format json) ${statement.getSQL()}`,
      );
      walk(present(row?.['QUERY PLAN'][0], 'a statement has a plan').Plan);
    }
    return nodes;
  });
}

/** Rows that were read from the table, whether they met the conditions or not. */
function rowsLookedAt(nodes: readonly Node[]): number {
  const scans = nodes.filter((node) => node['Relation Name'] !== undefined);
  const count = (node: Node, name: string): number => Number(node[name] ?? 0);
  return scans.reduce(
    (sum, node) =>
      sum +
      count(node, 'Actual Loops') *
        (count(node, 'Actual Rows') +
          count(node, 'Rows Removed by Filter') +
          count(node, 'Rows Removed by Index Recheck')),
    0,
  );
}

/** All pages of a search. */
async function idsOf(search: Search): Promise<{ readonly ids: readonly string[]; readonly pages: number }> {
  const ids: string[] = [];
  let { after } = search;
  for (let pages = 1; ; pages += 1) {
    const found = await transact(foundation.system, 'staff', (tx) => findRows(tx, { ...search, after }));
    ids.push(...found.rows.map((row) => row.id));
    if (found.reached === null) {
      return { ids, pages };
    }
    after = found.reached;
  }
}

describe('a search', () => {
  const user = PLANTED_PEOPLE[0] ?? newId();
  test.each<[string, LogFilters]>([
    ['nothing', {}],
    ['the busiest person', { userId: user }],
    ['a person of long ago', { userId: PLANTED_PEOPLE[999] ?? newId() }],
    ['an actor who is a machine', { actorId: 'engine' }],
    ['an actor who is a rare machine', { actorId: 'job:bench.rare' }],
    ['a rare category', { category: 'security' }],
    ['a category that never was', { category: 'admin_action' }],
    ['a common category', { category: 'trading' }],
    ['a severity', { severity: 'critical' }],
    ['a severity that never was', { severity: 'error' }],
    ['a severity and a category', { severity: 'warning', category: 'trading' }],
    ['an outcome', { outcome: 'refused' }],
    ['a class', { class: 'restricted' }],
    ['an event type', { eventType: 'bench.kind_7' }],
    ['an event type that never was', { eventType: 'bench.never' }],
    ['a resource', { resourceType: 'bench', resourceId: 'resource-7' }],
    ['a busy resource', { resourceId: PLANTED_ACCOUNT }],
    ["a job's run", { requestId: PLANTED_RUN }],
  ])('by %s looks at hardly more rows than it shows', async (_name, filters) => {
    // Some of each month and of each combination of kinds, until it is known which are the newest.
    expect(rowsLookedAt(await plansOf(searchBy(filters)))).toBeLessThan(900);
    const month = Temporal.PlainYearMonth.from(foundation.deps.clock.realNow().slice(0, 7)).add({
      months: 2,
    });
    const after = [`${month.toString()}-01T00:00:00.000000Z`, newId()];
    expect(rowsLookedAt(await plansOf(searchBy(filters, { after })))).toBeLessThan(900);
  });

  test.each<[string, LogFilters]>([
    ['a person and what they never did', { userId: user, resourceType: 'never' }],
    ['a machine and what it never did', { actorId: 'engine', resourceType: 'never' }],
    ['an event type and what it never was', { eventType: 'bench.kind_7', category: 'system' }],
    ['a type of things that are not', { resourceType: 'never' }],
  ])('by %s gives up before it looked at everything', async (_name, filters) => {
    // For what is common the planner may go back in time and pass over some others.
    expect(rowsLookedAt(await plansOf(searchBy(filters)))).toBeLessThan(3 * LOOKED_AT);
    expect((await idsOf(searchBy(filters))).ids).toEqual([]);
  });

  test('within a time looks at no month outside it', async () => {
    const month = foundation.deps.clock.realNow().slice(0, 7);
    const nodes = await plansOf(
      searchBy({
        from: `${month}-01T00:00:00.000000Z` as Instant,
        to: foundation.deps.clock.realNow(),
      }),
    );
    const tables = nodes.flatMap((node) =>
      node['Relation Name'] === undefined ? [] : [node['Relation Name']],
    );
    expect(new Set(tables)).toEqual(new Set([`audit_logs_${month.replace('-', '_')}`]));
  });

  test.each<[LogFilters, SQL]>([
    [{ userId: user, resourceType: 'account' }, sql`by_user and resource_type = 'account'`],
    [{ userId: user, severity: 'warning' }, sql`by_user and severity = 'warning'`],
    [{ actorId: 'engine', category: 'security' }, sql`actor_id = 'engine' and category = 'security'`],
    [{ actorId: user, outcome: 'refused' }, sql`actor_id = ${user} and outcome = 'refused'`],
    [
      { eventType: 'bench.kind_7', severity: 'warning' },
      sql`event_type = 'bench.kind_7' and severity = 'warning'`,
    ],
    [{ category: 'compliance' }, sql`category = 'compliance'`],
    [{ class: 'restricted', category: 'security' }, sql`class = 'restricted' and category = 'security'`],
    [{ requestId: PLANTED_RUN }, sql`request_id = ${PLANTED_RUN}`],
    [
      { resourceId: PLANTED_ACCOUNT, outcome: 'refused' },
      sql`resource_id = ${PLANTED_ACCOUNT} and outcome = 'refused'`,
    ],
  ])('by %j finds each row once, newest first, over all its pages', async (filters, where) => {
    const expected = await transact(foundation.system, 'engine', (tx) =>
      tx.execute<{ id: string }>(
        sql`select id::text as id from (select *, ${user}::uuid in (actor_user_id, subject_user_id) as by_user
          from audit_logs) as a where ${where} order by recorded_at desc, id desc`,
      ),
    );
    const { ids } = await idsOf(searchBy(filters, { limit: 50 }));
    expect(ids).toEqual(expected.map((row) => row.id));
    expect(ids.length).toBeGreaterThan(0);
  });

  test('for what is rare goes on from where a page gave up, though the page has no rows', async () => {
    const other = await person();
    const resource = { type: `rare_${newId()}`, id: newId() };
    await changed(other, { type: 'sample.moved', resource }, 1, user);
    const { ids, pages } = await idsOf(searchBy({ userId: user, resourceType: resource.type }));
    expect(ids).toHaveLength(1);
    expect(pages).toBeGreaterThan(2);
  });

  test('of one who may not see restricted rows never goes on from such a row', async () => {
    const filters = { category: 'compliance', resourceType: 'never' } as const;
    const reachedBy = (restricted: boolean) =>
      transact(foundation.system, 'staff', (tx) => findRows(tx, searchBy(filters, { restricted })));
    expect((await reachedBy(true)).reached).not.toBeNull();
    expect((await reachedBy(false)).reached).toBeNull();
    const about = {
      userId: PLANTED_PEOPLE[0] ?? newId(),
      class: 'restricted',
      resourceType: 'never',
    } as const;
    const readBy = (reader: Id) =>
      transact(foundation.system, 'staff', (tx) => findRows(tx, searchBy(about, { reader })));
    expect((await readBy(reader)).reached).not.toBeNull();
    expect((await readBy(about.userId)).rows).toEqual([]);
    const own = { ...filters, class: 'normal' } as const;
    const found = await transact(foundation.system, 'staff', (tx) => findRows(tx, searchBy(own)));
    expect(found.reached).toBeNull();
  });
});

describe('pages', () => {
  test('of a person repeat and skip nothing, whoever did it, while rows are added', async () => {
    const ctx = await person();
    const other = await person();
    const user = subjectOf(ctx);
    for (let step = 0; step < 12; step += 1) {
      const by = step % 3 === 0 ? other : ctx;
      await changed(by, { type: 'sample.moved', resource: { type: 'sample', id: newId() } }, step, user);
    }
    const seen: number[] = [];
    let path = `/v1/audit/logs?userId=${user}&eventType=sample.moved&limit=5`;
    for (let page = 0; page < 3; page += 1) {
      const { body } = await send(app, 'GET', path, { token: 'auditor' });
      seen.push(...body.data.map((row: { after: { step: number } }) => row.after.step));
      await changed(
        ctx,
        { type: 'sample.moved', resource: { type: 'sample', id: newId() } },
        100 + page,
        user,
      );
      path = `/v1/audit/logs?userId=${user}&eventType=sample.moved&limit=5&cursor=${body.nextCursor}`;
    }
    expect(seen).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  test.each([
    ['resourceType=sample', 1],
    ['resourceType=other', 0],
    ['outcome=success', 1],
    ['outcome=refused', 0],
    ['class=normal', 1],
    ['class=restricted', 0],
  ])('filter by a resource and %s', async (filter, count) => {
    const ctx = await person();
    const id = newId();
    await changed(ctx, { type: 'sample.moved', resource: { type: 'sample', id } }, 1, subjectOf(ctx));
    const { body } = await send(app, 'GET', `/v1/audit/logs?resourceId=${id}&${filter}`, {
      token: 'auditor',
    });
    expect(body.data).toHaveLength(count);
  });
});

describe('a timeline', () => {
  test('of a thing has what the same requests did to other things, and tells whom it was about', async () => {
    const ctx = await person();
    const user = subjectOf(ctx);
    const [order, hold] = [newId(), newId()];
    await changed(ctx, { type: 'sample.moved', resource: { type: 'order', id: order } }, 1, user);
    await changed(ctx, { type: 'sample.suspected', resource: { type: 'hold', id: hold } }, 2, user);
    await changed(
      { ...ctx, requestId: newId() },
      { type: 'sample.moved', resource: { type: 'hold', id: newId() } },
      3,
      user,
    );
    const { status, body } = await send(app, 'GET', `/v1/audit/timelines/order/${order}`, { token: 'mlro' });
    expect(status).toBe(200);
    expect(body.data.map((row: { after: { step: number } }) => row.after.step)).toEqual([2, 1]);
    const reads = await send(app, 'GET', `/v1/audit/logs?userId=${user}&eventType=audit_log.person_read`, {
      token: 'mlro',
    });
    expect(reads.body.data).toMatchObject([
      { resourceType: 'order', resourceId: order, class: 'restricted' },
    ]);
  });

  test('of a thing has every vote on it and what was refused, each once, page by page', async () => {
    const [maker, checker] = [await person(), await person()];
    const thing = newId();
    const resource = { type: 'withdrawal', id: thing };
    await changed(maker, { type: 'sample.moved', resource }, 1, subjectOf(maker));
    const approval = await plantApproval(subjectOf(maker), thing);
    const other = await plantApproval(subjectOf(maker), newId());
    for (const [about, type] of [
      [approval, 'approval.voted'],
      [approval, 'restricted_approval.voted'],
      [other, 'approval.voted'],
    ] as const) {
      await voted({ ...checker, requestId: newId() }, about, type);
    }
    for (const on of [thing, approval, other]) {
      await attempt(
        { ...checker, requestId: newId() },
        {
          operation: 'approveApproval',
          method: 'POST',
          route: '/v1/approvals/{id}/approve',
          status: 403,
          code: 'self_approval',
          category: 'security',
          restricted: false,
          on: { id: on },
        },
      );
    }
    const path = `/v1/audit/timelines/withdrawal/${thing}?limit=2`;
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await send(app, 'GET', `${path}${cursor}`, { token: 'mlro' });
      seen.push(
        ...body.data.map((row: { eventType: string; resourceId: string; after: { on?: { id: string } } }) =>
          [row.eventType, row.after.on?.id ?? row.resourceId].join(' '),
        ),
      );
      if (body.nextCursor === null) {
        break;
      }
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(seen).toEqual([
      `request.refused ${approval}`,
      `request.refused ${thing}`,
      `restricted_approval.voted ${approval}`,
      `approval.voted ${approval}`,
      `sample.moved ${thing}`,
    ]);
  });

  test('finds approvals and refused attempts by an index', async () => {
    const plans = await transact(foundation.system, 'staff', async (tx) => {
      await preferFewRows(tx);
      // Months without rows are looked through at once otherwise.
      await tx.execute(sql`set local enable_seqscan = off`);
      const id = newId();
      const tried = await tx.execute(
        sql`explain select * from audit_logs where (after -> 'on' ->> 'id') = ${id} and resource_type = 'operation'
          order by recorded_at desc, id desc limit 50`,
      );
      const asked = await tx.execute(sql`explain select id from approvals where subject_id = ${id}`);
      return JSON.stringify([tried, asked]);
    });
    expect(plans).not.toContain('Seq Scan');
    expect(plans).not.toContain('Filter');
    expect(plans).toContain("((after -> 'on'::text) ->> 'id'::text) =");
    expect(plans).toContain('approvals_subject_id_idx');
  });

  test('of a user has what they did and what was done about them, page by page', async () => {
    const [ctx, other] = [await person(), await person()];
    const user = subjectOf(ctx);
    const resource = { type: 'sample', id: newId() };
    await changed(ctx, { type: 'sample.moved', resource }, 1, subjectOf(other));
    await changed(other, { type: 'sample.moved', resource }, 2, user);
    const path = `/v1/audit/timelines/user/${user}?limit=1`;
    const first = await send(app, 'GET', path, { token: 'compliance_officer' });
    expect(first.body.data).toMatchObject([{ after: { step: 2 } }]);
    const next = await send(app, 'GET', `${path}&cursor=${first.body.nextCursor}`, {
      token: 'compliance_officer',
    });
    expect(next.body.data).toMatchObject([{ after: { step: 1 } }]);
  });

  test('of a thing has, page by page, each row of each request once', async () => {
    const ctx = await person();
    const user = subjectOf(ctx);
    const order = newId();
    for (let step = 0; step < 9; step += 1) {
      const request = { ...ctx, requestId: newId() };
      await changed(
        request,
        { type: 'sample.moved', resource: { type: 'hold', id: newId() } },
        3 * step,
        user,
      );
      await changed(
        request,
        { type: 'sample.moved', resource: { type: 'order', id: order } },
        3 * step + 1,
        user,
      );
      await changed(
        request,
        { type: 'sample.moved', resource: { type: 'hold', id: newId() } },
        3 * step + 2,
        user,
      );
    }
    const seen: number[] = [];
    const path = `/v1/audit/timelines/order/${order}?limit=4`;
    for (let cursor = ''; ; ) {
      const { body } = await send(app, 'GET', `${path}${cursor}`, { token: 'mlro' });
      seen.push(...body.data.map((row: { after: { step: number } }) => row.after.step));
      if (body.nextCursor === null) {
        break;
      }
      expect(body.data).toHaveLength(4);
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(seen).toEqual(Array.from({ length: 27 }, (_, at) => 26 - at));
  });

  test('of a thing with a long history goes on into the past, and reads little of it', async () => {
    const path = `/v1/audit/timelines/account/${PLANTED_ACCOUNT}?limit=200`;
    const ids: string[] = [];
    let cursor = '';
    for (let page = 0; page < 4; page += 1) {
      const { body } = await send(app, 'GET', `${path}${cursor}`, { token: 'mlro' });
      expect(body.data).toHaveLength(200);
      ids.push(...body.data.map((row: { id: string }) => row.id));
      cursor = `&cursor=${body.nextCursor}`;
    }
    const newest = await transact(foundation.system, 'engine', (tx) =>
      tx.execute<{ id: string }>(sql`
        with own as (select request_id from audit_logs
          where resource_id = ${PLANTED_ACCOUNT} and resource_type = 'account' and actor_kind <> 'job')
        select id::text as id from audit_logs where request_id in (select request_id from own)
          or (resource_id = ${PLANTED_ACCOUNT} and event_type <> 'audit_log.person_read')
        order by recorded_at desc, id desc limit 800`),
    );
    expect(ids).toEqual(newest.map((row) => row.id));
  });

  test.each(['admin', 'support', 'operations', 'risk_manager'])('is refused to %s', async (role) => {
    const path = `/v1/audit/timelines/user/${newId()}`;
    expect((await send(app, 'GET', path, { token: role })).status).toBe(403);
  });

  test('of nothing is empty', async () => {
    const { body } = await send(app, 'GET', `/v1/audit/timelines/withdrawal/${newId()}`, {
      token: 'auditor',
    });
    expect(body).toEqual({ data: [], nextCursor: null });
  });
});
