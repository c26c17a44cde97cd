import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import type { Hono } from 'hono';
import { createApp } from '../../app.ts';
import type { Actor, Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { auditEvents } from '../../platform/audit/events.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { openClient } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { PLANTED_PEOPLE, plantAuditRows } from '../../testing/plant-audit-rows.ts';
import { send } from '../../testing/send.ts';
import { auditDomain } from './index.ts';
import { searchStatements } from './search-logs.ts';

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

type Node = { readonly [member: string]: unknown };

/** Every node of the plan of a search. */
async function planOf(filters: Parameters<typeof searchStatements>[1]): Promise<readonly Node[]> {
  return transact(foundation.system, 'engine', async (tx) => {
    const nodes: Node[] = [];
    for (const statement of searchStatements(tx, filters, true, undefined, 51)) {
      const [row] = await tx.execute<{ 'QUERY PLAN': { Plan: Node }[] }>(
        sql`explain (format json) ${statement.getSQL()}`,
      );
      const walk = (node: Node): void => {
        nodes.push(node);
        for (const child of (node.Plans ?? []) as Node[]) {
          walk(child);
        }
      };
      walk(present(row?.['QUERY PLAN'][0], 'a statement has a plan').Plan);
    }
    return nodes;
  });
}

describe('the plan of a search', () => {
  const user = PLANTED_PEOPLE[0] ?? newId();
  test.each([
    ['nothing', {}],
    ['a person', { userId: user }],
    ['an actor who is a person', { actorId: user }],
    ['an actor who is a machine', { actorId: 'job:bench.rare' }],
    ['a rare category', { category: 'security' as const }],
    ['a common category', { category: 'trading' as const }],
    ['a severity', { severity: 'critical' as const }],
    ['an event type', { eventType: 'bench.kind_7' }],
    ['a resource', { resourceType: 'bench', resourceId: 'resource-7' }],
  ])('by %s walks an index in the order of the answer', async (_name, filters) => {
    const nodes = await planOf(filters);
    const scans = nodes.filter(
      (node) => String(node['Node Type']).includes('Scan') && Number(node['Plan Rows']) > 1,
    );
    expect(nodes.some((node) => String(node['Node Type']).includes('Index'))).toBe(true);
    expect(scans.filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([]);
    expect(nodes.filter((node) => node['Node Type'] === 'Sort' && Number(node['Plan Rows']) > 1_000)).toEqual(
      [],
    );
  });

  test('within a time looks at no partition outside it', async () => {
    const month = foundation.deps.clock.realNow().slice(0, 7);
    const nodes = await planOf({
      from: `${month}-01T00:00:00.000000Z` as Instant,
      to: foundation.deps.clock.realNow(),
    });
    const tables = nodes.flatMap((node) =>
      node['Relation Name'] === undefined ? [] : [node['Relation Name']],
    );
    expect(new Set(tables)).toEqual(new Set([`audit_logs_${month.replace('-', '_')}`]));
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
