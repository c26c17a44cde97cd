import { afterEach, beforeEach, expect, test } from 'bun:test';
import type postgres from 'postgres';
import { newId } from '../../kernel/id.ts';
import { auditEvents } from '../../platform/audit/events.ts';
import { recordMany } from '../../platform/audit/record.ts';
import { openClient } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { attackEvidence } from '../../testing/attacker.ts';
import { type Foundation, startFoundation } from '../../testing/foundation.ts';
import { auditChecks } from './checks.ts';

const EVENTS = auditEvents({
  'planted.changed': { category: 'system', severity: 'info', description: 'Something changed', shows: [] },
});

let foundation: Foundation;
let owner: postgres.Sql;

beforeEach(async () => {
  foundation = await startFoundation(import.meta.file, []);
  owner = openClient(foundation.database.owner, 1);
  // One more than a block, so that the tree has a stored node.
  await transact(foundation.system, 'engine', (tx) =>
    recordMany(
      tx,
      foundation.system,
      Array.from({ length: 257 }, () => ({
        event: EVENTS['planted.changed'],
        resource: { type: 'sample', id: newId() },
        subjectUserId: null,
      })),
    ),
  );
  const { sealer } = await foundation.startWorkers();
  await sealer.sealNow();
});
afterEach(async () => {
  await owner.end();
  await foundation.close();
});

async function broken(): Promise<string[]> {
  const names: string[] = [];
  for (const check of auditChecks) {
    const { breaks } = await transact(foundation.system, 'engine', check.run);
    if (breaks.length > 0) {
      names.push(check.name);
    }
  }
  return names;
}

test('a whole log breaks nothing', async () => {
  expect(await broken()).toEqual([]);
});

test.each([
  [
    'a leaf taken out of the middle',
    ['delete from audit_leaves where leaf_index = 2'],
    ['audit.leaves_are_gap_free', 'audit.checkpoint_covers_the_tree'],
  ],
  ['an edited row', [`update audit_logs set description = 'nothing'`], ['audit.rows_recompute']],
  ['an unreadable row', [`update audit_logs set salt = '\\x00'`], ['audit.rows_recompute']],
  ['a deleted row', ["delete from audit_logs where resource_type = 'sample'"], ['audit.rows_recompute']],
  [
    'a rewritten node',
    [`update audit_nodes set hash = sha256('x') where level = 8`],
    ['audit.checkpoint_covers_the_tree'],
  ],
  [
    'a rewritten checkpoint',
    [`update audit_checkpoints set root_hash = sha256('x')`],
    ['audit.checkpoint_covers_the_tree'],
  ],
  [
    'a row that was never sequenced',
    [
      'delete from audit_leaves where leaf_index = 5',
      `update audit_logs a set recorded_at = recorded_at - interval '2 minutes'
        where not exists (select 1 from audit_leaves l where l.log_id = a.id)`,
    ],
    ['audit.checkpoint_covers_the_tree', 'audit.rows_are_sequenced'],
  ],
])('finds %s', async (_what, statements, checks) => {
  await (await foundation.startWorkers()).sealer.stop();
  await attackEvidence(owner, statements);
  expect(await broken()).toEqual(expect.arrayContaining(checks));
});
