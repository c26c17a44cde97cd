/** Keys that act as staff or move money: what two people decide, and what no key may do. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { newId } from '../../kernel/id.ts';
import { addMs, instantOfMs } from '../../kernel/time.ts';
import { expireApprovals } from '../../platform/approvals/expire-approvals.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { approvals, auditLogs } from '../../platform/db/schema.ts';
import { allDrivers } from '../../testing/drivers/all-drivers.ts';
import { done, REASON } from '../../testing/drivers/driver.ts';
import { mailsTo } from '../../testing/mails.ts';
import { type Member, startWorld, type World } from '../../testing/world.ts';
import { API_SCOPES, isMoneyScope, isScope, isScopeFor } from './api-key-format.ts';
import { createApiKey } from './index.ts';
import { remindKeyExpiry } from './remind-key-expiry.ts';
import { apiKeys, roleGrants } from './schema.ts';

const STAFF_SCOPES = API_SCOPES.filter((scope) => isScopeFor(scope, 'staff'));
const DAY_MS = 86_400_000;

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

function wish(extra: object = {}): object {
  const expiresAt = instantOfMs(world.deps.clock.realMs() + 30 * DAY_MS);
  return { name: 'Evidence pull', scopes: ['audit:read'], expiresAt, ...extra };
}

const ask = (as: Member, extra: object = {}) => world.call('createApiKey', { as, body: wish(extra) });
const staff = (...roles: Role[]) => world.newMember({ roles });
const useOf = (token: string) => world.call('listAuditLogs', { token });
const approve = (id: string, as = world.people.admin) =>
  world.call('approveApproval', { as, params: { id }, body: REASON });
const reject = (id: string) =>
  world.call('rejectApproval', { as: world.people.admin, params: { id }, body: REASON });

/** A key that another admin has approved. */
async function serviceKey(as: Member, scopes: readonly string[]) {
  const key = await done(ask(as, { scopes }));
  await done(approve(key.approvalId));
  return key;
}

async function rowOf(keyId: string) {
  const [row] = await world.deps.db.engine.select().from(apiKeys).where(eq(apiKeys.id, keyId));
  return row;
}

async function statusOf(approvalId: string) {
  const [row] = await world.deps.db.engine.select().from(approvals).where(eq(approvals.id, approvalId));
  return row?.status;
}

