import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { openClient } from '../../../platform/db/client.ts';
import { type ComplianceDesk, startComplianceDesk } from '../../../testing/compliance-desk.ts';
import { importListVersion } from '../import-list.ts';
import { listVersions, screenings } from '../schema.ts';

const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function newList(): Promise<string> {
  const body = { kind: 'own', name: newId() };
  return (await desk.call(desk.officer, 'POST', '/v1/aml/lists', body)).body.id;
}

/** A version of so many entries; its number names everybody on it. */
function version(number: number, count = 200): string {
  const rows = Array.from(
    { length: count },
    (_unused, at) => `n-${at},person,Brindlewick V${number}x Q${at}z,,,,,,`,
  );
  return [HEADER, ...rows].join('\n');
}

/** As from its publisher, who may take off what it likes; the version that is active now. */
async function send(listId: string, content: string) {
  const files = { file: Buffer.from(content) };
  const from = { file: 'https://lists.example.org/own.csv' };
  return present((await importListVersion(desk.system, listId as Id, files, from)).active, 'it is active');
}

describe('while lists are imported', () => {
  test('every screening is against one whole version, and says which', async () => {
    const listId = await newList();
    const versions = [(await send(listId, version(0))).id];
    let importing = true;
    const screen = async (): Promise<void> => {
      while (importing) {
        const subject = { name: 'Brindlewick Q7z' };
        const { status, body } = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { subject });
        expect(status).toBe(201);
        const [row] = await desk.deps.db.engine.select().from(screenings).where(eq(screenings.id, body.id));
        const against = (row?.listVersions as Readonly<Record<string, string>> | undefined)?.[listId] ?? '';
        const held = await desk.deps.db.engine.execute<{ total: number; own: number }>(sql`
          select count(*)::int as total, count(*) filter (where e.version_id = ${against})::int as own
          from screening_matches m
          join list_entities state on state.id = m.entity_id and state.list_id = ${listId}
          left join list_version_entities e on e.entity_id = m.entity_id and e.version_id = ${against}
          where m.screening_id = ${body.id}`);
        expect(against).not.toBe('');
        expect(held[0]?.total).toBeGreaterThan(0);
        expect(held[0]?.own).toBe(held[0]?.total ?? -1);
      }
    };
    const screeners = Array.from({ length: 8 }, screen);
    for (const number of [1, 2, 3]) {
      versions.push((await send(listId, version(number))).id);
    }
    importing = false;
    await Promise.all(screeners);
    const rows = await desk.deps.db.engine.select().from(listVersions).where(eq(listVersions.listId, listId));
    expect(rows.map(({ status }) => status).sort()).toEqual([
      'active',
      'superseded',
      'superseded',
      'superseded',
    ]);
    expect(new Set(versions).size).toBe(4);
  }, 120_000);

  test('several files at once leave one active version that follows the one before', async () => {
    const listId = await newList();
    await Promise.all([0, 1, 2, 3].map((number) => send(listId, version(number, 20))));
    const rows = await desk.deps.db.engine.select().from(listVersions).where(eq(listVersions.listId, listId));
    expect(rows.filter(({ status }) => status === 'active')).toHaveLength(1);
    const bases = rows.map(({ baseVersionId }) => baseVersionId);
    expect(new Set(bases).size).toBe(4);
  });
});

describe('an import that dies on its way', () => {
  const steps: readonly (readonly [string, string])[] = [
    ['list_versions', 'insert'],
    ['list_entities', 'insert'],
    ['list_version_entities', 'insert'],
    ['list_version_changes', 'insert'],
    ['list_versions', 'update'],
    ['screening_lists', 'update'],
    ['audit_logs', 'insert'],
    ['outbox', 'insert'],
  ];

  test('leaves the old version active, wherever it died, and the next one succeeds', async () => {
    const listId = await newList();
    const first = await send(listId, version(0, 20));
    const owner = openClient(desk.database.owner, 1);
    await owner.unsafe(`create function die() returns trigger language plpgsql as
      $$ begin raise exception 'the power failed' using errcode = '57P01'; end $$`);
    for (const [table, verb] of steps) {
      // The audit row of a refusal is written afterwards, in a transaction of its own.
      const only = table === 'audit_logs' ? `when (new.event_type = 'list_version.activated')` : '';
      await owner.unsafe(
        `create trigger aaa_die before ${verb} on ${table} for each row ${only} execute function die()`,
      );
      const outcome = await send(listId, version(9, 21)).catch(() => 'died');
      await owner.unsafe(`drop trigger aaa_die on ${table}`);
      expect([table, verb, outcome]).toEqual([table, verb, 'died']);
      const rows = await desk.deps.db.engine
        .select()
        .from(listVersions)
        .where(eq(listVersions.listId, listId));
      expect(rows).toMatchObject([{ id: first.id, status: 'active' }]);
    }
    await owner.unsafe('drop function die()');
    await owner.end();
    expect(await send(listId, version(9, 21))).toMatchObject({ status: 'active', baseVersionId: first.id });
  });
});
