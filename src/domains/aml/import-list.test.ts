import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { desc, eq, sql } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { type ComplianceDesk, startComplianceDesk } from '../../testing/compliance-desk.ts';
import { amlAlerts, listEntities, listVersionEntities, listVersions } from './schema.ts';

const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

type Kind = 'own' | 'un_consolidated';

async function newList(kind: Kind = 'own'): Promise<string> {
  const created = await desk.call(desk.officer, 'POST', '/v1/aml/lists', { kind, name: newId() });
  expect(created).toMatchObject({ status: 201, body: { kind, activeVersion: null } });
  return created.body.id;
}

/** Entries with these numbers, each a person with a name of their own. */
function entries(numbers: readonly number[], remark = ''): string {
  return [HEADER, ...numbers.map((number) => `n-${number},person,Zorblatt Q${number}x,,,,,,${remark}`)].join(
    '\n',
  );
}

function numbers(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_unused, place) => from + place);
}

function send(listId: string, files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>) {
  const form = new FormData();
  for (const [part, content] of Object.entries(files)) {
    form.set(part, new File([content], 'list'));
  }
  return desk.call(desk.officer, 'POST', `/v1/aml/lists/${listId}/import`, form);
}

async function activeOf(listId: string) {
  const { body } = await desk.call(desk.officer, 'GET', '/v1/aml/lists');
  return body.data.find((list: { id: string }) => list.id === listId)?.activeVersion;
}

async function newestVersion(listId: string) {
  const versions = desk.deps.db.engine.select().from(listVersions).where(eq(listVersions.listId, listId));
  return (await versions.orderBy(desc(listVersions.id)))[0];
}

function screenName(name: string) {
  return desk.call(desk.officer, 'POST', '/v1/aml/screenings', { subject: { name } });
}

describe('an import', () => {
  test('becomes active in one step, counts its differences and screens at once', async () => {
    const listId = await newList();
    const first = await send(listId, { file: entries(numbers(0, 10)) });
    expect(first).toMatchObject({ status: 201, body: { status: 'active', entityCount: 10, addedCount: 10 } });
    const file = `${entries(numbers(0, 10))}\nn-77,person,Yggdrasil Vandervoort,,,,,,`;
    const second = await send(listId, { file: file.replace('Zorblatt Q5x,', 'Zorblatt Q5x,Zorblatt Q5xx') });
    expect(second.body).toMatchObject({ addedCount: 1, changedCount: 1, removedCount: 0, entityCount: 11 });
    expect(await activeOf(listId)).toMatchObject({ id: second.body.id, status: 'active' });
    expect((await screenName('Yggdrasil Vandervoort')).body.result).toBe('alert');
    const { engine } = desk.deps.db;
    const [old] = await engine.select().from(listVersions).where(eq(listVersions.id, first.body.id));
    expect(old?.status).toBe('superseded');
    const states = await engine.select().from(listEntities).where(eq(listEntities.listId, listId));
    expect(states).toHaveLength(12);
  });

  test('of the file that is active already changes nothing', async () => {
    const listId = await newList();
    const file = entries(numbers(0, 3));
    const first = await send(listId, { file });
    expect(await send(listId, { file })).toMatchObject({ status: 409, body: { code: 'list_unchanged' } });
    expect(await newestVersion(listId)).toMatchObject({ id: first.body.id });
  });

  test('counts names that nobody can be compared with, and tells people once', async () => {
    const listId = await newList();
    const alerts = () =>
      desk.deps.db.engine
        .select()
        .from(amlAlerts)
        .where(eq(amlAlerts.dedupKey, `list:${listId}:names`));
    const readable = await send(listId, { file: entries(numbers(0, 10)) });
    expect(readable.body).toMatchObject({ nameCount: 10, unreadableCount: 0 });
    expect(await alerts()).toEqual([]);
    const file = `${entries(numbers(0, 10))}\nn-88,person,???,Zorblatt Qx;!!!,,,,,`;
    const other = await send(listId, { file });
    expect(other.body).toMatchObject({
      status: 'active',
      entityCount: 11,
      nameCount: 13,
      unreadableCount: 2,
    });
    const told = { kind: 'list', effect: 'review', status: 'open', occurrences: 1, sourceRef: other.body.id };
    expect(await alerts()).toMatchObject([told]);
    await send(listId, { file: `${file}\nn-89,person,Zorblatt Qxy,,,,,,` });
    expect(await alerts()).toMatchObject([told]);
  });

  test('of one file twice at once makes one version', async () => {
    const listId = await newList();
    const file = entries(numbers(0, 3));
    const answers = await Promise.all([send(listId, { file }), send(listId, { file })]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
  });
});

describe('refused, kept as evidence, and the old version stays:', () => {
  test.each([
    ['a list that lost more than a fifth', entries(numbers(0, 7)), 'list_shrunk', 3],
    ['a list of as many others', entries(numbers(50, 60)), 'list_shrunk', 10],
    ['a file that breaks off', `${entries(numbers(0, 9))}\nn-9,person,"Zorb`, 'list_unreadable', 0],
    ['a page that says sorry', '<html><body>502</body></html>', 'list_unreadable', 0],
    ['an empty list', HEADER, 'list_unreadable', 0],
  ])('%s', async (_title, file, code, removedCount) => {
    const listId = await newList();
    const first = await send(listId, { file: entries(numbers(0, 10)) });
    expect(await send(listId, { file })).toMatchObject({ status: 422, body: { code } });
    const refused = await newestVersion(listId);
    expect(refused).toMatchObject({ status: 'refused', removedCount });
    expect(await activeOf(listId)).toMatchObject({ id: first.body.id });
    expect((await screenName('Zorblatt Q9x')).body.result).toBe('alert');
    const [row] = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, refused?.id ?? ''));
    expect(row).toMatchObject({ eventType: 'list_version.refused', class: 'restricted' });
  });

  test('a list may lose a fifth, once a second person agreed', async () => {
    const listId = await newList();
    await send(listId, { file: entries(numbers(0, 10)) });
    expect((await send(listId, { file: entries(numbers(0, 8)) })).status).toBe(202);
  });
});

describe('refuses', () => {
  test('the wrong files, an unknown list and a name that is taken', async () => {
    const listId = await newList('un_consolidated');
    const file = 'anything';
    expect((await send(listId, { primary: file })).body.code).toBe('list_files_missing');
    expect((await send(listId, { file, aliases: file })).body.code).toBe('list_files_missing');
    expect((await send(newId(), { file })).status).toBe(404);
    const body = { kind: 'own', name: 'Taken' };
    expect((await desk.call(desk.officer, 'POST', '/v1/aml/lists', body)).status).toBe(201);
    expect((await desk.call(desk.officer, 'POST', '/v1/aml/lists', body)).body.code).toBe('list_exists');
  });
});

test('reconcile finds an active version that lost an entry', async () => {
  const listId = await newList();
  const { body: version } = await send(listId, { file: entries(numbers(0, 3)) });
  const { engine } = desk.deps.db;
  const inVersion = eq(listVersionEntities.versionId, version.id);
  const [row] = await engine.select().from(listVersionEntities).where(inVersion).limit(1);
  const entityId = row?.entityId ?? '';
  await engine.execute(
    sql`delete from list_version_entities where version_id = ${version.id} and entity_id = ${entityId}`,
  );
  expect(await desk.breaks()).toEqual([
    `aml.active_versions_are_whole: list ${listId} its active version is active and holds 2 of 3 entries`,
  ]);
  await engine.insert(listVersionEntities).values({ versionId: version.id, entityId });
});