describe('a key of staff', () => {
  test('is shown once, works nowhere until another admin approves it, and then within its scopes', async () => {
    const owner = await staff('auditor');
    const { status, body: key } = await ask(owner);
    expect([status, key.activatedAt, key.service]).toEqual([201, null, true]);
    expect((await useOf(key.secret)).body.code).toBe('credential_invalid');
    expect((await done(approve(key.approvalId))).status).toBe('executed');
    expect((await useOf(key.secret)).status).toBe(200);
    expect((await world.call('listJournals', { token: key.secret })).body.code).toBe('scope_missing');
    const [listed] = (await world.call('listApiKeys', { as: owner })).body.data;
    expect(listed).toMatchObject({ id: key.id, activatedAt: expect.any(String), approvalId: key.approvalId });
    const events = await world.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, key.id))
      .orderBy(auditLogs.recordedAt);
    expect(events.map((row) => row.eventType)).toEqual(['api_key.created', 'api_key.activated']);
  });

  test('shows its checkers what it may do, and never its secret', async () => {
    const allowedCidrs = ['203.0.113.0/24'];
    const owner = await staff('auditor');
    const key = await done(ask(owner, { allowedCidrs }));
    const params = { id: key.approvalId };
    const { body } = await world.call('getApproval', { as: world.people.admin, params });
    expect(body).toMatchObject({
      action: 'api_key.activate',
      subjectId: key.id,
      subjectUserId: owner.userId,
      checkerRoles: ['admin'],
      quorum: 1,
      payload: {
        name: 'Evidence pull',
        scopes: ['audit:read'],
        allowedCidrs,
        expiresAt: key.expiresAt,
        ownerId: owner.userId,
        ownerRoles: ['auditor'],
        signed: false,
      },
    });
    expect(JSON.stringify(body)).not.toContain(key.secret.split('_').at(-1));
  });

  test('is not approved by its owner, nor by any role but admin', async () => {
    const owner = await staff('admin');
    const key = await done(ask(owner));
    expect((await approve(key.approvalId, owner)).body.code).toBe('self_approval');
    for (const role of ['compliance_officer', 'mlro', 'operations', 'risk_manager'] as const) {
      expect((await approve(key.approvalId, world.people[role])).status).toBeGreaterThanOrEqual(403);
    }
    expect((await rowOf(key.id))?.activatedAt).toBeNull();
  });

  test('is revoked when it is rejected', async () => {
    const key = await done(ask(await staff('auditor')));
    expect((await done(reject(key.approvalId))).status).toBe('rejected');
    expect(await rowOf(key.id)).toMatchObject({ activatedAt: null, revokedAt: expect.any(String) });
    expect((await useOf(key.secret)).body.code).toBe('credential_invalid');
    expect((await approve(key.approvalId)).body.code).toBe('approval_not_pending');
  });

  test('is revoked when nobody decides in time', async () => {
    const key = await done(ask(await staff('auditor')));
    const clock = { ...world.deps.clock, realNow: () => addMs(world.deps.clock.realNow(), 4 * DAY_MS) };
    await expireApprovals({ ...world.system, deps: { ...world.deps, clock } });
    expect(await statusOf(key.approvalId)).toBe('expired');
    expect(await rowOf(key.id)).toMatchObject({ activatedAt: null, revokedAt: expect.any(String) });
    expect((await useOf(key.secret)).body.code).toBe('credential_invalid');
  });

  test('takes its approval with it when its owner ends it first', async () => {
    const owner = await staff('auditor');
    const key = await done(ask(owner));
    expect((await world.call('revokeApiKey', { as: owner, params: { id: key.id } })).status).toBe(204);
    expect(await statusOf(key.approvalId)).toBe('cancelled');
    expect((await approve(key.approvalId)).body.code).toBe('approval_not_pending');
  });

  test('is not approved for an owner who is no longer what the checkers see', async () => {
    const owner = await staff('auditor');
    const key = await done(ask(owner));
    const grant = { userId: owner.userId, role: 'operations', grantedAt: world.deps.clock.now() } as const;
    await world.deps.db.engine.insert(roleGrants).values(grant);
    expect((await approve(key.approvalId)).body.code).toBe('conflict');
    const other = await staff('auditor');
    const second = await done(ask(other));
    const params = { id: other.userId };
    await done(world.call('suspendUser', { as: world.people.admin, params, body: REASON }));
    expect((await approve(second.approvalId)).body.code).toBe('conflict');
    expect([(await rowOf(key.id))?.activatedAt, (await rowOf(second.id))?.activatedAt]).toEqual([null, null]);
  });

  test('stops with its owner', async () => {
    const owner = await staff('auditor');
    const key = await serviceKey(owner, ['audit:read']);
    expect((await useOf(key.secret)).status).toBe(200);
    const params = { id: owner.userId };
    await done(world.call('suspendUser', { as: world.people.admin, params, body: REASON }));
    await untilRefused(key.secret);
  });

  test('has a role only as long as its owner has it', async () => {
    const owner = await staff('auditor', 'support');
    const key = await serviceKey(owner, ['audit:read']);
    expect((await useOf(key.secret)).status).toBe(200);
    await world.deps.db.engine.delete(roleGrants).where(eq(roleGrants.userId, owner.userId));
    await world.deps.db.engine
      .insert(roleGrants)
      .values({ userId: owner.userId, role: 'support', grantedAt: world.deps.clock.now() });
    for (let tries = 0; (await useOf(key.secret)).status === 200; tries += 1) {
      expect(tries).toBeLessThan(200);
    }
    expect((await useOf(key.secret)).body.code).toBe('forbidden');
  });

  test('must end within a year, and not before it begins', async () => {
    const owner = await staff('auditor');
    const at = (days: number) => instantOfMs(world.deps.clock.realMs() + days * DAY_MS);
    for (const [expiresAt, code] of [
      [undefined, 'service_key_expiry_required'],
      [at(367), 'service_key_expiry_required'],
      [at(-1), 'key_expired_already'],
    ] as const) {
      expect([expiresAt, (await ask(owner, { expiresAt })).body.code]).toEqual([expiresAt, code]);
    }
    expect((await ask(owner, { expiresAt: at(365) })).status).toBe(201);
  });
});

