import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq, inArray } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Ciphertext } from '../../../platform/db/columns.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import {
  type ComplianceDesk,
  declarationOf,
  INNOCENT,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { kycApplications } from '../schema.ts';
import { RELEASED_MATRIX, type RiskMatrix } from './matrix.ts';
import { rerate } from './rerate.ts';
import {
  kycRiskMatrices,
  kycRiskRatings,
  kycRiskSignals,
  kycRiskSimulations,
  kycStandings,
} from './schema.ts';
import { digestAfter, runSimulations } from './simulate.ts';
import { ratingOf } from './standing.ts';

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
  mlro = await desk.newPerson(INNOCENT, 'mlro');
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function applicant(declared: object = {}): Promise<Person> {
  const person = await desk.newPerson();
  const path = await desk.draft(person, declared);
  for (const type of ['source_of_funds', 'source_of_wealth']) {
    expect((await desk.call(person, 'POST', `${path}/documents`, upload({ type }))).status).toBe(201);
  }
  expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
  await desk.settle();
  return person;
}

async function standingOf({ userId }: Person) {
  const rows = await desk.deps.db.engine.select().from(kycStandings).where(eq(kycStandings.userId, userId));
  return rows[0];
}

async function ratingsOf({ userId }: Person) {
  return desk.deps.db.engine
    .select()
    .from(kycRiskRatings)
    .where(eq(kycRiskRatings.userId, userId))
    .orderBy(asc(kycRiskRatings.id));
}

async function tell(person: Person, type: string, data: object): Promise<void> {
  await transact(desk.system, 'engine', (tx) =>
    publish(tx, desk.system, [{ type, userId: person.userId, customerVisible: false, data }]),
  );
  await desk.settle();
}

async function draft(change: (matrix: RiskMatrix) => void): Promise<string> {
  const content = structuredClone(RELEASED_MATRIX);
  change(content);
  const answer = await desk.call(desk.officer, 'POST', '/v1/kyc/risk-matrices', {
    content,
    reason: 'A trial of the test',
  });
  expect(answer.status).toBe(201);
  return `/v1/kyc/risk-matrices/${answer.body.id}`;
}

async function simulate(path: string) {
  const started = await desk.call(desk.officer, 'POST', `${path}/simulate`);
  expect(started).toMatchObject({ status: 202, body: { status: 'running' } });
  await runSimulations(desk.system);
  const { body } = await desk.call(desk.officer, 'GET', `/v1/kyc/risk-simulations/${started.body.id}`);
  return body;
}

async function agree(approval: { readonly id: string }, by: Person) {
  return desk.call(by, 'POST', `/v1/approvals/${approval.id}/approve`, { reason: 'Read the simulation' });
}

