/**
 * In recovery nothing moves, whatever is asked and whoever asks, until two people sign that banks and
 * custodians agree and two people end it. Held over every operation, so that a new one cannot be forgotten.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { allDomains } from '../domains.ts';
import { isStaffRole } from '../kernel/actor.ts';
import { present } from '../kernel/assert.ts';
import { type Id, newId } from '../kernel/id.ts';
import { readIdentity } from '../platform/audit/log-identity.ts';
import { openClient } from '../platform/db/client.ts';
import { sqlStateOf } from '../platform/db/errors.ts';
import { systemMarks } from '../platform/db/schema.ts';
import { readiness } from '../platform/health.ts';
import { isWrite } from '../platform/http/endpoint.ts';
import { beginRecovery, lookForRecovery, recoveryOf } from '../platform/recovery/mode.ts';
import { recoveries } from '../platform/recovery/schema.ts';
import { enterRecovery, startHeldParts } from '../start/recovery.ts';
import { settledRun } from './drivers/recovery.ts';
import { startNode } from './second-node.ts';
import { until } from './until.ts';
import { startWorld, type World } from './world.ts';

/** What may change something in recovery: getting in, stopping somebody, reconciling, deciding, ending it. */
const LEADS_OUT = [
  'login',
  'loginWithPasskey',
  'getPasskeyOptions',
  'loginWithRecoveryCode',
  'refreshSession',
  'logout',
  'stepUp',
  'openBreakGlass',
  'stepUpBreakGlass',
  'revealUsers',
  'endSession',
  'endOtherSessions',
  'endUserSessions',
  'revokeApiKey',
  'revokeUserApiKey',
  'freezeAccount',
  'suspendUser',
  'createLegalHold',
  'importBankStatement',
  'assignReceipt',
  'assignStatementDebit',
  'explainStatementDebit',
  'importCustodyReport',
  'runReconciliation',
  'changeReconciliationBreak',
  'explainReconciliationBreak',
  'resolveReconciliationBreak',
  'signOffReconciliation',
  'approveApproval',
  'rejectApproval',
  'cancelApproval',
  'endRecovery',
  'setLogOrigin',
];

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  await world.startWorkers();
}, 60_000);
afterAll(() => world.close());
afterEach(forget);

async function begin(cause: 'requested' | 'log_behind' = 'requested'): Promise<Id> {
  return (await beginRecovery(world.system, { cause })).id;
}

/** Ends it behind the guards of the database, as only its owner can: for the next test. */
async function forget(): Promise<void> {
  const owner = openClient(world.database.owner, 1);
  await owner.begin(async (tx) => {
    await tx`ALTER TABLE recoveries NO FORCE ROW LEVEL SECURITY`;
    await tx`DELETE FROM recoveries`;
    await tx`ALTER TABLE recoveries FORCE ROW LEVEL SECURITY`;
  });
  await owner.end();
  await lookForRecovery(world.deps);
}

