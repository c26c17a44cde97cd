import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { type ComplianceDesk, startComplianceDesk } from '../../../testing/compliance-desk.ts';
import { screeningConfigDefault } from '../config.ts';
import { createList, importList } from '../index.ts';
import { screeningMatches, screenings } from '../schema.ts';

const WALLET = '1BoatSLRHtKNngkdXEeobR76b53LETtpyT';

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  const list = await createList(desk.system, { kind: 'own', name: 'Fictional' });
  const header =
    'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks,identifiers,crypto_addresses';
  const rows = [
    'b-1,person,Balthazar Ferrington,,1961-02-28,,male,TEST,,passport:AB1234567,',
    `b-2,organisation,Obsidian Lantern Holdings,,,,,TEST,,,xbt:${WALLET}`,
  ];
  await importList(desk.system, list.id, { file: Buffer.from([header, ...rows].join('\n')) });
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function batch(subjects: readonly object[]) {
  const body = { subjects: subjects.map((subject, at) => ({ reference: `row-${at}`, subject })) };
  return desk.call(desk.officer, 'POST', '/v1/aml/screenings/batch', body);
}

describe('a batch', () => {
  test('answers each subject in order and keeps each as evidence with its own audit row', async () => {
    const before = (await desk.deps.db.engine.select().from(screenings)).length;
    const { status, body } = await batch([
      { name: 'Anjali Ramgoolam' },
      { name: 'Balthasar Ferrington', birthDate: '1961' },
      { name: '...' },
      { name: 'Nobody Whatsoever', names: ['Balthazar Ferrington'] },
    ]);
    expect(status).toBe(200);
    expect(body.results).toMatchObject([
      { reference: 'row-0', result: 'clear', matches: [], refusal: null },
      { reference: 'row-1', result: 'alert', matches: [{ sourceId: 'b-1' }] },
      { reference: 'row-2', result: 'error', refusal: 'name_empty', matches: [] },
      { reference: 'row-3', result: 'alert', matches: [{ sourceId: 'b-1' }] },
    ]);
    const kept = await desk.deps.db.engine.select().from(screenings);
    expect(kept.length).toBe(before + 4);
    for (const { screeningId } of body.results) {
      const rows = await desk.deps.db.engine
        .select()
        .from(auditLogs)
        .where(eq(auditLogs.resourceId, screeningId));
      expect(rows.map((row) => row.eventType)).toEqual(['screening.completed']);
    }
    const [match] = await desk.deps.db.engine
      .select()
      .from(screeningMatches)
      .where(eq(screeningMatches.screeningId, body.results[1].screeningId));
    expect(match?.matchedName).toBe('Balthazar Ferrington');
  });

  test('finds who shares a document number or a wallet, whatever the name says', async () => {
    const { body } = await batch([
      { name: 'Somebody Else', identifiers: [{ type: 'passport', number: 'ab 1234567' }] },
      { name: 'Somebody Else', cryptoAddresses: [{ chain: 'xbt', address: WALLET }] },
      { name: 'Somebody Else', cryptoAddresses: [{ address: WALLET.toLowerCase() }] },
    ]);
    expect(body.results).toMatchObject([
      { result: 'alert', matches: [{ sourceId: 'b-1' }] },
      { result: 'alert', matches: [{ sourceId: 'b-2' }] },
      { result: 'clear', matches: [] },
    ]);
  });

  test('takes a thousand subjects and no more, and refuses what is no batch', async () => {
    expect((await batch(Array.from({ length: 1_001 }, () => ({ name: 'A B' })))).status).toBe(422);
    expect((await batch([])).status).toBe(422);
    expect((await batch([{ name: 'x'.repeat(1_001) }])).status).toBe(422);
    const many = await batch(Array.from({ length: 1_000 }, (_, at) => ({ name: `Person Number ${at}` })));
    expect(many.body.results).toHaveLength(1_000);
  }, 120_000);

  test('answers hostile names: letters alone, emoji, controls, mixed scripts, hundreds of words', async () => {
    const names = [
      'A',
      '😀😀',
      'Ali\u202E\u0007Hassan',
      'Иван Petrov محمد',
      'Muhammad '.repeat(30),
      'x'.repeat(900),
      'a '.repeat(400),
      '﷽',
    ];
    const { status, body } = await batch(names.map((name) => ({ name })));
    expect(status).toBe(200);
    for (const name of ['Ali\u0000Hassan', '\uD800']) {
      expect((await batch([{ name }])).status).toBe(422);
    }
    expect(body.results).toHaveLength(names.length);
    for (const { result, refusal } of body.results) {
      expect(result === 'error').toBe(refusal !== null);
    }
  });
});