describe('a rating', () => {
  test('is made when an application is handed in, and says what it was made from', async () => {
    const person = await applicant({ occupation: 'Casino owner', politicallyExposed: true });
    expect(await standingOf(person)).toMatchObject({
      level: 'high',
      score: 70,
      eddRequired: true,
      politicallyExposed: true,
    });
    const { body } = await desk.call(desk.officer, 'GET', `/v1/kyc/ratings?userId=${person.userId}`);
    expect(body.data).toMatchObject([
      { cause: 'application', score: 70, facts: { occupation: ['gambling'], pep: ['declared'] } },
    ]);
  });

  test('is shown to nobody it is about, nor to anybody without the role', async () => {
    const person = await applicant();
    const path = `/v1/kyc/ratings?userId=${person.userId}`;
    expect((await desk.call(person, 'GET', path)).status).toBe(403);
    const support = await desk.newPerson(INNOCENT, 'support');
    expect((await desk.call(support, 'GET', path)).status).toBe(403);
    for (const own of ['/v1/me', '/v1/kyc/applications']) {
      const text = JSON.stringify((await desk.call(person, 'GET', own)).body);
      expect(text).not.toMatch(/risk_?rating|"score"|eddRequired/i);
    }
  });

  test('names no country or occupation in the clear', async () => {
    const person = await applicant({ nationality: 'SOM', occupation: 'Casino owner' });
    const rows = await desk.deps.db.engine.execute<{ text: string }>(
      `select row_to_json(r)::text as text from kyc_risk_ratings r where user_id = '${person.userId}'`,
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.map(({ text }) => text).join()).not.toMatch(/SOM|gambling|asino/);
  });

  test('is made anew when an alert says something, once for each event, and not for a mistake', async () => {
    const person = await applicant();
    await tell(person, 'aml.alert_closed', {
      kind: 'monitoring',
      disposition: 'false_positive',
      points: 500,
    });
    expect(await ratingsOf(person)).toHaveLength(1);
    await tell(person, 'aml.alert_closed', { kind: 'monitoring', disposition: 'inconclusive', points: 60 });
    await tell(person, 'aml.pep_found', { alertId: newId() });
    expect(await standingOf(person)).toMatchObject({ score: 75, level: 'high', politicallyExposed: true });
    const causes = (await ratingsOf(person)).map(({ cause }) => cause);
    expect(causes).toEqual(['application', 'signal', 'signal']);
    const signals = await desk.deps.db.engine
      .select()
      .from(kycRiskSignals)
      .where(eq(kycRiskSignals.userId, person.userId));
    expect(signals.map(({ kind, points }) => `${kind} ${points}`).sort()).toEqual([
      'behaviour 60',
      'pep_found 0',
    ]);
  });

  test('that says what the last one said is not written again', async () => {
    const person = await applicant();
    await tell(person, 'identity.profile_changed', { members: ['address'] });
    expect(await ratingsOf(person)).toHaveLength(1);
  });

  test('can be held higher by one, and is let go by two', async () => {
    const person = await applicant();
    const raise = { userId: person.userId, score: 80, reason: 'Adverse press' };
    expect(await desk.call(desk.officer, 'POST', '/v1/kyc/ratings', raise)).toMatchObject({
      status: 201,
      body: { score: 80, level: 'high', cause: 'raised', raisedTo: 80 },
    });
    expect(
      (await desk.call(desk.officer, 'POST', '/v1/kyc/ratings', { ...raise, score: 80 })).body.code,
    ).toBe('rating_not_higher');
    const lower = { userId: person.userId, reason: 'A namesake' };
    const asked = await desk.call(desk.officer, 'POST', '/v1/kyc/ratings/lower', lower);
    expect(asked.status).toBe(202);
    expect(await standingOf(person)).toMatchObject({ score: 80 });
    expect((await agree(asked.body.approval, desk.officer)).body.code).toBe('self_approval');
    expect((await agree(asked.body.approval, mlro)).status).toBe(200);
    const after = await standingOf(person);
    expect(after?.raisedTo).toBeNull();
    expect(after?.score).toBeLessThan(80);
  });

  test('that was raised is not let go by the engine either', async () => {
    const person = await applicant();
    const raise = { userId: person.userId, score: 80, reason: 'Adverse press' };
    await desk.call(desk.officer, 'POST', '/v1/kyc/ratings', raise);
    const lowering = desk.deps.db.engine
      .update(kycStandings)
      .set({ raisedTo: null })
      .where(eq(kycStandings.userId, person.userId));
    expect(await codeOf(lowering)).toBe('PL032');
  });

  test('of oneself nobody sees or changes', async () => {
    const { userId } = desk.officer;
    const raise = { userId, score: 80, reason: 'Adverse press' };
    expect((await desk.call(desk.officer, 'POST', '/v1/kyc/ratings', raise)).body.code).toBe('self_action');
    expect((await desk.call(desk.officer, 'GET', `/v1/kyc/ratings?userId=${userId}`)).body.code).toBe(
      'self_action',
    );
  });

  test('is unknown, not low, for who was never rated', async () => {
    const person = await desk.newPerson();
    const rating = await transact(desk.system, 'engine', (tx) => ratingOf(tx, person.userId));
    expect(rating).toBeUndefined();
  });

  test('opens a review of a customer whose risk became high, and tells them nothing', async () => {
    const person = await desk.newPerson();
    const path = await desk.apply(person);
    await desk.call(desk.officer, 'POST', `${path}/approve`, { reason: 'Verified against the originals' });
    await desk.settle();
    const before = await desk.gateOf(person);
    await tell(person, 'aml.suspicion_recorded', { caseId: newId() });
    expect(await standingOf(person)).toMatchObject({ level: 'high' });
    expect(await desk.gateOf(person)).toEqual(before);
    const { body } = await desk.call(desk.officer, 'GET', '/v1/kyc/reviews-due?kind=edd&limit=200');
    expect(body.data.filter((review: { userId: Id }) => review.userId === person.userId)).toHaveLength(1);
    const told = await desk.call(person, 'GET', '/v1/events');
    expect(JSON.stringify(told.body)).not.toMatch(/risk|review_opened|suspicion/);
  });
});

