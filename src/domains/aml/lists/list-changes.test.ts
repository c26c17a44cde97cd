import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { auditLogs, outbox } from '../../../platform/db/schema.ts';
import { type ComplianceDesk, type Person, startComplianceDesk } from '../../../testing/compliance-desk.ts';
import { importList } from '../import-list.ts';
import { amlAlerts, listVersions, screeningLists } from '../schema.ts';
import { listVersionChanges } from './schema.ts';

const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  mlro = await desk.newPerson(undefined, 'mlro');
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function newList(members: object = {}): Promise<string> {
  const body = { kind: 'own', name: newId(), ...members };
  return (await desk.call(desk.officer, 'POST', '/v1/aml/lists', body)).body.id;
}

/** Entries by number; a number with a letter is the same entry, said otherwise. */
function file(...entries: readonly string[]): string {
  const rows = entries.map((entry) => {
    const number = Number.parseInt(entry, 10);
    const name = entry.endsWith('n') ? `Quux N${number}xy` : `Quux Q${number}xy`;
    return `n-${number},person,${name},,,,,,${entry.endsWith('r') ? 'remark' : ''}`;
  });
  return [HEADER, ...rows].join('\n');
}

const TEN = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

function send(listId: string, content: string, person = desk.officer) {
  const form = new FormData();
  form.set('file', new File([content], 'list.csv'));
  return desk.call(person, 'POST', `/v1/aml/lists/${listId}/import`, form);
}

function vote(person: Person, approvalId: string, decision: 'approve' | 'reject' = 'approve') {
  return desk.call(person, 'POST', `/v1/approvals/${approvalId}/${decision}`, { reason: 'Looked at it' });
}

async function activeOf(listId: string) {
  const { body } = await desk.call(desk.officer, 'GET', '/v1/aml/lists');
  return body.data.find((list: { id: string }) => list.id === listId)?.activeVersion;
}

/** What the active version says of these entries: their ids. */
async function namesOf(listId: string): Promise<readonly string[]> {
  const rows = await desk.deps.db.engine.execute<{ source_id: string }>(sql`
    select e.source_id from screening_lists l join list_version_entities v on v.version_id = l.active_version_id
    join list_entities e on e.id = v.entity_id where l.id = ${listId} order by 1`);
  return rows.map((row) => row.source_id.slice(2));
}

async function changesOf(versionId: string) {
  const changes = desk.deps.db.engine.select().from(listVersionChanges);
  const rows = await changes
    .where(eq(listVersionChanges.versionId, versionId))
    .orderBy(asc(listVersionChanges.sourceId));
  return rows.map((row) => `${row.change} ${row.sourceId.slice(2)}${row.screeningChanged ? '' : ' (same)'}`);
}

