/**
 * What is held on a person reaches those who may have it, whole, and nobody else: across every domain, with
 * the catalogue of the database as the measure of completeness.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { and, eq, sql } from 'drizzle-orm';
import { amlAlerts } from '../domains/aml/schema.ts';
import { personalTrail } from '../domains/audit/personal-data.ts';
import { IDENTITY_EVENTS } from '../domains/identity/audit.ts';
import { exportPerson } from '../domains/identity/export-person.ts';
import { personalHoldings } from '../domains/ledger/personal-data.ts';
import { ledgerEntries } from '../domains/ledger/schema.ts';
import { allDomains } from '../domains.ts';
import type { Actor } from '../kernel/actor.ts';
import { newId } from '../kernel/id.ts';
import { recordMany } from '../platform/audit/record.ts';
import type { Ctx } from '../platform/context.ts';
import { auditLogs } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { PERSONAL_PAGE_ROWS } from '../platform/privacy/personal-rows.ts';
import { done } from './drivers/driver.ts';
import { heldOn } from './held-on.ts';
import { type Member, startWorld, type World } from './world.ts';

const WHY = { purpose: 'authority_request', reason: 'Order 4711 of the court' } as const;
const IBAN = 'MU17BOMM0101101030300200000MUR';

const pieces = allDomains.flatMap((domain) => domain.personalData);

let world: World;
let customer: Member;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  customer = await world.newCustomer({ USD: '100' });
  await liveALittle(customer);
}, 60_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

/** Something in every domain a customer touches, and work of compliance about them. */
async function liveALittle(as: Member): Promise<void> {
  const { accountId, userId } = as;
  await done(
    world.call('createBeneficiary', {
      as,
      body: { kind: 'bank', holderName: 'Anjali Ramgoolam', iban: IBAN, bic: 'MCBLMUMU' },
    }),
  );
  const order = { accountId, symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '0.001' };
  await done(world.call('placeOrder', { as, body: { ...order, limitPrice: '20' } }));
  await done(world.call('putSetting', { as, params: { name: 'note' }, body: { value: 'my own words' } }));
  await done(world.call('createApiKey', { as, body: { name: 'Desk', scopes: ['accounts:read'] } }));
  const body = { userId };
  await done(world.call('createScreening', { as: world.people.compliance_officer, body }));
  const [screening] = await world.deps.db.engine.execute<{ id: string }>(
    sql`select id from screenings where user_id = ${userId} limit 1`,
  );
  await world.deps.db.engine.insert(amlAlerts).values({
    id: newId(),
    userId,
    screeningId: screening?.id as never,
    status: 'resolved',
    disposition: 'inconclusive',
    severity: 'high',
    reason: 'not the listed smuggler',
    createdAt: world.deps.clock.now(),
    resolvedAt: world.deps.clock.now(),
    resolvedBy: world.people.mlro.userId,
  });
  await world.settle();
}

const own = (as: Member) => world.call('exportUserData', { as, params: { id: as.userId } });

const byStaff = (as: Member, query: Record<string, string> = WHY) =>
  world.call('exportUserData', { as, params: { id: customer.userId }, query });

describe('what a domain declares', () => {
  test('covers every table of the catalogue that names a person', async () => {
    const rows = await world.deps.db.engine.execute<{ name: string }>(sql`
      select distinct c.relname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and a.attname in ('user_id', 'subject_user_id', 'actor_user_id')`);
    const declared = new Set(pieces.flatMap((piece) => piece.tables));
    expect(rows.length).toBeGreaterThan(30);
    expect(rows.map((row) => row.name).filter((name) => !declared.has(name))).toEqual([]);
  });

  test('names tables that exist, and pieces and reads once each', async () => {
    const rows = await world.deps.db.engine.execute<{ name: string }>(
      sql`select relname as name from pg_class where relnamespace = 'public'::regnamespace`,
    );
    const existing = new Set(rows.map((row) => row.name));
    expect(pieces.flatMap((piece) => piece.tables).filter((name) => !existing.has(name))).toEqual([]);
    const names = pieces.map((piece) => piece.name);
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
  });

  test('keeps everything of AML from customers', () => {
    const open = pieces.filter((piece) => piece.restricted !== true).flatMap((piece) => piece.tables);
    const aml = ['screenings', 'aml_alerts', 'customer_gates', 'kyc_decisions', 'approvals'];
    expect(open.filter((name) => aml.includes(name))).toEqual([]);
  });
});