describe('what somebody was approved with', () => {
  const RISKY = {
    birthDate: '1961-02-28',
    occupation: 'Casino owner',
    taxResidence: 'AFG',
    address: { street: '12 Royal Road', city: 'Kabul', country: 'AFG' },
  };
  const HARMLESS = {
    birthDate: '1961-02-28',
    occupation: 'Engineer',
    taxResidence: 'MUS',
    address: { street: '12 Royal Road', city: 'Curepipe', country: 'MUS' },
  };

  async function approved(declared: object): Promise<Person> {
    const person = await desk.newPerson();
    const path = await desk.draft(person, declared);
    await handIn(person, path);
    const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, { reason: 'Verified' });
    if (asked.status === 202) {
      expect((await agree(asked.body.approval, mlro)).status).toBe(200);
    }
    await desk.settle();
    expect(await desk.gateOf(person)).toMatchObject({ kycStatus: 'approved' });
    return person;
  }

  async function handIn(person: Person, path: string): Promise<void> {
    for (const type of ['proof_of_address', 'source_of_funds', 'source_of_wealth']) {
      expect((await desk.call(person, 'POST', `${path}/documents`, upload({ type }))).status).toBe(201);
    }
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
  }

  /** An application for more, handed in. */
  async function upgrade(person: Person, declared: object): Promise<string> {
    const declaration = { ...declarationOf(person), ...declared };
    const body = { level: 'standard', declaration };
    const path = `/v1/kyc/applications/${(await desk.call(person, 'POST', '/v1/kyc/applications', body)).body.id}`;
    await desk.call(person, 'POST', `${path}/documents`, upload());
    await desk.certify(person, path);
    await handIn(person, path);
    return path;
  }

  test('still counts beside what waits for a decision, and of each factor the worse of them', async () => {
    const person = await approved(RISKY);
    const before = await standingOf(person);
    await upgrade(person, HARMLESS);
    const facts = (await desk.call(desk.officer, 'GET', `/v1/kyc/ratings?userId=${person.userId}`)).body
      .data[0].facts;
    expect(facts).toMatchObject({
      geography: ['AFG', 'MUS'],
      occupation: expect.arrayContaining(['gambling']),
      product: ['basic', 'standard'],
    });
    expect((await standingOf(person))?.score).toBeGreaterThan(before?.score ?? 100);
  });

  test.each(['withdraw', 'reject'])('is not made harmless by what came to nothing: %s', async (end) => {
    const person = await approved(RISKY);
    const before = await standingOf(person);
    const path = await upgrade(person, HARMLESS);
    const answer =
      end === 'withdraw'
        ? await desk.call(person, 'POST', `${path}/withdraw`)
        : await desk.call(desk.officer, 'POST', `${path}/reject`, { reason: 'Not now' });
    expect(answer.status).toBe(200);
    await desk.settle();
    await tell(person, 'identity.profile_changed', { members: ['phone'] });
    expect(await standingOf(person)).toMatchObject({ score: before?.score, level: before?.level });
  });

  test('is not taken back by editing what was sent back', async () => {
    const exposed = { ...HARMLESS, politicallyExposed: true };
    const person = await approved(exposed);
    expect(await standingOf(person)).toMatchObject({ level: 'high', politicallyExposed: true });
    const path = await upgrade(person, exposed);
    const back = await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, {
      reason: 'Unreadable',
    });
    expect(back.status).toBe(200);
    const { version } = (await desk.call(person, 'GET', path)).body;
    const declaration = { ...declarationOf(person), ...HARMLESS };
    const edited = await desk.request('PATCH', path, {
      token: person.token,
      body: { declaration },
      headers: { 'if-match': `"${version}"` },
    });
    expect(edited.status).toBe(200);
    await tell(person, 'identity.profile_changed', { members: ['phone'] });
    expect(await standingOf(person)).toMatchObject({ level: 'high', politicallyExposed: true });
  });
});

