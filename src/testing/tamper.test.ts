/**
 * What someone with the owner's rights does to the stored log is found by whoever has only an export and
 * `bun run verify-audit`: each attack goes through the database, the export API and the verifier's process.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import type { Hono } from 'hono';
import type postgres from 'postgres';
import { createApp } from '../app.ts';
import { auditDomain } from '../domains/audit/index.ts';
import type { Actor } from '../kernel/actor.ts';
import { type Id, newId } from '../kernel/id.ts';
import { type Checkpoint, parseCheckpoint, parseNote } from '../platform/audit/checkpoint.ts';
import { parseConsistency } from '../platform/audit/consistency-file.ts';
import { auditEvents } from '../platform/audit/events.ts';
import { continueUnderNewOrigin } from '../platform/audit/log-origin.ts';
import { verifyConsistency } from '../platform/audit/merkle.ts';
import { record } from '../platform/audit/record.ts';
import { leafHashOfRow } from '../platform/audit/row.ts';
import { rowMac } from '../platform/audit/row-mac.ts';
import { type Sealer, startSealer } from '../platform/audit/sealer.ts';
import { openClient } from '../platform/db/client.ts';
import { auditLeaves, auditLogs } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { attackEvidence } from './attacker.ts';
import { type Foundation, startFoundation, TEST_LOG } from './foundation.ts';
import { send } from './send.ts';

const VERIFIER = join(import.meta.dir, '../../scripts/verify-audit.ts');
const PERIOD = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
const TRIES = 400;
const UNSEAL = ['delete from audit_checkpoints', 'delete from audit_nodes', 'delete from audit_leaves'];

const EVENTS = auditEvents({
  'sample.changed': {
    category: 'financial',
    severity: 'info',
    description: 'A sample changed',
    shows: ['step'],
  },
});

type Verdict = { readonly code: number; readonly out: string };

let foundation: Foundation;
let owner: postgres.Sql;
let folder: string;
let app: Hono;
let sealer: Sealer;
let auditor: Id;

beforeEach(async () => {
  foundation = await startFoundation(import.meta.file, [auditDomain]);
  owner = openClient(foundation.database.owner, 1);
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-tamper-'));
  auditor = newId();
  await foundation.deps.db.engine.transaction((tx) =>
    foundation.deps.personKeys.create(tx, auditor, foundation.deps.clock.now()),
  );
  app = createApp(foundation.deps, {
    domains: [auditDomain],
    platformEndpoints: [],
    authenticate: async () => auditorActor(),
    clientAddress: () => '198.51.100.7',
  });
  ({ sealer } = await foundation.startWorkers());
});
afterEach(async () => {
  await sealer.stop();
  await owner.end();
  await foundation.close();
  await rm(folder, { recursive: true, force: true });
});

function auditorActor(): Actor {
  const mfaAtMs = foundation.deps.clock.realMs();
  return { kind: 'staff', userId: auditor, roles: ['auditor'], sessionId: newId(), mfaAtMs };
}

/** Writes rows of one step each. @shape their row ids */
async function changes(count: number): Promise<readonly string[]> {
  const resources = Array.from({ length: count }, () => newId());
  for (const [step, id] of resources.entries()) {
    await transact(foundation.system, 'engine', (tx) =>
      record(tx, foundation.system, {
        event: EVENTS['sample.changed'],
        resource: { type: 'sample', id },
        subjectUserId: null,
        after: { step },
      }),
    );
  }
  return Promise.all(resources.map(async (resource) => (await rowOf(resource)).id));
}

async function rowOf(resourceId: string) {
  const [row] = await foundation.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.resourceId, resourceId));
  if (row === undefined) {
    throw new Error('the row was written');
  }
  return row;
}

async function sequenceOf(rowId: string): Promise<number> {
  const [leaf] = await foundation.deps.db.engine
    .select({ index: auditLeaves.leafIndex })
    .from(auditLeaves)
    .where(eq(auditLeaves.logId, rowId));
  return Number.parseInt(String(leaf?.index), 10);
}

function attack(...statements: string[]): Promise<void> {
  return attackEvidence(owner, statements);
}

/** The node restarts: what only its memory knew of the log is gone. */
async function restart(between: () => Promise<void> = async () => {}): Promise<void> {
  await sealer.stop();
  await between();
  sealer = await startSealer(foundation.deps, TEST_LOG);
}