describe('what an upload brings', () => {
  test('screens at once; what it dropped stays until another person agreed', async () => {
    const listId = await newList();
    await send(listId, file(...TEN));
    const answer = await send(listId, file('1n', '2r', ...TEN.slice(3), '11'));
    expect(answer).toMatchObject({
      status: 202,
      body: {
        active: {
          status: 'active',
          entityCount: 11,
          addedCount: 1,
          changedCount: 2,
          removedCount: 0,
          heldCount: 2,
        },
        waiting: { status: 'importing', entityCount: 10, removedCount: 1, changedCount: 1 },
        approval: { action: 'list_version.activate', status: 'pending' },
      },
    });
    expect(await namesOf(listId)).toEqual(['0', '1', '11', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(await changesOf(answer.body.active.id)).toEqual(['changed 1', 'added 11', 'changed 2 (same)']);
    expect(await changesOf(answer.body.waiting.id)).toEqual(['removed 0', 'changed 1']);
    const screened = (name: string) =>
      desk.call(desk.officer, 'POST', '/v1/aml/screenings', { subject: { name } });
    for (const name of ['Quux Q1xy', 'Quux N1xy', 'Quux Q0xy']) {
      expect((await screened(name)).body.matchCount).toBeGreaterThan(0);
    }

    expect((await vote(desk.officer, answer.body.approval.id)).body.code).toBe('self_approval');
    expect((await vote(desk.officer2, answer.body.approval.id)).status).toBe(200);
    expect(await activeOf(listId)).toMatchObject({
      id: answer.body.waiting.id,
      status: 'active',
      entityCount: 10,
    });
    expect(await namesOf(listId)).not.toContain('0');
  });

  test('that only drops entries changes nothing until then, and nothing if it is turned down', async () => {
    const listId = await newList();
    const { body: first } = await send(listId, file(...TEN));
    const { status, body } = await send(listId, file(...TEN.slice(1)));
    expect([status, body.active, body.waiting.removedCount]).toEqual([202, null, 1]);
    expect((await send(listId, file(...TEN.slice(1)))).body.code).toBe('list_unchanged');
    await vote(mlro, body.approval.id, 'reject');
    expect(await activeOf(listId)).toMatchObject({ id: first.id });
    const again = await send(listId, file(...TEN.slice(1)));
    expect(again.status).toBe(202);
  });

  test('is told to re-screening with what changed', async () => {
    const listId = await newList();
    const { body: version } = await send(listId, file('1', '2'));
    const rows = await desk.deps.db.engine
      .select()
      .from(outbox)
      .where(and(eq(outbox.type, 'aml.list_activated'), sql`data ->> 'versionId' = ${version.id}`));
    expect(rows).toMatchObject([
      { userId: null, customerVisible: false, data: { listId, addedCount: 2, baseVersionId: null } },
    ]);
  });

  test('a decision on a version that was overtaken is refused, and the newer one stays', async () => {
    const listId = await newList();
    await send(listId, file(...TEN));
    const { body: waiting } = await send(listId, file(...TEN.slice(1)));
    const { body: newer } = await send(listId, file(...TEN, '12'));
    const late = await vote(desk.officer2, waiting.approval.id);
    expect(late).toMatchObject({ status: 409, body: { code: 'list_moved_on' } });
    expect(await activeOf(listId)).toMatchObject({ id: newer.id });
  });

  test('by command is added, and what it dropped needs an officer', async () => {
    const listId = await newList();
    const load = (content: string) => importList(desk.system, listId as Id, { file: Buffer.from(content) });
    await load(file(...TEN));
    const next = await load(file(...TEN.slice(1), '10'));
    expect(next).toMatchObject({ status: 'active', heldCount: 1, entityCount: 11, removedCount: 0 });
    expect(await failureOf(load(file(...TEN.slice(1))))).toMatchObject({ code: 'list_unchanged' });
    expect(await namesOf(listId)).toHaveLength(11);
  });
});

describe('a list that lost too much', () => {
  test('is refused with an alarm and an alert, and let through as it was stored by an MLRO alone', async () => {
    const listId = await newList();
    await send(listId, file(...TEN));
    expect((await send(listId, file('0', '1'))).body.code).toBe('list_shrunk');
    const { body: history } = await desk.call(mlro, 'GET', `/v1/aml/lists/${listId}/versions`);
    const [refused, first] = history.data;
    expect([refused.status, refused.refusal, first.status]).toEqual(['refused', 'list_shrunk', 'active']);
    const [alarm] = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, refused.id));
    expect(alarm).toMatchObject({
      eventType: 'list_version.refused',
      severity: 'critical',
      class: 'restricted',
    });
    const [alert] = await desk.deps.db.engine
      .select()
      .from(amlAlerts)
      .where(eq(amlAlerts.dedupKey, `list:${listId}`));
    expect(alert).toMatchObject({ userId: null, kind: 'list', status: 'open' });

    const body = { reason: 'The regime was repealed' };
    const path = (id: string) => `/v1/aml/list-versions/${id}/override`;
    expect((await desk.call(desk.officer, 'POST', path(first.id), body)).body.code).toBe('list_not_refused');
    const asked = await desk.call(desk.officer, 'POST', path(refused.id), body);
    expect(asked.status).toBe(202);
    expect((await vote(desk.officer2, asked.body.approval.id)).status).toBe(403);
    expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
    expect(await namesOf(listId)).toEqual(['0', '1']);
    const { body: page } = await desk.call(
      mlro,
      'GET',
      `/v1/aml/list-versions/${refused.id}/changes?limit=5`,
    );
    expect(page.data.map((change: { sourceId: string }) => change.sourceId)).toEqual([
      'n-2',
      'n-3',
      'n-4',
      'n-5',
      'n-6',
    ]);
    const { body: rest } = await desk.call(
      mlro,
      'GET',
      `/v1/aml/list-versions/${refused.id}/changes?limit=5&cursor=${page.nextCursor}`,
    );
    expect(rest.data.map((change: { change: string }) => change.change)).toEqual([
      'removed',
      'removed',
      'removed',
    ]);
  });

  test('a file that could not be read cannot be let through', async () => {
    const listId = await newList();
    expect((await send(listId, '<html>')).body.code).toBe('list_unreadable');
    const { body: history } = await desk.call(mlro, 'GET', `/v1/aml/lists/${listId}/versions`);
    const path = `/v1/aml/list-versions/${history.data[0].id}/override`;
    expect((await desk.call(desk.officer, 'POST', path, { reason: 'Why not' })).body.code).toBe(
      'list_not_refused',
    );
    expect(
      (await desk.call(desk.officer, 'POST', `/v1/aml/list-versions/${newId()}/override`, { reason: 'x' }))
        .status,
    ).toBe(404);
  });
});