describe('how names are weighed', () => {
  function draft(change: object) {
    return desk.call(desk.officer, 'POST', '/v1/aml/screening-configs', {
      content: { ...screeningConfigDefault, version: `draft ${newId()}`, ...change },
      reason: 'Fewer homonyms',
    });
  }

  test('changes when an MLRO agrees to a draft that was simulated, and stays readable by its hash', async () => {
    const customer = await desk.newPerson();
    await desk.apply(customer);
    const mlro = await desk.newPerson(undefined, 'mlro');
    const drafted = await draft({ threshold: 0.75 });
    expect(drafted).toMatchObject({ status: 201, body: { status: 'draft', simulation: null } });
    const path = `/v1/aml/screening-configs/${drafted.body.id}`;
    expect(await desk.call(desk.officer, 'POST', `${path}/activate`, { reason: 'Ready' })).toMatchObject({
      status: 409,
      body: { code: 'simulation_missing' },
    });
    const { body: simulated } = await desk.call(desk.officer, 'POST', `${path}/simulate`);
    expect(simulated.simulation).toMatchObject({ clearToAlert: 0, alertToClear: 0 });
    expect(simulated.simulation.subjects).toBeGreaterThan(0);
    const asked = await desk.call(desk.officer, 'POST', `${path}/activate`, { reason: 'Ready' });
    expect(asked.status).toBe(202);
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(desk.officer2, 'POST', vote, { reason: 'Agreed' })).status).toBe(403);
    expect((await desk.call(mlro, 'POST', vote, { reason: 'Agreed' })).status).toBe(200);
    const { body } = await batch([{ name: 'Anjali Ramgoolam' }]);
    const { body: kept } = await desk.call(
      desk.officer,
      'GET',
      `/v1/aml/screenings/${body.results[0].screeningId}`,
    );
    expect(kept.configHash).toBe(drafted.body.contentHash);
    const { body: configs } = await desk.call(desk.officer, 'GET', '/v1/aml/screening-configs');
    const active = configs.data.filter(({ status }: { status: string }) => status === 'active');
    expect(active).toMatchObject([{ id: drafted.body.id, content: { threshold: 0.75 } }]);
    expect(await desk.call(desk.officer, 'POST', `${path}/simulate`)).toMatchObject({
      status: 409,
      body: { code: 'config_not_draft' },
    });
  });

  test('is no draft where it would alert on everybody or on nobody, or changes nothing', async () => {
    expect((await draft({ threshold: 0.2 })).status).toBe(422);
    expect((await draft({ threshold: 1 })).status).toBe(422);
    expect((await draft({ more: true })).status).toBe(422);
  });

  test('cannot be changed once it was decided, or be made active by one, in the database itself', async () => {
    const { body } = await draft({ matchesMax: 49 });
    const set = (sqlText: string) =>
      desk.deps.db.engine.execute(`update screening_configs set ${sqlText} where id = '${body.id}'`).then(
        () => 'done',
        (error: { code?: string; cause?: { code?: string } }) => error.cause?.code ?? error.code,
      );
    expect(await set("status = 'active'")).toBe('PL032');
    expect(await set("status = 'retired'")).toBe('PL032');
    expect(await set("content = '{}'")).toBe('42501');
  });
});