describe('one’s own export', () => {
  test('holds what every domain holds, in the clear, and ends complete', async () => {
    const { status, headers, body } = await own(customer);
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({ format: 'plimsoll-data-export/1', userId: customer.userId, complete: true });
    expect(body.data).toMatchObject({
      identity: {
        person: [{ email: customer.email, lastName: 'Ramgoolam' }],
        apiKeys: [{ name: 'Desk' }],
        settings: [{ name: 'note', value: 'my own words' }],
        roles: [{ role: 'customer' }],
      },
      accounts: { accounts: [{ id: customer.accountId }] },
      kyc: { applications: [{ declaration: { lastName: 'Ramgoolam' } }], documents: [{}, {}] },
      funding: { beneficiaries: [{ destination: { iban: IBAN } }], deposits: [{ amount: '100' }] },
      trading: { orders: [{ symbol: 'BTC/USD', events: [{}] }] },
      credentials: { emergencyLogins: [] },
    });
    expect(body.data.ledger.entries.length).toBeGreaterThan(0);
    expect(body.data.events.events.length).toBeGreaterThan(0);
    expect(body.data.audit.doneByPerson).toContainEqual(
      expect.objectContaining({ eventType: 'setting.changed', personal: expect.anything() }),
    );
    const [row] = await world.deps.db.engine
      .select()
      .from(auditLogs)

      .where(
        and(eq(auditLogs.eventType, 'user.own_data_exported'), eq(auditLogs.subjectUserId, customer.userId)),
      );
    expect(row).toMatchObject({ subjectUserId: customer.userId, class: 'normal' });
  });

  test('tips nobody off: no screening, no alert, no gate, no reason of staff, no look of theirs', async () => {
    await done(byStaff(world.people.mlro));
    // Alerts on prices are the customer's own.
    const text = JSON.stringify((await own(customer)).body).replaceAll(/price_?alert/gi, '');
    expect(text).not.toMatch(
      /screening|aml|alert|restriction|smuggler|Order 4711|user\.exported|restricted/i,
    );
    expect(text).not.toContain(world.people.mlro.userId);
    expect(text).not.toContain(world.people.compliance_officer.userId);
  });

  test('is one’s own also for staff: compliance sees no more of itself than a customer would', async () => {
    const officer = world.people.compliance_officer;
    const { data } = (await own(officer)).body;
    expect(Object.keys(data)).not.toContain('supervision');
    expect(Object.keys(data)).not.toContain('aml');
    expect(JSON.stringify(data.audit)).not.toContain(customer.userId);
  });

  test('is open to those who have no second factor', async () => {
    const as = await world.newMember({ secondFactor: false });
    const token = await world.tokenOf(as, false);
    const { status, body } = await world.call('exportUserData', { token, params: { id: as.userId } });
    expect([status, body.complete]).toEqual([200, true]);
  });

  test('asks those who have a second factor for it, as fresh as any step-up', async () => {
    const as = await world.newMember();
    const params = { id: as.userId };
    const without = await world.call('exportUserData', { token: await world.tokenOf(as, false), params });
    expect([without.status, without.body.code]).toEqual([403, 'step_up_required']);
    const ctxOf = (mfaAtMs: number): Ctx => ({ ...as.ctx, actor: { ...as.ctx.actor, mfaAtMs } as Actor });
    const nowMs = world.deps.clock.realMs();
    const stale = exportPerson(ctxOf(nowMs - 5 * 60_000 - 1), as.userId, {});
    expect(stale).rejects.toMatchObject({ code: 'step_up_required' });
    await stale.catch(() => {});
    const rows = () =>
      world.deps.db.engine.$count(
        auditLogs,
        and(eq(auditLogs.eventType, 'user.own_data_exported'), eq(auditLogs.subjectUserId, as.userId)),
      );
    expect(await rows()).toBe(0);
    await exportPerson(ctxOf(nowMs - 4 * 60_000), as.userId, {});
    expect(await rows()).toBe(1);
  });

  test('holds no secret and no hash', async () => {
    const text = JSON.stringify((await own(customer)).body);
    expect(text).not.toMatch(
      /hash|secret|argon|digest|wrapped|publicKey|rowMac|salt|(email|phone|destination|number)index/i,
    );
  });
});

const restricted = pieces
  .filter((piece) => piece.restricted === true)
  .map((piece) => piece.name)
  .toSorted();

test('the runbook names each piece that is to be taken out before an export leaves the house', async () => {
  const runbook = await Bun.file(join(import.meta.dir, '..', '..', 'docs', 'runbooks', 'erasure.md')).text();
  const [, sentence = ''] = /takes out what is\s+restricted[^:]*:([^.]*)\./.exec(runbook) ?? [];
  expect([...sentence.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '').toSorted()).toEqual(restricted);
});

