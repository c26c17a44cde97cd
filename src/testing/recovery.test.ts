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
import { approvals, systemMarks } from '../platform/db/schema.ts';
import { readiness } from '../platform/health.ts';
import { isWrite } from '../platform/http/endpoint.ts';
import { buildLogger } from '../platform/log/logger.ts';
import { beginRecovery, lookForRecovery, recoveryOf } from '../platform/recovery/mode.ts';
import { recoveries } from '../platform/recovery/schema.ts';
import { enterRecovery, startHeldParts } from '../start/recovery.ts';
import { withdrawalDrivers } from './drivers/money.ts';
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
  'voidBankStatement',
  'assignReceipt',
  'assignStatementDebit',
  'explainStatementDebit',
  'importCustodyReport',
  'voidCustodyReport',
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

  test('a refused write is logged with its code, and as no failure', async () => {
    const guest = await world.newMember();
    await begin();
    const kept = world.deps.log;
    const lines: string[] = [];
    Object.assign(world.deps, {
      log: buildLogger('info', { write: (line: string) => void lines.push(line) }),
    });
    const body = { currency: 'USD', type: 'live', name: 'Another' };
    const { status } = await world.call('createAccount', { as: guest, body });
    Object.assign(world.deps, { log: kept });
    expect(status).toBe(503);
    const told = lines.map((line) => JSON.parse(line)).filter((line) => line.operation === 'createAccount');
    expect(told).toMatchObject([
      { level: 'warn', status: 503, code: 'recovery_mode', msg: 'request refused' },
    ]);
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

  test('a rejection that would free money is refused too, and the money stays held', async () => {
    const { body: withdrawal } = await present(withdrawalDrivers.createWithdrawal, 'it has a driver')(world);
    const [waiting] = await world.deps.db.engine
      .select({ id: approvals.id })
      .from(approvals)
      .where(eq(approvals.subjectId, withdrawal.id));
    const params = { id: present(waiting, 'another person decides').id };
    await begin();
    const vote = await world.call('rejectApproval', {
      as: world.people.compliance_officer,
      params,
      body: { reason: 'Not this one' },
    });
    expect([vote.status, vote.body.code]).toEqual([503, 'recovery_mode']);
    const kept = await world.call('getApproval', { as: world.people.mlro, params });
    expect(kept.body).toMatchObject({ status: 'pending', votes: [] });
    await forget();
  });

  test('a part that is starting when recovery begins does not stay, and nothing starts twice', async () => {
    const gate = Promise.withResolvers<void>();
    const log: string[] = [];
    const part = (name: string, started?: Promise<void>) => ({
      may: (recovery: unknown) => recovery === null,
      start: async () => {
        await started;
        log.push(`${name} starts`);
        return async () => {
          log.push(`${name} ends`);
        };
      },
    });
    const starting = startHeldParts(world.deps, [part('engine', gate.promise), part('workers')]);
    await until(async () => recoveryOf(world.deps) === null);
    await begin();
    // Long enough for the watch to have looked.
    await Bun.sleep(1_500);
    gate.resolve();
    const stop = await starting;
    await until(async () => log.length === 2);
    expect(log).toEqual(['engine starts', 'engine ends']);
    await stop();
  });

  test('a part that could not start when recovery ended is started again', async () => {
    await begin();
    let tries = 0;
    const stop = await startHeldParts(world.deps, [
      {
        may: (recovery) => recovery === null,
        start: async () => {
          tries += 1;
          if (tries === 1) {
            throw new Error('the database is away');
          }
          return async () => {};
        },
      },
    ]);
    await forget();
    await until(async () => tries >= 1);
    await until(async () => tries === 2);
    await stop();
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

  test('keeps the name of the log where the database was moved whole, and gives no name twice', async () => {
    const { compliance_officer: asker, mlro } = world.people;
    const settle = async (origin: string) => {
      const body = { origin, reason: 'Moved' };
      const asked = await world.call('setLogOrigin', { as: asker, body });
      if (asked.status !== 202) {
        return asked.body.code;
      }
      const params = { id: asked.body.approval.id };
      return (await world.call('approveApproval', { as: mlro, params, body: { reason: 'Agreed' } })).status;
    };
    const name = async () =>
      present(await world.deps.db.engine.transaction(readIdentity), 'the log has a name').origin;
    const first = await name();
    expect((await beginRecovery(world.system, { cause: 'other_cluster' })).logSettledAt).toBeNull();
    expect([await settle(first), await name()]).toEqual([200, first]);
    await forget();
    await beginRecovery(world.system, { cause: 'requested', foreignSize: 1_000_000 });
    expect(await settle(first)).toBe('log_origin_in_use');
    const next = `test.plimsoll.local/${newId()}`;
    expect([await settle(next), await name()]).toEqual([200, next]);
    await forget();
    await begin('log_behind');
    expect(await settle(first)).toBe('log_origin_in_use');
  });

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
