import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { type Id, newId } from '../../kernel/id.ts';
import { attackEvidence } from '../../testing/attacker.ts';
import { type Foundation, startFoundation, TEST_LOG } from '../../testing/foundation.ts';
import { until } from '../../testing/until.ts';
import { openClient, type Tx } from '../db/client.ts';
import { sqlStateOf } from '../db/errors.ts';
import { auditCheckpoints, auditLeaves, auditLogs } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { readiness } from '../health.ts';
import { beginRecovery } from '../recovery/mode.ts';
import { recoveries } from '../recovery/schema.ts';
import {
  formatVerifierKey,
  noteSigner,
  parseCheckpoint,
  parseNote,
  signCheckpoint,
  verifierOf,
} from './checkpoint.ts';
import { auditEvents } from './events.ts';
import { claimIdentity } from './log-identity.ts';
import { appendCheckpoint, latestCheckpoint, treeSize } from './log-store.ts';
import { frontierRoot } from './merkle.ts';
import { record } from './record.ts';
import { type Sealer, SealerStopped, startSealer } from './sealer.ts';
import { beginSequence, type Sequence, sequenceNext } from './sequencer.ts';
import { type LogReport, verifyLog } from './verify-log.ts';

const EVENTS = auditEvents({
  'sample.changed': {
    category: 'system',
    severity: 'info',
    description: 'A sample changed',
    shows: ['step'],
  },
});

let foundation: Foundation;
let owner: postgres.Sql;
let sealers: Sealer[];

beforeEach(async () => {
  foundation = await startFoundation(import.meta.file, []);
  owner = openClient(foundation.database.owner, 1);
  sealers = [];
});
afterEach(async () => {
  await Promise.all(sealers.map((sealer) => sealer.stop()));
  await owner.end();
  await foundation.close();
});

async function seal(log = TEST_LOG): Promise<Sealer> {
  const sealer = await startSealer(foundation.deps, log);
  sealers.push(sealer);
  return sealer;
}

async function stopAll(): Promise<void> {
  await Promise.all(sealers.map((sealer) => sealer.stop()));
  sealers = [];
}

async function change(step: number, inside?: (tx: Tx) => Promise<void>): Promise<Id> {
  const id = newId();
  await transact(foundation.system, 'engine', async (tx) => {
    await record(tx, foundation.system, {
      event: EVENTS['sample.changed'],
      resource: { type: 'sample', id },
      subjectUserId: null,
      after: { step },
    });
    await inside?.(tx);
  });
  return id;
}

async function changes(count: number): Promise<void> {
  for (let step = 0; step < count; step += 1) {
    await change(step);
  }
}

async function signed(): Promise<number> {
  return (await foundation.deps.db.engine.transaction(latestCheckpoint))?.size ?? 0;
}

async function asAttacker(...statements: string[]): Promise<void> {
  await attackEvidence(owner, statements);
}

async function logIdOf(resourceId: string): Promise<string> {
  const [row] = await foundation.deps.db.engine
    .select({ id: auditLogs.id })
    .from(auditLogs)
    .where(eq(auditLogs.resourceId, resourceId));
  return String(row?.id);
}

async function leafIndexes(): Promise<number[]> {
  const rows = await foundation.deps.db.engine
    .select({ index: auditLeaves.leafIndex })
    .from(auditLeaves)
    .orderBy(auditLeaves.leafIndex);
  return rows.map((row) => Number(row.index));
}

async function rowCount(): Promise<number> {
  return (await foundation.deps.db.engine.select({ id: auditLogs.id }).from(auditLogs)).length;
}

function report(): Promise<LogReport> {
  return verifyLog(foundation.system);
}

function codes(found: LogReport): string[] {
  return found.findings.map((finding) => finding.code);
}