/** Until this node has heard of a change; a hundred requests take a second and more. */
async function untilRefused(secret: string): Promise<void> {
  for (let tries = 0; (await useOf(secret)).status === 200; tries += 1) {
    expect(tries).toBeLessThan(200);
  }
  expect((await useOf(secret)).body.code).toBe('credential_invalid');
}

describe('a scope', () => {
  test('that is not theirs is refused to customers, whatever it is', async () => {
    const customer = await world.newMember();
    for (const scope of API_SCOPES) {
      const answer = await ask(customer, { scopes: [scope] });
      const code = isScopeFor(scope, 'customers') ? undefined : 'scope_not_allowed';
      expect([scope, answer.body.code]).toEqual([scope, code]);
    }
    const mixed = await ask(customer, { scopes: ['accounts:read', 'payouts:write'] });
    expect(mixed.body.code).toBe('scope_not_allowed');
  });

  test('of customers alone is refused to staff', async () => {
    expect((await ask(await staff('operations'), { scopes: ['orders:write'] })).body.code).toBe(
      'scope_not_allowed',
    );
  });

  test('is for those whom its operations admit', () => {
    for (const scope of API_SCOPES) {
      const opened = world.operations.flatMap(({ access }) =>
        'scope' in access && access.scope === scope ? [access] : [],
      );
      const named = { customers: isScopeFor(scope, 'customers'), staff: isScopeFor(scope, 'staff') };
      const declared = {
        customers: opened.some((access) => access.customer === true),
        staff: opened.some((access) => access.staff !== undefined),
      };
      expect([scope, named]).toEqual([scope, declared]);
    }
  });

  test('stands beside a second factor only where it moves money, and then no customer may', () => {
    for (const { access, operationId } of world.operations) {
      if ('stepUp' in access && access.stepUp && access.scope !== undefined) {
        expect([operationId, isScope(access.scope) && isMoneyScope(access.scope)]).toEqual([
          operationId,
          true,
        ]);
        expect([operationId, access.customer, access.self]).toEqual([operationId, undefined, undefined]);
      }
    }
  });
});

describe('a plain key of staff', () => {
  test('acts as staff at no operation, whatever its scopes', async () => {
    for (const role of ['operations', 'admin', 'auditor', 'compliance_officer'] as const) {
      const input = { userId: world.people[role].userId, name: 'plain', scopes: API_SCOPES };
      const { secret } = await createApiKey(world.system, input);
      for (const operation of world.operations) {
        const { access } = operation;
        if ('public' in access || access.staff?.includes(role) !== true) {
          continue;
        }
        const params = Object.fromEntries(
          [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => [match[1] ?? '', newId()]),
        );
        const { body } = await world.call(operation.operationId, { token: secret, params });
        const refusal = access.stepUp ? 'step_up_required' : access.scope ? 'forbidden' : 'scope_missing';
        expect([role, operation.operationId, body.code]).toEqual([role, operation.operationId, refusal]);
      }
    }
  });
});

