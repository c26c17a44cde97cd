import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import {
  type ComplianceDesk,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { screeningStandings } from './schema.ts';

const DAY_MS = 86_400_000;

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function standingOf({ userId }: Person) {
  const [row] = await desk.deps.db.engine
    .select()
    .from(screeningStandings)
    .where(eq(screeningStandings.userId, userId));
  if (row === undefined) {
    throw new Error('the person was screened');
  }
  return row;
}

test('a risk that rises brings forward when somebody is screened by themselves, and one that falls does not put it off', async () => {
  const person = await desk.newPerson();
  const { userId } = person;
  await desk.apply(person);
  const before = await standingOf(person);
  expect(before.nextDueAt).toBe(addMs(before.checkedAt, 30 * DAY_MS));
  const told = { type: 'aml.suspicion_recorded', userId, customerVisible: false, data: { caseId: newId() } };
  await transact(desk.system, 'engine', (tx) => publish(tx, desk.system, [told]));
  await desk.settle();
  const after = await standingOf(person);
  expect(after).toMatchObject({
    checkedAt: before.checkedAt,
    nextDueAt: addMs(before.checkedAt, DAY_MS),
    version: before.version + 1,
  });
  await transact(desk.system, 'engine', (tx) =>
    publish(tx, desk.system, [
      { type: 'kyc.risk_changed', userId, customerVisible: false, data: { level: 'low' } },
    ]),
  );
  await desk.settle();
  expect(await standingOf(person)).toEqual(after);
});