describe('sealing', () => {
  test('thirty-two writers and a sealer leave no gap and no duplicate, and the log verifies', async () => {
    const sealer = await seal();
    await Promise.all(
      Array.from({ length: 32 }, async (_, writer) => {
        for (let step = 0; step < 40; step += 1) {
          // Transactions of different lengths commit in another order than they began.
          await change(step, async (tx) => {
            await tx.execute(sql`select pg_sleep(${((writer * 7 + step) % 5) / 1000})`);
          });
        }
      }),
    );
    const size = await sealer.sealNow();
    expect(size).toBe(await rowCount());
    expect(await leafIndexes()).toEqual(Array.from({ length: size }, (_, index) => index));
    const found = await report();
    expect(found).toMatchObject({ holds: true, treeSize: size, rowsUnsealed: 0, findings: [] });
    expect(found.rowsChecked).toBe(size);
    expect(parseCheckpoint(parseNote(String(found.checkpoint)).text)).toMatchObject({
      origin: TEST_LOG.origin,
      size,
    });
  });

  test('a row of a transaction that still runs keeps its place behind none that commits later', async () => {
    const sealer = await seal();
    let older = '';
    await transact(foundation.system, 'engine', async (tx) => {
      older = newId();
      await record(tx, foundation.system, {
        event: EVENTS['sample.changed'],
        resource: { type: 'sample', id: older },
        subjectUserId: null,
      });
      await change(1);
      await Bun.sleep(500);
      expect(await sequencedSamples()).toEqual([]);
    });
    await sealer.sealNow();
    const samples = await sequencedSamples();
    expect(samples[0]).toBe(older);
    expect(samples).toHaveLength(2);
  });

  test('a new term takes nothing that was committed beside a transaction that still runs', async () => {
    const { engine } = foundation.deps.db;
    let writing = true;
    const writer = async (): Promise<void> => {
      for (let step = 0; writing; step += 1) {
        await change(step);
      }
    };
    await transact(foundation.system, 'engine', async (tx) => {
      await record(tx, foundation.system, {
        event: EVENTS['sample.changed'],
        resource: { type: 'sample', id: newId() },
        subjectUserId: null,
      });
      const writers = [writer(), writer()];
      for (let term = 0; term < 40; term += 1) {
        await engine.transaction(async (own) => {
          const begun = await sequenceNext(own, foundation.deps.keyring, await beginSequence(own));
          await sequenceNext(own, foundation.deps.keyring, begun.sequence);
        });
      }
      writing = false;
      await Promise.all(writers);
      expect(await sequencedSamples()).toEqual([]);
    });
  });

  test('of two sealers one works; the other takes over without a gap', async () => {
    const [one, two] = [await seal(), await seal()];
    await changes(10);
    expect(await Promise.all([one.sealNow(), two.sealNow()])).toEqual([10, 10]);
    await one.stop();
    await changes(10);
    expect(await two.sealNow()).toBe(20);
    expect((await report()).findings).toEqual([]);
  });

  test('tells whoever waits for a signature that it stopped', async () => {
    await changes(1);
    const sealer = await startSealer(foundation.deps, { ...TEST_LOG, askFirst: true });
    const waiting = sealer.sealNow().catch((error: unknown) => error);
    await sealer.stop();
    expect(await waiting).toBeInstanceOf(SealerStopped);
  });

  test('catches up with rows written while nobody sealed', async () => {
    await (await seal()).sealNow();
    await changes(3);
    await stopAll();
    await changes(20);
    expect(await (await seal()).sealNow()).toBe(23);
    expect((await report()).holds).toBe(true);
  });

  test('after a logical restore, rows with ids of the future and rows with smaller ids are sequenced', async () => {
    await changes(2);
    await (await seal()).sealNow();
    await stopAll();
    await changes(1);
    await asAttacker(`update audit_logs set txid = '9000000000'`);
    await changes(1);
    const sealer = await seal();
    expect(await sealer.sealNow()).toBe(4);
    await changes(1);
    expect(await sealer.sealNow()).toBe(5);
    expect((await report()).holds).toBe(true);
  });

  test('where ids reach those of rows that a restore carried over, each of these keeps its one leaf', async () => {
    const { keyring, db } = foundation.deps;
    const xid = async () => {
      const [row] = await db.engine.execute<{ id: string }>(sql`select pg_current_xact_id()::text as id`);
      return BigInt(row?.id ?? 0);
    };
    await changes(3);
    await (await seal()).sealNow();
    await stopAll();
    const ahead = (await xid()) + 300n;
    await asAttacker(`update audit_logs set txid = '${ahead}'`);
    let sequence = await db.engine.transaction(beginSequence);
    const sequenced = async (steady: (reached: bigint) => boolean) => {
      ({ sequence } = await db.engine.transaction((tx) => sequenceNext(tx, keyring, sequence)));
      return sequence.phase === 'steady' && steady(BigInt(sequence.low));
    };
    await until(() => sequenced(() => true));
    await changes(2);
    while ((await xid()) <= ahead) {
      // Each took an id of its own.
    }
    const passed = await xid();
    await until(() => sequenced((reached) => reached > passed));
    await changes(2);
    const rows = await rowCount();
    await until(async () => (await sequenced(() => true)) && sequence.frontier.size === rows);
    expect(await leafIndexes()).toEqual(Array.from({ length: rows }, (_, index) => index));
  });

  test('a steady round looks for no leaves; one that is there is refused, and the next term goes on', async () => {
    const { keyring, db } = foundation.deps;
    await changes(3);
    await (await seal()).sealNow();
    await stopAll();
    const begin = () => db.engine.transaction(beginSequence);
    const step = (from: Sequence) => db.engine.transaction((tx) => sequenceNext(tx, keyring, from));
    // As if it knew nothing of what the sealer did.
    const blind = { ...(await begin()), phase: 'steady', low: '0', freshFrom: '0' } as const;
    await until(async () => {
      const failure = await step(blind).catch((error: unknown) => error);
      return sqlStateOf(failure) === '23505';
    });
    await changes(1);
    let { sequence, more, added } = await step(await begin());
    await until(async () => {
      const next = await step(sequence);
      ({ sequence, more } = next);
      added += next.added;
      return !more && added > 0;
    });
    expect(added).toBe(1);
  });

  test('signs nothing when there is nothing new', async () => {
    const sealer = await seal();
    await changes(1);
    await sealer.sealNow();
    await sealer.sealNow();
    await Bun.sleep(1_500);
    expect(await foundation.deps.db.engine.select().from(auditCheckpoints)).toHaveLength(1);
  });

  test('a log keeps its name, and a new key is recorded while the old checkpoints still verify', async () => {
    await changes(1);
    await (await seal()).sealNow();
    await stopAll();
    expect(startSealer(foundation.deps, { ...TEST_LOG, origin: 'other.example/log' })).rejects.toThrow(
      'A log keeps its name',
    );
    const sealer = await seal({ ...TEST_LOG, seed: new Uint8Array(32).fill(10) });
    await changes(1);
    expect(await sealer.sealNow()).toBe(3);
    const found = await report();
    expect(found).toMatchObject({ holds: true, checkpointsChecked: 2 });
    expect(found.verifierKeys).toHaveLength(2);
  });
});