describe('how a list is set up', () => {
  test('is changed by two people, and only from what they saw', async () => {
    const listId = await newList();
    const path = `/v1/aml/lists/${listId}`;
    const change = { maxShrinkBps: 5_000, minEntities: 2, effect: 'review' };
    const asked = await desk.call(desk.officer, 'PATCH', path, change);
    expect(asked).toMatchObject({ status: 202, body: { approval: { action: 'screening_list.change' } } });
    expect((await desk.call(desk.officer2, 'PATCH', path, change)).body.code).toBe('approval_pending_exists');
    expect((await vote(desk.officer, asked.body.approval.id)).body.code).toBe('self_approval');
    expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
    const { body } = await desk.call(desk.officer, 'GET', '/v1/aml/lists');
    const list = body.data.find(({ id }: { id: string }) => id === listId);
    expect(list).toMatchObject({ ...change, version: 2, format: 'own_csv' });
    expect((await send(listId, file('1'))).body.code).toBe('list_too_small');
  });

  test('refuses formats and parts that the kind does not have', async () => {
    const listId = await newList();
    const patch = (body: object) => desk.call(desk.officer, 'PATCH', `/v1/aml/lists/${listId}`, body);
    expect((await patch({ format: 'un_xml' })).body.code).toBe('list_format_unsupported');
    expect((await patch({ sourceUrls: { primary: 'https://lists.example.org/x' } })).body.code).toBe(
      'list_files_missing',
    );
    expect((await patch({ sourceUrls: { file: 'ftp://lists.example.org/x' } })).status).toBe(422);
    expect((await patch({})).status).toBe(422);
    const made = { kind: 'own', name: newId(), format: 'eu_csv' };
    expect((await desk.call(desk.officer, 'POST', '/v1/aml/lists', made)).body.code).toBe(
      'list_format_unsupported',
    );
    expect((await desk.call(desk.officer, 'POST', `/v1/aml/lists/${listId}/fetch`)).body.code).toBe(
      'list_not_fetched',
    );
  });

  test('a list that is retired screens nobody and takes no files', async () => {
    const listId = await newList();
    await send(listId, file('1', '2'));
    const asked = await desk.call(desk.officer, 'PATCH', `/v1/aml/lists/${listId}`, { status: 'retired' });
    expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
    expect(await activeOf(listId)).toBeNull();
    expect((await send(listId, file('1', '3'))).body.code).toBe('list_retired');
  });

  test('a list of offices or reports asks for a look unless told to stop', async () => {
    const { engine } = desk.deps.db;
    for (const [members, effect] of [
      [{ purpose: 'pep' }, 'review'],
      [{ purpose: 'adverse_media' }, 'review'],
      [{ purpose: 'internal' }, 'stop'],
      [{ purpose: 'pep', effect: 'stop' }, 'stop'],
      [{}, 'stop'],
    ] as const) {
      const [list] = await engine
        .select()
        .from(screeningLists)
        .where(eq(screeningLists.id, await newList(members)));
      expect(list).toMatchObject({ purpose: 'sanctions', ...members, effect });
    }
  });
});

