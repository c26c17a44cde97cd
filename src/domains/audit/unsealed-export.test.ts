/** That an export which meets no sealer, or one that stops, waits for the next and has not failed. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { startSealer } from '../../platform/audit/sealer.ts';
import { auditExports } from '../../platform/db/schema.ts';
import { type Foundation, startFoundation, TEST_LOG } from '../../testing/foundation.ts';
import { auditDomain } from './index.ts';
import { writeExportFile } from './write-export-file.ts';

let foundation: Foundation;

beforeEach(async () => {
  foundation = await startFoundation(import.meta.file, [auditDomain]);
});
afterEach(() => foundation.close());

async function asked(): Promise<Id> {
  const id = newId();
  const { clock, db } = foundation.deps;
  await db.engine.insert(auditExports).values({
    id,
    requestedBy: newId(),
    format: 'ndjson',
    filters: { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' },
    restricted: true,
    status: 'pending',
    createdAt: clock.realNow(),
  });
  return id;
}

async function stateOf(id: Id) {
  const [row] = await foundation.deps.db.engine.select().from(auditExports).where(eq(auditExports.id, id));
  const { status, failure } = present(row, 'the export is there');
  return { status, failure };
}

test('where nobody seals it is left for whoever does', async () => {
  const id = await asked();
  await writeExportFile(foundation.system, id);
  expect(await stateOf(id)).toEqual({ status: 'pending', failure: null });
});

test('where the sealer stops meanwhile it has not failed, and nobody waits for its end', async () => {
  const id = await asked();
  const sealer = await startSealer(foundation.deps, { ...TEST_LOG, askFirst: true });
  const writing = writeExportFile(foundation.system, id);
  await sealer.stop();
  await writing;
  expect(await stateOf(id)).toEqual({ status: 'running', failure: null });
});
