import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type Id, newId } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  INNOCENT,
  LIST_ROWS,
  LISTED,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { openAlert } from '../alerts/open-alert.ts';
import { rescreen } from '../rescreening/rescreen.ts';
import { rescreeningResults, rescreeningRuns, screeningListSets } from '../rescreening/schema.ts';
import { amlAlerts } from '../schema.ts';

const REASON = { reason: 'Another birth date and another nationality' };

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  mlro = await desk.newPerson(INNOCENT, 'mlro');
  await desk.loadList(LIST_ROWS);
  // Somebody was screened, so that there is a set of lists.
  await desk.apply(await desk.newPerson());
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

const nil = (runId: Id) => desk.call(desk.officer, 'POST', '/v1/aml/sanctions-notices', { runId });

const vote = (by: Person, id: string) => desk.call(by, 'POST', `/v1/approvals/${id}/approve`, REASON);

/** A run as it is stored, which found none of these people. */
async function quietRun(
  people: readonly Person[],
  more: Partial<typeof rescreeningRuns.$inferInsert> = {},
): Promise<{ readonly id: Id }> {
  const at = desk.deps.clock.now();
  const [set] = await desk.deps.db.engine.select().from(screeningListSets).limit(1);
  const listSet = set?.hash ?? '';
  const run = { id: newId(), isFull: false, listSet, configHash: 'cd'.repeat(32), total: people.length };
  await desk.deps.db.engine.insert(rescreeningRuns).values({
    ...run,
    cause: 'list_change',
    status: 'done',
    requestedBy: 'system',
    startedAt: at,
    movedAt: at,
    finishedAt: at,
    ...more,
  });
  await desk.deps.db.engine.insert(rescreeningResults).values(
    people.map(({ userId }) => ({
      runId: run.id,
      userId,
      listSet,
      outcome: 'clear',
      isDelta: true,
      entities: 1,
      subjectDigest: new Uint8Array(32),
      at,
    })),
  );
  return run;
}

/** An alert on somebody who has the name on the list. */
async function listed() {
  const person = await desk.newPerson(LISTED);
  await desk.apply(person);
  const alerts = await desk.deps.db.engine.select().from(amlAlerts);
  const alert = alerts.find(({ userId }) => userId === person.userId);
  return { person, alertId: alert?.id as Id };
}

const resolve = (id: Id, disposition: string) =>
  desk.call(desk.officer, 'POST', `/v1/aml/alerts/${id}/resolve`, { disposition, ...REASON });

test('a nil report of a run that found nobody says how many people it looked at, against which lists, once', async () => {
  const delta = await quietRun([await desk.newPerson(), await desk.newPerson(), await desk.newPerson()]);
  const answer = await nil(delta.id);
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({ kind: 'nil', status: 'drafted', caseId: null, runId: delta.id });
  expect(answer.body.figures).toMatchObject({ people: 3, found: 0, notCleared: 0 });
  expect(Object.keys(answer.body.figures.listVersions)).toHaveLength(1);
  expect((await nil(delta.id)).body.code).toBe('nil_report_exists');
  const sent = { reference: newId(), sentAt: desk.deps.clock.now() };
  const path = `/v1/aml/sanctions-notices/${answer.body.id}/send`;
  expect((await desk.call(desk.officer, 'POST', path, sent)).body.status).toBe('sent');
});

test('a nil report is not written of a run that goes on, or that found somebody who is not known to be another', async () => {
  const { alertId } = await listed();
  await rescreen(desk.system);
  const { body: started } = await desk.call(desk.officer, 'POST', '/v1/aml/rescreenings');
  expect((await nil(started.id)).body.code).toBe('run_not_finished');
  await rescreen(desk.system);
  expect((await nil(started.id)).body.code).toBe('run_found_matches');
  expect((await nil(newId())).status).toBe(404);
  const asked = await resolve(alertId, 'false_positive');
  expect((await vote(desk.officer2, asked.body.approval.id)).status).toBe(200);
});

test('a nil report is not written of a run over those who were behind for a cause of their own', async () => {
  const people = [await desk.newPerson()];
  for (const cause of ['catch_up', 'config_change', 'manual']) {
    const { id } = await quietRun(people, { cause });
    expect((await nil(id)).body.code).toBe('run_not_over_everybody');
  }
  const { id } = await quietRun(people, { cause: 'manual', isFull: true });
  expect((await nil(id)).status).toBe(201);
});

test('a nil report is not written while somebody of the run could not be compared', async () => {
  const person = await desk.newPerson();
  const found = {
    kind: 'screening_error',
    dedupKey: 'screen:error',
    severity: 'high',
    effect: 'stop',
  } as const;
  const alert = await transact(desk.system, 'engine', (tx) =>
    openAlert(tx, desk.system, { userId: person.userId, ...found }),
  );
  const { id } = await quietRun([person, await desk.newPerson()]);
  expect((await nil(id)).body.code).toBe('run_found_matches');
  const asked = await resolve(alert.id, 'false_positive');
  await vote(desk.officer2, asked.body.approval.id);
  expect((await nil(id)).status).toBe(201);
});

test('a nil report is not written while anybody is confirmed, whether or not the run looked at them', async () => {
  const { person, alertId } = await listed();
  const confirmed = await resolve(alertId, 'true_match');
  const { id } = await quietRun([await desk.newPerson()]);
  expect((await nil(id)).body.code).toBe('run_found_matches');
  await desk.call(desk.officer2, 'POST', `/v1/approvals/${confirmed.body.closeApprovalId}/reject`, REASON);
  const lift = await desk.call(desk.officer, 'POST', `/v1/aml/customers/${person.userId}/lift`, REASON);
  await vote(desk.officer2, lift.body.approval.id);
  expect((await vote(mlro, lift.body.approval.id)).status).toBe(200);
  expect((await nil(id)).status).toBe(201);
});