describe('work on many', () => {
  /** Runs something while what one of two was approved with cannot be read, the one who comes first. */
  async function withUnreadable(work: (broken: Person, whole: Person) => Promise<void>): Promise<void> {
    const [broken, whole] = [await applicant(), await applicant()];
    const { engine } = desk.deps.db;
    const of = eq(kycApplications.userId, broken.userId);
    const [application] = await engine.select().from(kycApplications).where(of);
    const declaration = application?.declaration as Ciphertext;
    await engine
      .update(kycApplications)
      .set({ declaration: Buffer.alloc(declaration.length, 1) as unknown as Ciphertext })
      .where(of);
    try {
      await work(broken, whole);
    } finally {
      await engine.update(kycApplications).set({ declaration }).where(of);
    }
  }

  test('rates the others where one cannot be read, and is seen to fail', async () => {
    await withUnreadable(async (broken, whole) => {
      const { engine } = desk.deps.db;
      const old = addMs(desk.deps.clock.now(), -8 * 86_400_000);
      for (const { userId } of [broken, whole]) {
        const signal = { id: newId(), userId, kind: 'behaviour', points: 1, at: old };
        await engine.insert(kycRiskSignals).values(signal);
        await engine.update(kycStandings).set({ ratedAt: old }).where(eq(kycStandings.userId, userId));
      }
      expect(await codeOf(rerate(desk.system))).not.toBe('done');
      expect((await standingOf(broken))?.ratedAt).toBe(old);
      expect((await standingOf(whole))?.ratedAt).not.toBe(old);
    });
  });

  test('tries a matrix on the others where one cannot be read, counts them out, and is seen to fail', async () => {
    const path = await draft((matrix) => {
      matrix.factors.channel.weight = 13;
    });
    await withUnreadable(async () => {
      const started = await desk.call(desk.officer, 'POST', `${path}/simulate`);
      expect(await codeOf(runSimulations(desk.system))).not.toBe('done');
      const tried = await desk.call(desk.officer, 'GET', `/v1/kyc/risk-simulations/${started.body.id}`);
      expect(tried.body).toMatchObject({ status: 'done', done: tried.body.total, counts: { skipped: 1 } });
      const asked = await desk.call(desk.officer, 'POST', `${path}/activate`, { reason: 'All but one' });
      expect(asked.body.approval.payload).toMatchObject({ skipped: 1 });
    });
  });
});