describe('a service key', () => {
  test('passes where a second factor is asked for only to pay out what people approved', async () => {
    const owner = await staff('operations');
    const key = await serviceKey(owner, ['payouts:write']);
    const { id } = await done(drive('createWithdrawal'));
    await done(
      world.call('approveWithdrawal', { as: world.people.compliance_officer, params: { id }, body: REASON }),
    );
    const token = key.secret;
    const begun = await world.call('processWithdrawal', { token, params: { id } });
    expect([begun.status, begun.body.status]).toEqual([200, 'processing']);
    const body = { transactionReference: `FT${newId()}` };
    const completed = await world.call('completeWithdrawal', { token, params: { id }, body });
    expect([completed.status, completed.body.status]).toEqual([200, 'completed']);
  });

  test('of someone who approved a withdrawal does not pay it out', async () => {
    const owner = await staff('operations', 'compliance_officer');
    const key = await serviceKey(owner, ['payouts:write']);
    const { id } = await done(drive('createWithdrawal'));
    await done(world.call('approveWithdrawal', { as: owner, params: { id }, body: REASON }));
    const answer = await world.call('processWithdrawal', { token: key.secret, params: { id } });
    expect(answer.body.code).toBe('approver_cannot_pay_out');
  });

  test('with every scope of staff passes no other second factor, and so decides no approval', async () => {
    const owner = await staff('operations', 'admin', 'compliance_officer', 'mlro', 'risk_manager');
    const key = await serviceKey(owner, STAFF_SCOPES);
    const waiting = await done(ask(await staff('auditor')));
    for (const operationId of ['approveApproval', 'rejectApproval']) {
      const params = { id: waiting.approvalId };
      const answer = await world.call(operationId, { token: key.secret, params, body: REASON });
      expect(answer.body.code).toBe('step_up_required');
    }
    for (const operation of world.operations) {
      const { access } = operation;
      if ('public' in access || !access.stepUp || access.scope !== undefined) {
        continue;
      }
      const params = Object.fromEntries(
        [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => [match[1] ?? '', newId()]),
      );
      const { body } = await world.call(operation.operationId, { token: key.secret, params });
      expect([operation.operationId, body.code]).toEqual([operation.operationId, 'step_up_required']);
    }
    expect(await statusOf(waiting.approvalId)).toBe('pending');
  });

  test('makes, replaces and ends no key', async () => {
    const key = await serviceKey(await staff('admin'), STAFF_SCOPES);
    const params = { id: key.id };
    const token = key.secret;
    expect((await world.call('createApiKey', { token, body: wish() })).body.code).toBe('step_up_required');
    expect((await world.call('rotateApiKey', { token, params, body: {} })).body.code).toBe(
      'step_up_required',
    );
    expect((await world.call('revokeApiKey', { token, params })).body.code).toBe('scope_missing');
  });

  test('keeps its approval when it is replaced, and everything two people agreed to', async () => {
    const owner = await staff('auditor');
    const key = await serviceKey(owner, ['audit:read']);
    const replaced = await done(world.call('rotateApiKey', { as: owner, params: { id: key.id }, body: {} }));
    expect((await useOf(replaced.secret)).status).toBe(200);
    const agreed = ['name', 'scopes', 'allowedCidrs', 'expiresAt', 'approvalId', 'service', 'mode'];
    for (const member of agreed) {
      expect([member, replaced[member]]).toEqual([member, key[member]]);
    }
  });

  test('that waits is not replaced', async () => {
    const owner = await staff('auditor');
    const { id } = await done(ask(owner));
    const answer = await world.call('rotateApiKey', { as: owner, params: { id }, body: {} });
    expect([answer.status, answer.body.code]).toEqual([409, 'api_key_not_active']);
  });
});

function drive(operationId: string) {
  const driver = allDrivers[operationId];
  if (driver === undefined) {
    throw new Error(`${operationId} has no driver`);
  }
  return driver(world);
}