describe('who signs', () => {
  test('goes on signing when the clock is set back', async () => {
    const { clock } = foundation.deps;
    let offsetMs = 0;
    const deps = { ...foundation.deps, clock: { ...clock, realMs: () => clock.realMs() + offsetMs } };
    const sealer = await startSealer(deps, TEST_LOG);
    sealers.push(sealer);
    await changes(1);
    const size = await sealer.sealNow();
    offsetMs = -3_600_000;
    await changes(1);
    await until(async () => (await signed()) === size + 1);
  });

  test('signs nothing in a recovery until people said under which name', async () => {
    await beginRecovery(foundation.system, { cause: 'requested' });
    const sealing = (await seal()).sealNow();
    await until(async () => (await foundation.deps.db.engine.transaction(treeSize)) > 0);
    expect(await signed()).toBe(0);
    await foundation.deps.db.engine.update(recoveries).set({ logSettledAt: foundation.deps.clock.realNow() });
    expect(await sealing).toBeGreaterThan(0);
  });

  test('knows the key that another signed with since it started', async () => {
    // Whoever holds this leads; the sealer waits for it.
    await owner`select pg_advisory_lock(hashtextextended('plimsoll.leader.sealer', 0))`;
    const sealer = await seal();
    const other = noteSigner(TEST_LOG.origin, new Uint8Array(32).fill(10));
    await claimIdentity(foundation.system, other.name, formatVerifierKey(verifierOf(other)));
    await changes(2);
    await transact(foundation.system, 'engine', async (tx) => {
      const { sequence } = await sequenceNext(tx, foundation.deps.keyring, await beginSequence(tx));
      const [size, root] = [sequence.frontier.size, frontierRoot(sequence.frontier)];
      const note = signCheckpoint({ origin: other.name, size, root }, other);
      await appendCheckpoint(tx, { size, root, note, signedAt: foundation.deps.clock.realNow() });
    });
    await owner`select pg_advisory_unlock_all()`;
    await changes(1);
    expect(await sealer.sealNow()).toBeGreaterThan(2);
    expect(await inconsistencies()).toEqual([]);
    expect((await report()).holds).toBe(true);
  });
});

