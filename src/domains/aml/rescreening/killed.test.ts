/** A run whose process is killed, as by the kernel: nobody is left out, and nobody is judged twice. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { desc, eq, sql } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { createList } from '../create-list.ts';
import { importList } from '../import-list.ts';
import { amlAlerts, screenings } from '../schema.ts';
import { lockedGate } from '../screen.ts';
import { isFreshlyScreened } from './fresh-screening.ts';
import { rescreen } from './rescreen.ts';
import { rescreeningResults, rescreeningRuns } from './schema.ts';
import { startRescreenProcess } from './testing/rescreen-process.ts';

const FIRST = ['Aldous', 'Benedict', 'Caspian', 'Dunstan', 'Everard'];

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** Five people in the order of their ids, which is the order of a run. */
async function people(): Promise<readonly Person[]> {
  const made: Person[] = [];
  for (const firstName of FIRST) {
    const person = await desk.newPerson({ firstName, lastName: 'Winterbourne' });
    await desk.apply(person);
    made.push(person);
  }
  return made;
}

async function list({ firstName, lastName }: Person): Promise<void> {
  const { id } = await createList(desk.system, { kind: 'own', name: newId() });
  const header = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';
  const rows = `${header}\n${newId()},person,${firstName} ${lastName},,1961-02-28,,,TEST,`;
  await importList(desk.system, id, { file: Buffer.from(rows) });
}

/** Kills a process over everybody while it waits for the gate of one of them. */
async function killAt(person: Person): Promise<void> {
  await transact(desk.system, 'engine', async (tx) => {
    await lockedGate(tx, person.userId);
    const running = startRescreenProcess(desk);
    while (!(await somebodyWaits(tx))) {
      if (running.exitCode !== null) {
        throw new Error(`the process ended by itself: ${await new Response(running.stderr).text()}`);
      }
      await Bun.sleep(20);
    }
    running.kill('SIGKILL');
    await running.exited;
    expect(running.signalCode).toBe('SIGKILL');
  });
}

async function somebodyWaits(tx: Tx): Promise<boolean> {
  const [row] = await tx.execute<{ waits: boolean }>(sql`
    select exists (select from pg_locks l join pg_database d on d.oid = l.database
      where not l.granted and d.datname = current_database()) as waits`);
  return row?.waits === true;
}

async function newestRun() {
  const runs = desk.deps.db.engine.select().from(rescreeningRuns);
  const [run] = await runs.orderBy(desc(rescreeningRuns.id)).limit(1);
  return run;
}

function areFresh(all: readonly Person[]): Promise<readonly boolean[]> {
  return Promise.all(
    all.map(({ userId }) =>
      transact(desk.system, 'engine', (tx) => isFreshlyScreened(tx, desk.system, [userId])),
    ),
  );
}

test('a run whose process was killed goes on with those it had not reached, in the same run', async () => {
  const all = await people();
  const [, , listed] = all as [Person, Person, Person];
  await desk.settle();
  await rescreen(desk.system);
  await list(listed);

  await killAt(listed);
  // What the list published joins the run that still goes on.
  await desk.settle();

  const cut = await newestRun();
  expect(cut).toMatchObject({ status: 'running', total: 5, done: 2, hits: 0 });
  expect(await areFresh(all)).toEqual([true, true, false, false, false]);
  expect((await desk.gateOf(listed))?.screening).toBe('clear');

  await rescreen(desk.system);

  expect(await newestRun()).toMatchObject({ id: cut?.id, status: 'done', total: 5, done: 5, hits: 1 });
  expect(await areFresh(all)).toEqual([true, true, true, true, true]);
  expect((await desk.gateOf(listed))?.screening).toBe('open');
  const { engine } = desk.deps.db;
  const looks = await engine
    .select()
    .from(rescreeningResults)
    .where(eq(rescreeningResults.runId, cut?.id ?? newId()))
    .orderBy(rescreeningResults.userId);
  expect(looks.map(({ userId, outcome }) => [userId, outcome])).toEqual(
    all.map(({ userId }) => [userId, userId === listed.userId ? 'screened' : 'clear']),
  );
  const alerts = await engine.select().from(amlAlerts).where(eq(amlAlerts.userId, listed.userId));
  expect(alerts).toMatchObject([{ status: 'open', occurrences: 1 }]);
  // That of the application and that of the run: the killed one left none.
  const kept = await engine.select().from(screenings).where(eq(screenings.userId, listed.userId));
  expect(kept.map(({ result }) => result)).toEqual(['clear', 'alert']);
}, 60_000);