/** The checkpoint that somebody outside keeps. */
async function keepCheckpoint(): Promise<string> {
  await sealer.sealNow();
  const response = await app.request('/v1/audit/log/checkpoint', {
    headers: { authorization: 'Bearer auditor' },
  });
  const path = join(folder, `kept-${newId()}.txt`);
  await Bun.write(path, await response.text());
  return path;
}

function proof(from: number, to: number): Promise<Response> {
  const headers = { authorization: 'Bearer auditor' };
  return Promise.resolve(app.request(`/v1/audit/log/consistency?from=${from}&to=${to}`, { headers }));
}

/** A period that begins after all there is, with one row in it. */
async function sinceNow() {
  await Bun.sleep(5);
  const from = foundation.deps.clock.realNow();
  await changes(1);
  return { ...PERIOD, from };
}

async function exportFile(period = PERIOD): Promise<{ readonly path: string; readonly key: string }> {
  const asked = await send(app, 'POST', '/v1/audit/exports', {
    token: 'auditor',
    body: { ...period, format: 'ndjson' },
  });
  expect(asked.status).toBe(202);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const { body } = await send(app, 'GET', `/v1/audit/exports/${asked.body.id}`, { token: 'auditor' });
    if (body.status === 'completed') {
      const file = await app.request(`/v1/audit/exports/${asked.body.id}/download`, {
        headers: { authorization: 'Bearer auditor' },
      });
      const path = join(folder, `${asked.body.id}.ndjson`);
      await Bun.write(path, await file.arrayBuffer());
      return { path, key: String(body.verifierKey) };
    }
    expect(body.status).not.toBe('failed');
    await Bun.sleep(25);
  }
  throw new Error('the export was not completed within ten seconds');
}

async function verified(earlier?: string, change?: (text: string) => string): Promise<Verdict> {
  const { path, key } = await exportFile();
  if (change !== undefined) {
    await Bun.write(path, change(await Bun.file(path).text()));
  }
  return verify(path, key, ...(earlier === undefined ? [] : ['--earlier', earlier]));
}