describe('refusing to sign', () => {
  test('a log that was cut behind its last checkpoint is not signed again, and the node is not ready', async () => {
    await changes(5);
    await (await seal()).sealNow();
    await stopAll();
    await asAttacker(
      'delete from audit_leaves where leaf_index >= 3',
      'delete from audit_nodes',
      'delete from audit_logs',
    );
    const sealer = await seal();
    expect(await sealer.sealNow().catch(String)).toContain('consistent');
    const { failing } = await readiness(foundation.deps);
    expect(failing.map((probe) => probe.name)).toContain('sealer');
    expect(await inconsistencies()).toMatchObject([{ severity: 'critical', category: 'security' }]);
  });

  test('is not for a checkpoint whose transaction was lost: nobody has seen it, and it is signed anew', async () => {
    await owner.unsafe(`create function lose() returns trigger language plpgsql as
      $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$`);
    await owner.unsafe(`create constraint trigger lose after insert on audit_checkpoints
      deferrable initially deferred for each row execute function lose()`);
    await changes(2);
    const sealer = await seal();
    const now = sealer.sealNow();
    await Bun.sleep(300);
    await owner.unsafe('drop trigger lose on audit_checkpoints');
    await changes(1);
    await now;
    await sealer.sealNow();
    expect(await signed()).toBe(await rowCount());
    expect(await inconsistencies()).toEqual([]);
  });

  test('a sealer that goes on running notices that its last checkpoint was deleted', async () => {
    await changes(2);
    const sealer = await seal();
    await sealer.sealNow();
    await asAttacker('delete from audit_checkpoints');
    await changes(1);
    expect(await sealer.sealNow().catch(String)).toContain('consistent');
  });
});