/** In one test: there is one matrix in force for all. */
describe('a matrix', () => {
  test('rates by what two people agreed on after its trial, and exactly as the trial said', async () => {
    const people = [
      await applicant(),
      await applicant({ nationality: 'VEN' }),
      await applicant({ politicallyExposed: true }),
    ];
    const path = await draft((matrix) => {
      matrix.factors.geography.values.MUS = 80;
      matrix.bands.medium = 20;
    });
    const before = await Promise.all(people.map(standingOf));
    const asked = () =>
      desk.call(desk.officer, 'POST', `${path}/activate`, { reason: 'Agreed in the committee' });
    expect((await asked()).body.code).toBe('risk_simulation_missing');

    const simulation = await simulate(path);
    expect(simulation).toMatchObject({ status: 'done', done: simulation.total });
    expect(await Promise.all(people.map(standingOf))).toEqual(before);
    const moved = Object.values(simulation.counts.moves as Record<string, number>);
    expect(moved.reduce((sum, count) => sum + count, 0) + simulation.counts.skipped).toBe(simulation.total);

    const request = await asked();
    expect(request.status).toBe(202);
    expect((await agree(request.body.approval, desk.officer)).body.code).toBe('self_approval');
    expect((await agree(request.body.approval, mlro)).status).toBe(200);
    expect((await desk.call(desk.officer, 'GET', path)).body).toMatchObject({ status: 'active' });

    await rerate(desk.system);
    const standings = await desk.deps.db.engine.select().from(kycStandings).orderBy(asc(kycStandings.userId));
    const digest = standings.reduce(
      (chained, { userId, score, level }) => digestAfter(chained, userId, score, level),
      '',
    );
    expect(digest).toBe(simulation.digest);
    expect((await desk.call(desk.officer, 'GET', path)).body.behind).toBe(0);
    const ratings = await desk.deps.db.engine
      .select()
      .from(kycRiskRatings)
      .where(
        inArray(
          kycRiskRatings.userId,
          people.map(({ userId }) => userId),
        ),
      );
    await rerate(desk.system);
    const again = await desk.deps.db.engine
      .select()
      .from(kycRiskRatings)
      .where(
        inArray(
          kycRiskRatings.userId,
          people.map(({ userId }) => userId),
        ),
      );
    expect(again).toHaveLength(ratings.length);
  });

  test('is not put in force by code alone, and does not change once it is drafted', async () => {
    const path = await draft((matrix) => {
      matrix.factors.channel.weight = 11;
    });
    const id = path.split('/').at(-1) as Id;
    const { staff } = desk.deps.db;
    const only = and(eq(kycRiskMatrices.id, id));
    // The one in force makes way first, so that nothing but the missing agreement is in the way.
    const alone = staff.transaction(async (tx) => {
      const active = eq(kycRiskMatrices.status, 'active');
      await tx.update(kycRiskMatrices).set({ status: 'retired' }).where(active);
      await tx.update(kycRiskMatrices).set({ status: 'active' }).where(only);
    });
    expect(await codeOf(alone)).toBe('PL032');
    expect(await codeOf(staff.update(kycRiskMatrices).set({ reason: 'another' }).where(only))).toBe('42501');
  });

  test('that was tried is not tried twice at once, and goes on where it was stopped', async () => {
    const path = await draft((matrix) => {
      matrix.factors.channel.weight = 12;
    });
    const first = await desk.call(desk.officer, 'POST', `${path}/simulate`);
    expect((await desk.call(desk.officer, 'POST', `${path}/simulate`)).body.code).toBe(
      'risk_simulation_running',
    );
    await Promise.all([runSimulations(desk.system), runSimulations(desk.system)]);
    const [row] = await desk.deps.db.engine
      .select()
      .from(kycRiskSimulations)
      .where(eq(kycRiskSimulations.id, first.body.id));
    expect(row).toMatchObject({ status: 'done' });
    expect(row?.done).toBe(row?.total as number);
  });

  test('that says nothing new is refused, and so is one that makes the unknown harmless', async () => {
    const active = (await desk.call(desk.officer, 'GET', '/v1/kyc/risk-matrices')).body.data.find(
      ({ status }: { status: string }) => status === 'active',
    );
    const same = { content: active.content, reason: 'The same again' };
    expect((await desk.call(desk.officer, 'POST', '/v1/kyc/risk-matrices', same)).body.code).toBe(
      'matrix_unchanged',
    );
    const harmless = structuredClone(RELEASED_MATRIX);
    harmless.factors.geography.unknown = 0;
    const refused = await desk.call(desk.officer, 'POST', '/v1/kyc/risk-matrices', {
      ...same,
      content: harmless,
    });
    expect(refused).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
  });
});

async function codeOf(work: PromiseLike<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (thrown) {
    const { cause } = thrown as { cause?: { code?: string } };
    return cause?.code ?? String(thrown);
  }
}