/** Runs the verifier in a process of its own, with no configuration. */
async function verify(path: string, key: string, ...options: readonly string[]): Promise<Verdict> {
  const child = Bun.spawn([process.execPath, VERIFIER, path, '--key', key, ...options], {
    cwd: folder,
    env: {},
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return { code, out };
}

describe('the offline verifier', () => {
  test('finds nothing in a log nobody touched, against a checkpoint kept from before', async () => {
    await changes(3);
    const kept = await keepCheckpoint();
    await changes(3);
    const { code, out } = await verified(kept);
    expect(out).toContain('Result      HOLDS');
    expect(out).toContain('still begins with the tree of the earlier checkpoint');
    expect(code).toBe(0);
  });

  test('names an edited row and the first checkpoint at hand that covers it', async () => {
    const ids = await changes(4);
    const kept = await keepCheckpoint();
    const sequence = await sequenceOf(String(ids[2]));
    await changes(4);
    await attack(`update audit_logs set description = 'nothing happened' where id = '${ids[2]}'`);
    const { code, out } = await verified(kept);
    expect(out).toContain(`row_altered row ${sequence} `);
    expect(out).toContain('under checkpoint 4');
    expect(code).toBe(1);
  });

  test('names a row whose time was moved out of the period, so that it cannot be withheld', async () => {
    const ids = await changes(4);
    await sealer.sealNow();
    const sequence = await sequenceOf(String(ids[1]));
    await attack(
      `update audit_logs set recorded_at = '2101-01-01Z' where id = '${ids[1]}'`,
      `update audit_leaves set recorded_at = '2101-01-01Z' where log_id = '${ids[1]}'`,
    );
    const { code, out } = await verified();
    expect(out).toContain(`row_altered row ${sequence} `);
    expect(code).toBe(1);
  });

  test('names a deleted row', async () => {
    const ids = await changes(5);
    await sealer.sealNow();
    const sequence = await sequenceOf(String(ids[3]));
    await attack(`delete from audit_logs where id = '${ids[3]}'`);
    const { code, out } = await verified();
    expect(out).toContain(`row_missing row ${sequence} `);
    expect(out).toContain('it was deleted');
    expect(code).toBe(1);
  });

  test('names the last rows when they were deleted', async () => {
    const ids = await changes(5);
    await sealer.sealNow();
    const sequence = await sequenceOf(String(ids[3]));
    await attack(`delete from audit_logs where id in ('${ids[3]}', '${ids[4]}')`);
    const { code, out } = await verified();
    expect(out).toContain(`row_missing rows ${sequence} to ${sequence + 1} `);
    expect(code).toBe(1);
  });

  test('names an inserted row: the log told that it lacks the code of its writer', async () => {
    const ids = await changes(2);
    await sealer.sealNow();
    const forged = newId();
    await attack(`insert into audit_logs select '${forged}', recorded_at, pg_current_xact_id(), actor_kind, actor_id,
      actor_user_id, subject_user_id, event_type, category, severity, class, resource_type, resource_id, 'invented',
      before, after, outcome, request_id, salt, personal, personal_hash, row_mac
      from audit_logs where id = '${ids[0]}'`);
    const { code, out } = await verified();
    expect(out).toContain(`row_forged row ${await sequenceOf(forged)} `);
    expect(out).toContain(`row ${forged} was altered or put in`);
    expect(code).toBe(1);
  });

  test('names rows that changed places, and where each was logged', async () => {
    const ids = await changes(5);
    await sealer.sealNow();
    const [one, two] = [await sequenceOf(String(ids[1])), await sequenceOf(String(ids[3]))];
    await attack(
      `create temp table moved as select l.leaf_index, o.log_id, o.recorded_at, l.leaf_hash
        from audit_leaves l join audit_leaves o on o.leaf_index = ${one + two} - l.leaf_index
        where l.leaf_index in (${one}, ${two})`,
      `delete from audit_leaves where leaf_index in (${one}, ${two})`,
      'insert into audit_leaves select * from moved',
    );
    const { code, out } = await verified();
    expect(out).toContain(`row_moved row ${one} `);
    expect(out).toContain(`its content was logged as row ${two}`);
    expect(out).toContain(`row_moved row ${two} `);
    expect(code).toBe(1);
  });

  test('names an edit of a row that was not sealed yet', async () => {
    let ids: readonly string[] = [];
    await restart(async () => {
      ids = await changes(3);
      await attack(`update audit_logs set after = '{"step": 9}' where id = '${ids[1]}'`);
    });
    const { code, out } = await verified();
    expect(out).toContain(`row_forged row ${await sequenceOf(String(ids[1]))} `);
    expect(out).toContain(String(ids[1]));
    expect(code).toBe(1);
  });

  test('names a file that was cut', async () => {
    await changes(5);
    const { code, out } = await verified(undefined, (text) => text.split('\n').slice(0, -3).join('\n'));
    expect(out).toContain('trailer_missing');
    expect(code).toBe(1);
  });
});

describe('consistency', () => {
  test('holds between any two checkpoints of the log, and is refused beyond them', async () => {
    const heads: Checkpoint[] = [];
    for (let round = 1; round <= 5; round += 1) {
      await changes(round);
      heads.push(parseCheckpoint(parseNote(await Bun.file(await keepCheckpoint()).text()).text));
    }
    for (const to of heads) {
      for (const from of heads.filter(({ size }) => size <= to.size)) {
        const answer = await proof(from.size, to.size);
        const file = parseConsistency(await answer.text());
        expect(verifyConsistency(from.size, to.size, from.root, to.root, file.proof)).toBe(true);
        expect(parseCheckpoint(parseNote(file.checkpoint).text)).toEqual(to);
      }
    }
    const last = heads.at(-1)?.size ?? 0;
    expect((await proof(last + 1, last)).status).toBe(404);
    expect((await proof(1, last + 1)).status).toBe(404);
    const listed = await send(app, 'GET', '/v1/audit/log/checkpoints', { token: 'auditor' });
    const sizes = (listed.body.data as { readonly treeSize: number }[]).map(({ treeSize }) => treeSize);
    expect(sizes).toEqual(expect.arrayContaining(heads.map(({ size }) => size)));
  });

  test('given beside a file proves a checkpoint that the file itself says nothing of, and no other tree', async () => {
    await changes(5);
    const kept = await keepCheckpoint();
    const { size } = parseCheckpoint(parseNote(await Bun.file(kept).text()).text);
    await changes(3);
    const { path, key } = await exportFile(await sinceNow());
    expect((await verify(path, key, '--earlier', kept)).out).toContain('earlier_unproven');
    const header = String((await Bun.file(path).text()).split('\n')[0]);
    const to = parseCheckpoint(parseNote(JSON.parse(header).checkpoint).text).size;
    const beside = join(folder, 'consistency.txt');
    await Bun.write(beside, await (await proof(size, to)).text());
    const good = await verify(path, key, '--earlier', kept, '--consistency', beside);
    expect(good.out).toContain('still begins with the tree of the earlier checkpoint');
    expect(good.code).toBe(0);
    await Bun.write(beside, await (await proof(size - 1, to)).text());
    expect((await verify(path, key, '--earlier', kept, '--consistency', beside)).code).toBe(1);
    await Bun.write(beside, 'nothing');
    expect((await verify(path, key, '--earlier', kept, '--consistency', beside)).code).toBe(2);
  });
});

describe('given one checkpoint kept from before', () => {
  test('a log that was lawfully renamed since goes on, and the report names the rename', async () => {
    await changes(6);
    const kept = await keepCheckpoint();
    const fromSize = parseCheckpoint(parseNote(await Bun.file(kept).text()).text).size;
    const [oldKey = ''] = sealer.identity.verifierKeys;
    await sealer.stop();
    const origin = 'test.plimsoll.local/renamed';
    await transact(foundation.system, 'engine', (tx) => {
      const to = { origin, fromSize, heldElsewhere: null, reason: 'Restored' };
      return continueUnderNewOrigin({ ...foundation.system, tx }, to);
    });
    sealer = await startSealer(foundation.deps, { ...TEST_LOG, origin });
    await changes(3);
    const { path, key } = await exportFile();
    const { code, out } = await verify(path, key, '--key', oldKey, '--earlier', kept);
    expect(out).toContain(`the log was renamed: ${TEST_LOG.origin} up to ${fromSize} rows, now ${origin}`);
    expect(out).toContain('Result      HOLDS');
    expect(code).toBe(0);
  });

  test('a log whose tail was cut and signed again cannot prove that it is only older', async () => {
    await changes(6);
    const kept = await keepCheckpoint();
    await restart(() =>
      attack(
        ...UNSEAL,
        'delete from audit_logs where id in (select id from audit_logs order by txid desc limit 5)',
      ),
    );
    const { code, out } = await verified(kept);
    expect(out).toContain('newer_checkpoint_unproven');
    expect(out).toContain('or the log was rolled back');
    expect(code).toBe(1);
  });

  test('a log rolled back that grew again is a log replaced', async () => {
    await changes(6);
    const kept = await keepCheckpoint();
    await restart(() =>
      attack(
        ...UNSEAL,
        'delete from audit_logs where id in (select id from audit_logs order by txid desc limit 5)',
      ),
    );
    await changes(12);
    const { code, out } = await verified(kept);
    expect(out).toContain('THE LOG WAS REPLACED');
    expect(code).toBe(1);
  });

  test('a whole tree rewritten with every key is a log replaced; nothing else would show it', async () => {
    const ids = await changes(4);
    const kept = await keepCheckpoint();
    await restart(async () => {
      await rewrite(String(ids[1]));
      await attack(...UNSEAL);
    });
    const blind = await verified();
    expect(blind.out).toContain('Result      HOLDS');
    const { code, out } = await verified(kept);
    expect(out).toContain('THE LOG WAS REPLACED');
    expect(code).toBe(1);
  });

  test('a sealer that goes on refuses to sign a log cut behind its checkpoint, so there is nothing to export', async () => {
    await changes(6);
    await sealer.sealNow();
    await restart(() =>
      attack('delete from audit_nodes', 'delete from audit_leaves', 'delete from audit_logs'),
    );
    expect(await sealer.sealNow().catch(String)).toContain('consistent');
  });
});

/** Edits a row and gives it the code it would have been written with. */
async function rewrite(rowId: string): Promise<void> {
  await attack(`update audit_logs set description = 'nothing happened' where id = '${rowId}'`);
  const { deps } = foundation;
  const [row] = await deps.db.engine.select().from(auditLogs).where(eq(auditLogs.id, rowId));
  if (row === undefined) {
    throw new Error('the row is there');
  }
  const mac = rowMac(deps.keyring.rowMacKey, { rowId, leafHash: leafHashOfRow(row) });
  await attack(
    `update audit_logs set row_mac = '\\x${Buffer.from(mac).toString('hex')}' where id = '${rowId}'`,
  );
}