describe('verifying', () => {
  test('names a sealed row that was edited, and the leaf that commits to it', async () => {
    await changes(4);
    const edited = await change(5);
    await changes(4);
    await (await seal()).sealNow();
    const id = await logIdOf(edited);
    await asAttacker(`update audit_logs set description = 'nothing happened' where id = '${id}'`);
    const found = await report();
    expect(found.findings).toEqual([
      {
        code: 'row_altered',
        object: `row ${id}`,
        detail: 'its content is not what leaf 4 commits to',
        checkpoint: 9,
      },
    ]);
  });

  test('names an edited row by its MAC before it is sealed, and the sealer records it when it is', async () => {
    const edited = await change(1);
    const id = await logIdOf(edited);
    await asAttacker(`update audit_logs set outcome = 'refused' where id = '${id}'`);
    expect(await report()).toMatchObject({
      holds: false,
      findings: [{ code: 'row_altered', object: `row ${id}` }],
    });
    await (await seal()).sealNow();
    const [row] = await foundation.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.eventType, 'audit_row.altered'));
    expect(row).toMatchObject({
      severity: 'critical',
      class: 'restricted',
      after: { rows: [id], leaves: [0], count: 1 },
    });
    expect(codes(await report())).toEqual(['row_altered']);
  });

  test('a row edited to what no row can be does not stop the log', async () => {
    const id = await logIdOf(await change(1));
    await asAttacker(`update audit_logs set salt = '\\x00' where id = '${id}'`);
    await changes(1);
    await (await seal()).sealNow();
    expect((await report()).findings.map((finding) => finding.object)).toEqual([`row ${id}`]);
  });

  test('names a deleted row', async () => {
    const deleted = await change(1);
    await changes(2);
    await (await seal()).sealNow();
    const id = await logIdOf(deleted);
    await asAttacker(`delete from audit_logs where id = '${id}'`);
    expect((await report()).findings).toMatchObject([{ code: 'row_missing', object: `row ${id}` }]);
  });

  test('names an inserted row: whoever lacks the key cannot give it a code', async () => {
    await changes(2);
    await (await seal()).sealNow();
    await stopAll();
    const forged = newId();
    await asAttacker(`insert into audit_logs select '${forged}', recorded_at, txid, actor_kind, actor_id, actor_user_id,
      subject_user_id, event_type, category, severity, class, resource_type, resource_id, description, before, after,
      outcome, request_id, salt, personal, personal_hash, row_mac from audit_logs limit 1`);
    expect((await report()).findings).toMatchObject([{ code: 'row_altered', object: `row ${forged}` }]);
  });

  test('two rows that changed places are both named', async () => {
    const [one, two] = [await logIdOf(await change(1)), await logIdOf(await change(2))];
    await (await seal()).sealNow();
    await asAttacker(
      `create temp table moved as select l.leaf_index, o.log_id, o.recorded_at, l.leaf_hash
        from audit_leaves l join audit_leaves o on o.leaf_index = 1 - l.leaf_index`,
      'delete from audit_leaves',
      'insert into audit_leaves select * from moved',
    );
    const found = await report();
    expect(codes(found)).toEqual(['row_altered', 'row_altered']);
    expect(found.findings.map((finding) => finding.object).sort()).toEqual(
      [`row ${one}`, `row ${two}`].sort(),
    );
  });

  test('a row rewritten together with its leaf is found by nodes, checkpoint and MAC', async () => {
    const id = await logIdOf(await change(1));
    await changes(256);
    await (await seal()).sealNow();
    await asAttacker(
      `update audit_logs set description = 'nothing happened' where id = '${id}'`,
      `update audit_leaves set leaf_hash = sha256('anything') where leaf_index = 0`,
    );
    expect(new Set(codes(await report()))).toEqual(
      new Set(['row_altered', 'node_altered', 'checkpoint_altered']),
    );
  });

  test('a log whose end was cut off is found by its checkpoint', async () => {
    await changes(6);
    await (await seal()).sealNow();
    await stopAll();
    await asAttacker(
      'delete from audit_leaves where leaf_index >= 4',
      `delete from audit_logs where id not in (select log_id from audit_leaves)`,
    );
    expect((await report()).findings).toMatchObject([{ code: 'checkpoint_altered', object: 'checkpoint 6' }]);
  });

  test('a checkpoint signed by another key is found', async () => {
    await changes(1);
    await (await seal()).sealNow();
    await asAttacker(
      `update audit_checkpoints set note = replace(note, '${TEST_LOG.origin} ', 'other.example/log ')`,
    );
    expect(codes(await report())).toEqual(['checkpoint_altered']);
  });
});

/** The row may still be on its way from the sealer's own turn. */
async function inconsistencies() {
  for (let attempt = 0; ; attempt += 1) {
    const rows = await foundation.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.eventType, 'audit_log.inconsistent'));
    if (rows.length > 0 || attempt === 40) {
      return rows;
    }
    await Bun.sleep(50);
  }
}

/** The resources of this file's own events, in the order of the log; the sealer writes rows of its own. */
async function sequencedSamples(): Promise<readonly string[]> {
  const rows = await foundation.deps.db.engine
    .select({ id: auditLogs.resourceId })
    .from(auditLeaves)
    .innerJoin(auditLogs, eq(auditLogs.id, auditLeaves.logId))
    .where(eq(auditLogs.eventType, 'sample.changed'))
    .orderBy(auditLeaves.leafIndex);
  return rows.map((row) => row.id);
}