test('an entry that is there for an office stops nobody, also on a list that stops', async () => {
  const listId = await newList();
  const rows = [
    `${HEADER},topics`,
    'p-1,person,Osric Fenwhistle,,1961-02-28,,,,,pep',
    'p-2,person,Leofric Marchbank,,1961-02-28,,,,,sanction',
  ];
  await send(listId, rows.join('\n'));
  const seen: unknown[] = [];
  for (const [firstName, lastName] of [
    ['Osric', 'Fenwhistle'],
    ['Leofric', 'Marchbank'],
  ] as const) {
    const person = await desk.newPerson({ firstName, lastName });
    await desk.apply(person);
    const alerts = desk.deps.db.engine.select().from(amlAlerts).where(eq(amlAlerts.userId, person.userId));
    seen.push([(await alerts).map(({ kind }) => kind), (await desk.gateOf(person))?.screening]);
  }
  expect(seen).toEqual([
    [['pep'], 'clear'],
    [['sanctions'], 'open'],
  ]);
});

describe('the database refuses', () => {
  test('a version with removals, another list, a step back and settings that nobody agreed to', async () => {
    const listId = await newList();
    const { body: first } = await send(listId, file(...TEN));
    const { body } = await send(listId, file(...TEN.slice(1)));
    const otherId = await newList();
    const { engine } = desk.deps.db;
    const waiting = body.waiting.id;
    const attempts = [
      sql`with moved as (update list_versions set status = 'active' where id = ${waiting} returning id)
        update screening_lists set active_version_id = (select id from moved) where id = ${listId}`,
      sql`update screening_lists set active_version_id = ${first.id} where id = ${otherId}`,
      sql`update screening_lists set active_version_id = null where id = ${listId}`,
      sql`update screening_lists set max_shrink_bps = 10000 where id = ${listId}`,
      sql`update screening_lists set effect = 'review', change_approval_id = ${body.approval.id} where id = ${listId}`,
      sql`update list_versions set status = 'importing' where id = ${first.id}`,
      sql`update list_versions set removed_count = 0 where id = ${waiting}`,
      sql`update list_version_changes set change = 'added'`,
      sql`delete from list_fetches`,
    ];
    for (const attempt of attempts) {
      const failure = await engine.execute(attempt).then(
        () => 'accepted',
        (error: { cause?: { code?: string } }) => error.cause?.code,
      );
      expect([attempt, failure]).not.toEqual([attempt, 'accepted']);
    }
    await engine
      .transaction(async (tx) => {
        await tx.update(listVersions).set({ status: 'active' }).where(eq(listVersions.id, waiting));
        const lets = tx
          .update(screeningLists)
          .set({ activeVersionId: waiting })
          .where(eq(screeningLists.id, listId));
        expect(await failureOf(lets)).toMatchObject({ cause: { code: 'PL035' } });
      })
      .catch(() => undefined);
    expect(await activeOf(listId)).toMatchObject({ id: first.id });
  });
});

test('the database refuses a fetched version that lost names nobody agreed to lose', async () => {
  const listId = await newList();
  const { body: first } = await send(listId, file(...TEN));
  const { engine } = desk.deps.db;
  const fetched = async (names: number) =>
    engine.transaction(async (tx) => {
      const [base] = await tx.select().from(listVersions).where(eq(listVersions.id, first.id));
      const before = present(base, 'the version was imported');
      const id = newId();
      const counts = { addedCount: 0, changedCount: 10, removedCount: 0, nameCount: names };
      const version = { ...before, ...counts, id, source: 'fetch', baseVersionId: before.id };
      await tx.insert(listVersions).values(version);
      await tx.update(screeningLists).set({ activeVersionId: id }).where(eq(screeningLists.id, listId));
      throw new Error('taken');
    });
  expect(await failureOf(fetched(8))).toMatchObject({ message: 'taken' });
  expect(await failureOf(fetched(7))).toMatchObject({ cause: { code: 'PL035' } });
});

async function failureOf(attempt: PromiseLike<unknown>): Promise<unknown> {
  try {
    await attempt;
    return 'accepted';
  } catch (error) {
    return error;
  }
}
