import { afterEach, beforeEach, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { type Id, newId } from '../../kernel/id.ts';
import { attackEvidence } from '../../testing/attacker.ts';
import { type Foundation, startFoundation, TEST_LOG } from '../../testing/foundation.ts';
import { until } from '../../testing/until.ts';
import { dataKey } from '../crypto/keyring.ts';
import { openClient } from '../db/client.ts';
import { auditLogs } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { readiness } from '../health.ts';
import { noteSigner } from './checkpoint.ts';
import { auditEvents } from './events.ts';
import { record } from './record.ts';
import { type Sealer, startSealer } from './sealer.ts';
import { startRoundsApart } from './sealer-thread.ts';
import type { RoundState } from './sealing-rounds.ts';
import { verifyLog } from './verify-log.ts';

const EVENTS = auditEvents({
  'sample.changed': {
    category: 'system',
    severity: 'info',
    description: 'A sample changed',
    shows: [],
  },
});

let foundation: Foundation;
let owner: postgres.Sql;
let sealer: Sealer | undefined;

beforeEach(async () => {
  sealer = undefined;
  foundation = await startFoundation(import.meta.file, []);
  owner = openClient(foundation.database.owner, 1);
});
afterEach(async () => {
  await sealer?.stop();
  await owner.end();
  await foundation.close();
});

async function seal(): Promise<Sealer> {
  sealer = await startSealer(foundation.deps, { ...TEST_LOG, apart: true });
  return sealer;
}

async function change(): Promise<Id> {
  const id = newId();
  await transact(foundation.system, 'engine', (tx) =>
    record(tx, foundation.system, {
      event: EVENTS['sample.changed'],
      resource: { type: 'sample', id },
      subjectUserId: null,
    }),
  );
  return id;
}

function notReady(): Promise<readonly string[]> {
  return readiness(foundation.deps).then(({ failing }) => failing.map(({ detail }) => detail));
}

test('seals what is written, and the log verifies', async () => {
  const apart = await seal();
  await Promise.all(Array.from({ length: 50 }, change));
  const size = await apart.sealNow();
  expect(await verifyLog(foundation.system)).toMatchObject({ holds: true, treeSize: size, rowsUnsealed: 0 });
  expect(apart.identity.origin).toBe(TEST_LOG.origin);
});

test('knows a house key that was rotated since it started', async () => {
  const { keyring } = foundation.deps;
  const before = keyring.installation();
  const apart = await seal();
  await apart.sealNow();
  keyring.install({ ...before, house: dataKey(new Uint8Array(32).fill(3)) });
  // Told within a second, in the order of all that it is told.
  await Bun.sleep(1_500);
  await transact(foundation.system, 'engine', async (tx) => {
    // Nothing is sealed that is younger than a transaction which still runs.
    await tx.execute(sql`select pg_current_xact_id()`);
    const edited = await change();
    await attackEvidence(owner, [
      `update audit_logs set description = 'nothing happened' where resource_id = '${edited}'`,
    ]);
  });
  await apart.sealNow();
  const rows = await foundation.deps.db.engine
    .select({ personal: auditLogs.personal, after: auditLogs.after })
    .from(auditLogs)
    .where(eq(auditLogs.eventType, 'audit_row.altered'));
  expect(rows).toMatchObject([{ after: { count: 1 } }]);
  const keyId = Buffer.from(keyring.house.id).toString('hex');
  expect(Buffer.from(rows[0]?.personal ?? []).toString('hex')).toContain(keyId);
});

test('signs nothing more once somebody outside holds what the log is not', async () => {
  const apart = await seal();
  await apart.sealNow();
  apart.contradict('a witness holds another tree');
  await change();
  expect(await apart.sealNow().catch(String)).toContain('consistent');
  expect(await notReady()).toContain('a witness holds another tree');
});

test('a thread that breaks off is told of, and another begins', async () => {
  const states: RoundState[] = [];
  const complaints: string[] = [];
  const { deps } = foundation;
  const signer = noteSigner(TEST_LOG.origin, TEST_LOG.seed);
  const identity = { origin: TEST_LOG.origin, verifierKeys: [], origins: [] };
  const rounds = startRoundsApart(
    {
      connection: deps.db.connections.engine,
      clock: deps.clock,
      keyring: deps.keyring,
      signer,
      identity,
      askFirst: false,
      tell: (state) => states.push(state),
      complain: (message) => complaints.push(message),
    },
    // No signer can be made of it.
    new Uint8Array(1),
  );
  await until(() => Promise.resolve(complaints.length > 1));
  await rounds.stop();
  expect(new Set(complaints)).toEqual(new Set(['the sealer broke off and starts anew']));
  expect(states.map(({ fault }) => fault)).toContain('the sealer broke off and starts anew');
});