describe('an export of another person', () => {
  test('is for compliance and MLRO, and whole', async () => {
    const { status, body } = await byStaff(world.people.compliance_officer);
    expect(status).toBe(200);
    expect(Object.keys(body.data).toSorted()).toEqual(pieces.map((piece) => piece.name).toSorted());
    expect(body.restricted.toSorted()).toEqual(restricted);
    expect(body.data.aml.screenings[0].subject.name).toContain('Ramgoolam');
    expect(body.data.aml.alerts[0].reason).toBe('not the listed smuggler');
    expect(body.data.supervision.gate[0].screening).toBe('clear');
    expect(JSON.stringify(body)).not.toMatch(/password_?hash|argon|refreshHash|wrapped/i);
  });

  test('names a purpose, which is recorded where only examiners look', async () => {
    const officer = await world.newMember({ roles: ['compliance_officer'] });
    const { status, body } = await byStaff(officer, { ...WHY, purpose: 'x' });
    expect([status, body.code]).toEqual([422, 'validation_failed']);
    expect((await byStaff(officer)).status).toBe(200);
    expect((await byStaff(officer, {})).status).toBe(200);
    const rows = await world.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.actorUserId, officer.userId));
    expect(rows.filter((row) => row.eventType === 'user.exported')).toMatchObject([
      { class: 'restricted', subjectUserId: customer.userId, after: WHY },
      { class: 'restricted', subjectUserId: customer.userId, after: { purpose: 'customer_request' } },
    ]);
  });

  test('needs a second factor checked just now', async () => {
    const { ctx } = await world.newMember({ roles: ['mlro'] });
    const provedAtMs = world.deps.clock.realMs() - 6 * 60_000;
    const late: Ctx = { ...ctx, actor: { ...ctx.actor, mfaAtMs: provedAtMs } as Actor };
    expect(exportPerson(late, customer.userId, WHY)).rejects.toMatchObject({ code: 'step_up_required' });
    expect((await exportPerson(ctx, customer.userId, WHY)).next()).resolves.toMatchObject({ done: false });
  });

  test('does not exist for anybody else, staff or customer, whether the person exists or not', async () => {
    const others = (['support', 'operations', 'admin', 'auditor', 'risk_manager'] as const).map(
      (role) => world.people[role],
    );
    for (const as of [...others, await world.newMember()]) {
      const real = await byStaff(as, {});
      const unknown = await world.call('exportUserData', { as, params: { id: newId() } });
      expect([real.status, unknown.status]).toEqual([404, 404]);
    }
    const unknown = { as: world.people.mlro, params: { id: newId() }, query: WHY };
    expect((await world.call('exportUserData', unknown)).status).toBe(404);
  });
});

test('a history longer than a page comes whole, in order and without a row twice', async () => {
  const member = await world.newMember();
  const { ctx, userId } = member;
  const count = PERSONAL_PAGE_ROWS * 2 + 1;
  const change = {
    event: IDENTITY_EVENTS['setting.changed'],
    resource: { type: 'setting', id: 'theme' },
    subjectUserId: userId,
  };
  // All in one millisecond, so that the last key of a page decides.
  await transact(ctx, 'engine', (tx) =>
    recordMany(
      tx,
      ctx,
      Array.from({ length: count }, () => change),
    ),
  );
  const held = await heldOn(world.system, personalTrail, userId);
  const rows = held.doneByPerson as { readonly id: string; readonly recordedAt: string }[];
  const places = rows.map((row) => `${row.recordedAt} ${row.id}`);
  expect(places).toEqual(places.toSorted());
  expect(new Set(places).size).toBe(count);
  const exported = await own(member);
  expect(exported.body.data.audit.doneByPerson.length).toBeGreaterThan(count);
});

test('entries of several wallets come along their index, each once', async () => {
  const rich = await world.newCustomer({ USD: '1', EUR: '2' });
  const held = await heldOn(world.system, personalHoldings, rich.userId);
  const booked = await world.deps.db.engine
    .select({ id: ledgerEntries.id })
    .from(ledgerEntries)
    .where(eq(ledgerEntries.userId, rich.userId));
  const entries = held.entries as { readonly id: string }[];
  expect(entries.map((entry) => entry.id).toSorted()).toEqual(
    booked.map((row) => row.id as string).toSorted(),
  );
  expect(entries).toHaveLength(2);
});