describe('in recovery', () => {
  test('each operation that changes something is refused, but for those that lead out of it', async () => {
    const writes = world.operations.filter(isWrite);
    expect(
      writes
        .filter(({ inRecovery }) => inRecovery)
        .map((each) => each.operationId)
        .sort(),
    ).toEqual([...LEADS_OUT].sort());
    const guest = await world.newMember();
    await begin();
    const wrong: string[] = [];
    for (const { operationId, access, path } of writes) {
      const role = 'staff' in access ? access.staff?.find(isStaffRole) : undefined;
      const as = role === undefined ? guest : world.people[role];
      const params = Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, newId()]));
      // Some of what is let through ends the session it comes with.
      const token = await world.tokenOf(as, true);
      const { status, body, headers } = await world.call(operationId, { as, token, params, body: {} });
      const refused = status === 503 && body.code === 'recovery_mode' && headers.get('retry-after') === '60';
      if (refused === LEADS_OUT.includes(operationId)) {
        wrong.push(`${operationId} ${status} ${body?.code}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('reads are served, and the node says that it is not ready', async () => {
    const stop = await startHeldParts(world.deps, []);
    await begin();
    const answer = await world.call('getRecovery', { as: world.people.auditor });
    expect(answer.body).toMatchObject({ open: true, latest: { cause: 'requested', endedAt: null } });
    expect((await world.call('listAccounts', { as: world.people.customer })).status).toBe(200);
    expect((await readiness(world.deps)).failing.map(({ name }) => name)).toContain('recovery');
    await forget();
    expect((await readiness(world.deps)).failing.map(({ name }) => name)).not.toContain('recovery');
    await stop();
  });

  test('a vote that would move money is refused and leaves the approval as it was', async () => {
    const body = {
      asset: 'USD',
      kycLevel: 'standard',
      direction: 'deposit',
      method: 'bank_transfer',
      windowHours: 24,
      maximum: '10',
      reason: 'A limit',
    };
    const asked = await world.call('proposeFundingLimit', { as: world.people.compliance_officer, body });
    expect(asked.status).toBe(202);
    const approvalId = asked.body.approval.id;
    await begin();
    const params = { id: approvalId };
    const as = world.people.mlro;
    const vote = await world.call('approveApproval', { as, params, body: { reason: 'Looked at it' } });
    expect([vote.status, vote.body.code]).toEqual([503, 'recovery_mode']);
    expect((await world.call('getApproval', { as, params })).body).toMatchObject({
      status: 'pending',
      votes: [],
    });
    await forget();
  });

  test('engine, jobs and consumers stop, a second node obeys, and all go on when it ends', async () => {
    const second = startNode(world, allDomains);
    const running = new Set<string>();
    const part = (name: string, settledIsEnough = false) => ({
      may: (recovery: { readonly logSettledAt: string | null } | null) =>
        recovery === null || (settledIsEnough && recovery.logSettledAt !== null),
      start: async () => {
        running.add(name);
        return async () => {
          running.delete(name);
        };
      },
    });
    const stop = await startHeldParts(second.deps, [part('engine'), part('sealer', true), part('workers')]);
    expect([...running]).toEqual(['engine', 'sealer', 'workers']);
    const id = await begin('log_behind');
    await until(async () => running.size === 0);
    expect(recoveryOf(second.deps)?.id).toBe(id);
    const { engine } = world.deps.db;
    await engine
      .update(recoveries)
      .set({ logSettledAt: world.deps.clock.realNow() })
      .where(eq(recoveries.id, id));
    await until(async () => running.has('sealer'));
    expect([...running]).toEqual(['sealer']);
    await forget();
    await until(async () => running.size === 3);
    await stop();
    expect(running.size).toBe(0);
    await second.close();
  });
});

describe('a start', () => {
  test('in another cluster than the last one goes into recovery; in the same one it does not', async () => {
    await enterRecovery(world.deps, { recovery: false });
    await enterRecovery(world.deps, { recovery: false });
    expect(await lookForRecovery(world.deps)).toBeNull();
    await world.deps.db.engine
      .update(systemMarks)
      .set({ value: { id: '1' } })
      .where(eq(systemMarks.name, 'cluster'));
    await enterRecovery(world.deps, { recovery: false });
    expect(await lookForRecovery(world.deps)).toMatchObject({ cause: 'other_cluster', endedAt: null });
    await enterRecovery(world.deps, { recovery: true });
    expect(await world.deps.db.engine.select().from(recoveries)).toHaveLength(1);
  });
});

describe('the end of a recovery', () => {
  test('needs a settled log and a signed run of its day that saw every bank; then two people', async () => {
    const id = await begin('log_behind');
    const { compliance_officer: asker, mlro } = world.people;
    const end = (reconciliationId: Id) =>
      world.call('endRecovery', { as: asker, body: { reconciliationId, reason: 'All agrees' } });
    const vote = (approvalId: string, as = mlro) =>
      world.call('approveApproval', { as, params: { id: approvalId }, body: { reason: 'Looked at it' } });

    const signed = await settledRun(world);
    expect((await end(signed)).body.code).toBe('log_not_settled');
    const origin = 'test.plimsoll.local/after';
    const body = { origin, reason: 'Restored' };
    const asked = await world.call('setLogOrigin', { as: asker, body });
    expect(asked.status).toBe(202);
    const own = await world.call('setLogOrigin', {
      as: mlro,
      body: { ...body, origin: 'test.plimsoll.local/audit' },
    });
    expect(own.body.code).toBe('log_origin_in_use');
    expect((await vote(asked.body.approval.id, asker)).body.code).toBe('self_approval');
    expect((await vote(asked.body.approval.id)).status).toBe(200);
    expect((await world.deps.db.engine.transaction(readIdentity))?.origin).toBe(origin);
    expect((await world.call('setLogOrigin', { as: asker, body })).body.code).toBe('log_settled');

    expect((await end(newId())).status).toBe(404);
    expect((await end(await settledRun(world, { businessDate: '2020-01-01' }))).body.code).toBe(
      'reconciliation_too_old',
    );
    expect((await end(await settledRun(world, { missing: true }))).body.code).toBe(
      'reconciliation_incomplete',
    );
    expect((await end(await settledRun(world, { signed: false }))).body.code).toBe('reconciliation_unsigned');
    const last = await end(signed);
    expect(last.status).toBe(202);
    expect((await vote(last.body.approval.id, asker)).body.code).toBe('self_approval');
    expect(recoveryOf(world.deps)?.id).toBe(id);
    expect((await vote(last.body.approval.id)).status).toBe(200);
    expect(await lookForRecovery(world.deps)).toBeNull();
    const audit = await world.deps.db.engine.execute<{ event_type: string }>(
      sql`select event_type from audit_logs where resource_id = ${id} order by recorded_at, id`,
    );
    expect(audit.map((row) => row.event_type)).toEqual([
      'recovery.started',
      'recovery.log_settled',
      'recovery.ended',
    ]);
    expect((await end(signed)).body.code).toBe('not_in_recovery');
  }, 60_000);

  test('is refused by the database where nobody decided it', async () => {
    const id = await begin();
    const { engine } = world.deps.db;
    const endedAt = world.deps.clock.realNow();
    const reconciliationId = await settledRun(world);
    const alone = engine
      .update(recoveries)
      .set({ endedAt, reconciliationId, approvalId: newId() })
      .where(eq(recoveries.id, id));
    expect(await alone.then(() => 'ended', sqlStateOf)).toBe('PL023');
    const second = engine
      .insert(recoveries)
      .values({ id: newId(), cause: 'requested', startedAt: endedAt, treeSize: 0 });
    expect(await second.then(() => 'begun', sqlStateOf)).toBe('23505');
    present(recoveryOf(world.deps), 'it is still open');
  });
});
