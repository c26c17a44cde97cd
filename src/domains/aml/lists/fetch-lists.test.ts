import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, asc, eq } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { runJob } from '../../../platform/jobs/jobs.ts';
import { type ComplianceDesk, type Person, startComplianceDesk } from '../../../testing/compliance-desk.ts';
import { screeningLists } from '../schema.ts';
import { fetchLists } from './fetch-lists.ts';
import type { ListFormat, ListKind } from './parse-list.ts';
import { listFetches } from './schema.ts';
import { type ListServer, startListServer } from './testing/list-server.ts';
import { SAMPLES } from './testing/samples.ts';

const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
const HOUR_MS = 3_600_000;
const JOB = { name: 'aml.fetch-lists', cron: '*/10 * * * *', run: fetchLists };

let desk: ComplianceDesk;
let mlro: Person;
let publisher: ListServer;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  mlro = await desk.newPerson(undefined, 'mlro');
});

beforeEach(() => {
  publisher = startListServer();
});

afterEach(() => publisher.stop());

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** A list that is fetched from the publisher of this test alone; lists of tests before are not asked again. */
async function fetched(
  kind: ListKind = 'own',
  format: ListFormat = 'own_csv',
  parts: readonly string[] = ['file'],
  change: object = {},
): Promise<string> {
  const { engine } = desk.deps.db;
  await engine.update(screeningLists).set({ nextFetchAt: null });
  const made = await desk.call(desk.officer, 'POST', '/v1/aml/lists', { kind, name: newId(), format });
  const sourceUrls = Object.fromEntries(parts.map((part) => [part, publisher.url(part)]));
  const body = { sourceUrls, fetchMinutes: 60, ...change };
  const asked = await desk.call(desk.officer, 'PATCH', `/v1/aml/lists/${made.body.id}`, body);
  const path = `/v1/approvals/${asked.body.approval.id}/approve`;
  expect((await desk.call(mlro, 'POST', path, { reason: 'The publisher' })).status).toBe(200);
  return made.body.id;
}

function own(from: number, to: number): string {
  const rows = Array.from(
    { length: to - from },
    (_unused, at) => `n-${from + at},person,Vexley W${from + at}x,,,,,,`,
  );
  return [HEADER, ...rows].join('\n');
}

const run = () => runJob(desk.deps, JOB);

/** Lets the list come due again. */
async function runLater(): Promise<void> {
  desk.advance(HOUR_MS);
  await run();
}

async function attemptsOf(listId: string) {
  const rows = await desk.deps.db.engine
    .select()
    .from(listFetches)
    .where(eq(listFetches.listId, listId))
    .orderBy(asc(listFetches.id));
  return rows.map((row) => (row.detail === null ? row.outcome : `${row.outcome} ${row.detail}`));
}

async function listOf(listId: string) {
  const { body } = await desk.call(desk.officer, 'GET', '/v1/aml/lists');
  return body.data.find((list: { id: string }) => list.id === listId);
}

async function alarmsOf(listId: string): Promise<number> {
  const { engine } = desk.deps.db;
  const stale = and(eq(auditLogs.eventType, 'screening_list.stale'), eq(auditLogs.resourceId, listId));
  return (await engine.select().from(auditLogs).where(stale)).length;
}

describe('a list at its publisher', () => {
  test('is fetched when it is due, screens, and is not taken twice', async () => {
    publisher.serve('file', { text: own(0, 10) });
    const listId = await fetched();
    await run();
    expect(await listOf(listId)).toMatchObject({
      lastFetchOutcome: 'activated',
      activeVersion: {
        status: 'active',
        source: 'fetch',
        entityCount: 10,
        sourceUrls: { file: publisher.url('file') },
      },
    });
    const hit = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', {
      subject: { name: 'Vexley W7x' },
    });
    expect(hit.body.result).toBe('alert');
    await run();
    expect(await attemptsOf(listId)).toEqual(['activated']);
    await runLater();
    expect(publisher.seen).toHaveLength(2);
    expect(publisher.seen[1]?.toLowerCase()).toContain('if-none-match');
    expect(await attemptsOf(listId)).toEqual(['activated', 'unchanged']);
  });

  test('may take names off it, since that is its to say', async () => {
    publisher.serve('file', { text: own(0, 10) });
    const listId = await fetched();
    await run();
    publisher.serve('file', { text: own(1, 11) });
    await runLater();
    expect((await listOf(listId)).activeVersion).toMatchObject({
      addedCount: 1,
      removedCount: 1,
      status: 'active',
    });
  });

  test('is asked at once when an officer wants it', async () => {
    publisher.serve('file', { text: own(0, 10) });
    const listId = await fetched();
    await run();
    publisher.serve('file', { text: own(0, 11) });
    expect((await desk.call(desk.officer, 'POST', `/v1/aml/lists/${listId}/fetch`)).status).toBe(202);
    await run();
    expect((await listOf(listId)).activeVersion.entityCount).toBe(11);
    const { body } = await desk.call(mlro, 'GET', `/v1/aml/lists/${listId}/fetches`);
    expect(body.data.map((fetch: { outcome: string }) => fetch.outcome)).toEqual(['activated', 'activated']);
  });

  test('in three parts is fetched whole', async () => {
    for (const [part, text] of Object.entries(SAMPLES.ofac_csv)) {
      publisher.serve(part, { text });
    }
    const listId = await fetched('ofac_sdn', 'ofac_csv', ['primary', 'aliases', 'addresses']);
    await run();
    expect((await listOf(listId)).activeVersion).toMatchObject({
      entityCount: 3,
      parserVersion: 'ofac_csv/2',
    });
  });

  test('is fetched by one node where two want to', async () => {
    publisher.serve('file', { text: own(0, 10) });
    const listId = await fetched();
    await Promise.all([run(), run()]);
    expect(publisher.seen).toHaveLength(1);
    expect(await attemptsOf(listId)).toEqual(['activated']);
  });
});