describe('before a service key expires', () => {
  const endsIn = (keyId: string, ms: number) =>
    world.deps.db.engine
      .update(apiKeys)
      .set({ expiresAt: addMs(world.deps.clock.realNow(), ms) })
      .where(eq(apiKeys.id, keyId));
  const reminders = async ({ email }: Member) =>
    (await mailsTo(world.deps, email)).filter((mail) => mail.subject === 'An API key expires soon').length;
  const remind = () => remindKeyExpiry(world.system);

  test('its owner is told within fourteen days and within three, once each, whatever runs twice', async () => {
    const owner = await staff('auditor');
    const key = await serviceKey(owner, ['audit:read']);
    await remind();
    expect(await reminders(owner)).toBe(0);
    await endsIn(key.id, 14 * DAY_MS - 60_000);
    await Promise.all([remind(), remind()]);
    await remind();
    expect(await reminders(owner)).toBe(1);
    await endsIn(key.id, 3 * DAY_MS - 60_000);
    await Promise.all([remind(), remind()]);
    await remind();
    expect(await reminders(owner)).toBe(2);
    const told = await world.deps.db.engine
      .select({ after: auditLogs.after })
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, key.id), eq(auditLogs.eventType, 'api_key.expiry_told')))
      .orderBy(auditLogs.recordedAt);
    expect(told.map(({ after }) => (after as { days: number }).days)).toEqual([14, 3]);
  });

  test('nobody is told of one that waits, is over, was revoked or has a successor', async () => {
    const owner = await staff('auditor');
    const waiting = await done(ask(owner));
    const [expired, revoked, replaced] = [
      await serviceKey(owner, ['audit:read']),
      await serviceKey(owner, ['audit:read']),
      await serviceKey(owner, ['audit:read']),
    ];
    await done(world.call('rotateApiKey', { as: owner, params: { id: replaced.id }, body: {} }));
    await world.call('revokeApiKey', { as: owner, params: { id: revoked.id } });
    await endsIn(waiting.id, DAY_MS);
    await endsIn(revoked.id, DAY_MS);
    await endsIn(expired.id, -1);
    await remind();
    expect(await reminders(owner)).toBe(0);
  });
});

describe('the database', () => {
  const stateOf = (work: Promise<unknown>) =>
    work.then(
      () => 'accepted',
      (error: unknown) => sqlStateOf(error),
    );

  test('lets no service key work without its approval, planted or changed', async () => {
    const owner = await staff('auditor');
    const waiting = await done(ask(owner));
    const at = world.deps.clock.realNow();
    const begin = world.deps.db.engine
      .update(apiKeys)
      .set({ activatedAt: at })
      .where(eq(apiKeys.id, waiting.id));
    expect(await stateOf(begin)).toBe('PL007');
    const known = await rowOf((await serviceKey(owner, ['audit:read'])).id);
    if (known === undefined) {
      throw new Error('the key is there');
    }
    const copy = { ...known, id: newId(), secretHash: new Uint8Array(32).fill(1) };
    const plant = (change: object) =>
      stateOf(world.deps.db.engine.insert(apiKeys).values({ ...copy, ...change }));
    expect(await plant({})).toBe('PL007');
    expect(await plant({ rotatedFromId: known.id, scopes: ['audit:read', 'payouts:write'] })).toBe('PL007');
    expect(await plant({ rotatedFromId: known.id, allowedCidrs: ['10.0.0.0/8'] })).toBe('PL007');
    expect(await plant({ rotatedFromId: known.id, expiresAt: null })).toBe('PL007');
    expect(await plant({ rotatedFromId: known.id, userId: world.people.admin.userId })).toBe('PL007');
  });

  test('lets no key be widened, moved or brought back', async () => {
    const key = await serviceKey(await staff('auditor'), ['audit:read']);
    const later = addMs(world.deps.clock.realNow(), 300 * DAY_MS);
    for (const change of [
      { scopes: ['payouts:write'] },
      { allowedCidrs: ['0.0.0.0/0'] },
      { userId: world.people.admin.userId },
      { service: false },
      { secretHash: new Uint8Array(32) },
      { signingKey: new Uint8Array(32) },
      { approvalId: null },
      { activatedAt: null },
      { expiresAt: null },
      { expiresAt: later },
    ]) {
      const rewrite = world.deps.db.engine.update(apiKeys).set(change).where(eq(apiKeys.id, key.id));
      expect([change, await stateOf(rewrite)]).toEqual([change, 'PL007']);
    }
    const own = world.deps.db.engine.update(apiKeys).set({ revokedAt: later }).where(eq(apiKeys.id, key.id));
    expect(await stateOf(own)).toBe('accepted');
    const back = world.deps.db.engine.update(apiKeys).set({ revokedAt: null }).where(eq(apiKeys.id, key.id));
    expect(await stateOf(back)).toBe('PL007');
  });
});