describe('what a publisher must not be believed', () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  test.each([
    ['an apology', { text: '<html>sorry</html>' }, 'refused list_unreadable'],
    ['an empty file', { text: '' }, 'refused list_unreadable'],
    ['a list that lost too much', { text: own(0, 7) }, 'refused list_shrunk'],
    ['a file that is cut off', { raw: `${head}Content-Length: 9999\r\n\r\n${own(0, 10)}` }, 'failed broken'],
    ['a file too long', { raw: `${head}Content-Length: 999999999\r\n\r\n` }, 'failed too_large'],
    ['an error', { raw: 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n' }, 'failed status'],
    [
      'a way into the network',
      { raw: 'HTTP/1.1 302 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n' },
      'failed refused_address',
    ],
    [
      'a bomb',
      {
        raw: Buffer.concat([
          Buffer.from(`${head}Content-Encoding: gzip\r\nContent-Length: 40\r\n\r\n`),
          Buffer.alloc(40),
        ]),
      },
      'failed encoded',
    ],
  ])('%s', async (_title, served, outcome) => {
    publisher.serve('file', { text: own(0, 10) });
    const listId = await fetched();
    await run();
    const before = (await listOf(listId)).activeVersion;
    publisher.serve('file', served);
    await runLater();
    const [, second] = await attemptsOf(listId);
    expect(second).toBe(outcome);
    expect((await listOf(listId)).activeVersion).toEqual(before);
    const hit = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', {
      subject: { name: 'Vexley W9x' },
    });
    expect(hit.body.result).toBe('alert');
  });

  test.each([
    ['other names', 'Quindle Ashgrove', ''],
    ['numbers', '', 'passport:ZZ900100'],
  ])('that nobody has any %s, with every entry in its place', async (_title, alias, identifier) => {
    const mark = newId().slice(-6);
    const rows = (many: boolean) =>
      [
        `${HEADER},identifiers`,
        ...Array.from(
          { length: 10 },
          (_unused, at) =>
            `k-${at},person,Morwenna ${mark}${at},${many && alias !== '' ? `${alias} ${mark}${at}` : ''},,,,,,${many && identifier !== '' ? `${identifier}${at}` : ''}`,
        ),
      ].join('\n');
    publisher.serve('file', { text: rows(true) });
    const listId = await fetched();
    await run();
    const before = (await listOf(listId)).activeVersion;
    expect(before).toMatchObject({
      entityCount: 10,
      nameCount: alias === '' ? 10 : 20,
      identifierCount: identifier === '' ? 0 : 10,
      unreadableCount: 0,
    });
    publisher.serve('file', { text: rows(false) });
    await runLater();
    expect(await attemptsOf(listId)).toEqual(['activated', 'refused list_shrunk']);
    expect((await listOf(listId)).activeVersion).toEqual(before);
  });

  test('the same again: it is refused each time, kept once and calls nobody twice', async () => {
    publisher.serve('file', { text: own(0, 10) });
    const listId = await fetched();
    await run();
    for (const text of [own(0, 7), '<html>sorry</html>']) {
      publisher.serve('file', { text });
      await runLater();
      await runLater();
    }
    expect((await attemptsOf(listId)).map((outcome) => outcome.split(' ')[0])).toEqual([
      'activated',
      'refused',
      'refused',
      'refused',
      'refused',
    ]);
    const { body } = await desk.call(mlro, 'GET', `/v1/aml/lists/${listId}/versions`);
    expect(body.data.map(({ status }: { status: string }) => status)).toEqual([
      'refused',
      'refused',
      'active',
    ]);
  });

  test('that nothing changed, before anything was had from it', async () => {
    publisher.serve('file', { raw: 'HTTP/1.1 304 Not Modified\r\n\r\n' });
    const listId = await fetched();
    await run();
    expect(await attemptsOf(listId)).toEqual(['failed status']);
  });

  test('that it is there, after three times without: an alarm, once, and none for the next list', async () => {
    const listId = await fetched();
    for (const _turn of [1, 2, 3, 4]) {
      await runLater();
    }
    expect(await attemptsOf(listId)).toEqual([
      'failed status',
      'failed status',
      'failed status',
      'failed status',
    ]);
    expect(await alarmsOf(listId)).toBe(1);
    expect((await listOf(listId)).failedFetches).toBe(4);
  });

  test('that it is current, if it was not confirmed for too long: an alarm a day', async () => {
    publisher.serve('file', { text: own(0, 10) });
    const listId = await fetched('own', 'own_csv', ['file'], { staleAfterHours: 6 });
    await run();
    await desk.deps.db.engine
      .update(screeningLists)
      .set({ nextFetchAt: null })
      .where(eq(screeningLists.id, listId));
    for (const hours of [5, 2, 12, 14]) {
      desk.advance(hours * HOUR_MS);
      await run();
      await run();
    }
    expect(await alarmsOf(listId)).toBe(2);
  });
});
