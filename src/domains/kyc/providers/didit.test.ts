import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import type { Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import {
  type ComplianceDesk,
  declarationOf,
  LIST_ROWS,
  type Person,
  pixel,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { kycReviews } from '../reviews/schema.ts';
import { kycApplications, kycDocuments } from '../schema.ts';
import {
  DIDIT_API_KEY,
  DIDIT_OLD_SECRET,
  DIDIT_SECRET,
  DIDIT_WORKFLOW,
  type DiditSession,
  diditEvent,
  type Fixture,
  type Signing,
  signDidit,
  startDidit,
} from '../testing/didit-server.ts';
import { fetchDecisionsJob } from './fetch-session.ts';
import { kycProviderEvents, kycProviderImages, kycProviderSessions } from './schema.ts';

const WEBHOOK = '/v1/webhooks/kyc/didit';
const REASON = { reason: 'Verified against the originals' };

let desk: ComplianceDesk;
let didit: Fixture;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  didit = startDidit();
  const settings = {
    workflowId: DIDIT_WORKFLOW,
    apiKey: DIDIT_API_KEY,
    secrets: [DIDIT_SECRET, DIDIT_OLD_SECRET],
    url: didit.url,
  };
  Object.assign(desk.deps, { kycProviders: new Map([['didit', settings]]) });
  await desk.loadList(LIST_ROWS);
});

afterEach(() => {
  didit.faults.create = undefined as never;
  didit.faults.decision = undefined as never;
  didit.faults.image = undefined as never;
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await didit.stop();
  await desk.close();
});

type Started = { readonly person: Person; readonly path: string; readonly session: DiditSession };

async function started(): Promise<Started> {
  const person = await desk.newPerson();
  const path = await desk.draft(person);
  const { status, body } = await desk.call(person, 'POST', `${path}/provider-session`);
  expect(status).toBe(201);
  const ref = body.url.split('/').at(-1) as string;
  const session = didit.sessions.get(ref);
  if (session === undefined) {
    throw new Error('Didit was not asked for a session');
  }
  return { person, path, session };
}

function nowS(): number {
  return Math.floor(desk.deps.clock.realMs() / 1_000);
}

async function post(
  event: Record<string, Json>,
  {
    signing = 'raw',
    secret = DIDIT_SECRET,
    atS = nowS(),
  }: { signing?: Signing; secret?: string; atS?: number } = {},
) {
  const body = JSON.stringify(event);
  const headers = { ...signDidit(body, atS, signing, secret), 'content-type': 'application/json' };
  return desk.request('POST', WEBHOOK, { headers, body: new Uint8Array(Buffer.from(body)) });
}

async function rowOf({ id }: DiditSession) {
  const rows = await desk.deps.db.engine
    .select()
    .from(kycProviderSessions)
    .where(eq(kycProviderSessions.sessionRef, id));
  return rows[0];
}

async function eventsOf({ id }: DiditSession) {
  return desk.deps.db.engine.select().from(kycProviderEvents).where(eq(kycProviderEvents.sessionRef, id));
}

async function statusOf(path: string) {
  const rows = await desk.deps.db.engine
    .select({ status: kycApplications.status })
    .from(kycApplications)
    .where(eq(kycApplications.id, idIn(path)));
  return rows[0]?.status;
}

async function makeDue(session: DiditSession): Promise<void> {
  await desk.deps.db.engine
    .update(kycProviderSessions)
    .set({ nextFetchAt: desk.deps.clock.realNow() })
    .where(eq(kycProviderSessions.sessionRef, session.id));
}

function idIn(path: string): Id {
  return (path.split('/').at(-1) ?? '') as Id;
}

function askedAbout({ id }: DiditSession): readonly unknown[] {
  return didit.calls.filter(({ path }) => path.includes(id));
}

const run = () => fetchDecisionsJob.run(desk.system);

describe('a session', () => {
  test('names the application, asks for what was declared, and is handed out again while it goes on', async () => {
    const { person, path, session } = await started();
    const again = await desk.call(person, 'POST', `${path}/provider-session`);
    expect(again).toMatchObject({ status: 201, body: { provider: 'didit', status: 'not_started' } });
    expect(again.body.url).toContain(session.id);
    const asked = didit.calls.filter(({ body }) => body.includes(idIn(path)));
    expect(asked).toHaveLength(2);
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
      workflow_id: DIDIT_WORKFLOW,
      vendor_data: idIn(path),
      expected_details: { first_name: person.firstName, last_name: person.lastName },
    });
    expect(await rowOf(session)).toMatchObject({ applicationId: idIn(path), status: 'not_started' });
  });

  test('is nobody else’s to open, and not to be opened for what was handed in', async () => {
    const { person, path } = await started();
    const other = await desk.newPerson();
    expect((await desk.call(other, 'POST', `${path}/provider-session`)).status).toBe(404);
    await desk.call(person, 'POST', `${path}/submit`);
    const late = await desk.call(person, 'POST', `${path}/provider-session`);
    expect(late).toMatchObject({ status: 409, body: { code: 'application_not_editable' } });
  });

  test.each<[string, Fixture['faults']['create']]>([
    ['is down', { status: 503 }],
    ['asks to be left alone', { status: 429, retryAfter: '7' }],
    ['answers half of it', 'truncated'],
    ['answers with a page', 'html'],
    ['refuses the key', { status: 403 }],
  ])('cannot be opened while the provider %s; the application goes on by hand', async (_title, fault) => {
    const person = await desk.newPerson();
    const path = await desk.draft(person);
    didit.faults.create = fault as never;
    const answer = await desk.call(person, 'POST', `${path}/provider-session`);
    expect(answer).toMatchObject({ status: 503, body: { code: 'provider_unavailable' } });
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
  });
});

describe('an event', () => {
  test.each<[string, Parameters<typeof post>[1]]>([
    ['over the bytes', {}],
    ['with the older secret while it is changed', { secret: DIDIT_OLD_SECRET }],
    ['over sorted JSON', { signing: 'v2' }],
    ['over the time and sorted JSON', { signing: 'v2_with_time' }],
  ])('signed %s is taken', async (_title, how) => {
    const { session } = await started();
    expect(await post(diditEvent(session), how)).toMatchObject({ status: 200, body: { state: 'taken' } });
  });

  test('may have been signed nearly five minutes ago', async () => {
    const { session } = await started();
    expect((await post(diditEvent(session), { atS: nowS() - 290 })).status).toBe(200);
  });

  test.each<[string, (event: Record<string, Json>) => ReturnType<typeof post>]>([
    ['with another secret', (event) => post(event, { secret: 'x'.repeat(40) })],
    ['in the simple form alone', (event) => post(event, { signing: 'simple' })],
    ['more than five minutes ago', (event) => post(event, { atS: nowS() - 302 })],
    ['more than five minutes ahead', (event) => post(event, { atS: nowS() + 302 })],
    [
      'over another body',
      async (event) => {
        const headers = signDidit(JSON.stringify(event), nowS());
        const altered = JSON.stringify({ ...event, status: 'Approved ' });
        return desk.request('POST', WEBHOOK, {
          headers: { ...headers, 'content-type': 'application/json' },
          body: new Uint8Array(Buffer.from(altered)),
        });
      },
    ],
    [
      'not at all',
      async (event) =>
        desk.request('POST', WEBHOOK, {
          headers: { 'content-type': 'application/json' },
          body: new Uint8Array(Buffer.from(JSON.stringify(event))),
        }),
    ],
  ])('signed %s is refused and leaves nothing', async (_title, sendIt) => {
    const { session } = await started();
    expect(await sendIt(diditEvent(session))).toMatchObject({
      status: 401,
      body: { code: 'kyc_event_signature_invalid' },
    });
    await desk.settle();
    expect(await eventsOf(session)).toEqual([]);
    expect(askedAbout(session)).toEqual([]);
  });

  test('that is no event is refused, and so is one of a provider that is not there', async () => {
    expect(await post({ hello: 'world' })).toMatchObject({
      status: 422,
      body: { code: 'kyc_event_malformed' },
    });
    const body = new Uint8Array(Buffer.from('{}'));
    const headers = { 'content-type': 'application/json' };
    expect((await desk.request('POST', '/v1/webhooks/kyc/nobody', { headers, body })).status).toBe(404);
  });

  test('counts once, however often and from wherever it comes', async () => {
    const { session } = await started();
    const event = diditEvent(session);
    const answers = await Promise.all([post(event), post(event), post(event)]);
    expect(answers.map(({ body }) => body)).toEqual(
      Array(3).fill({ eventId: event.event_id, state: 'taken' }),
    );
    expect(await eventsOf(session)).toHaveLength(1);
  });

  test('is not believed: the provider says what became of the session', async () => {
    const { path, session } = await started();
    session.status = 'In Progress';
    await post(diditEvent(session, { status: 'Approved', decision: { status: 'Approved' } }));
    await desk.settle();
    expect(await rowOf(session)).toMatchObject({ status: 'in_progress' });
    expect(await statusOf(path)).toBe('draft');
  });

  test('that comes late takes back nothing', async () => {
    const { session } = await started();
    session.status = 'Approved';
    await post(diditEvent(session));
    await desk.settle();
    expect(await rowOf(session)).toMatchObject({ status: 'approved', nextFetchAt: null });
    session.status = 'In Progress';
    await post(diditEvent(session));
    await desk.settle();
    expect(await rowOf(session)).toMatchObject({ status: 'approved' });
  });

  test('that names a session before we know it is kept, and taken once we do', async () => {
    const person = await desk.newPerson();
    const path = await desk.draft(person);
    const early: DiditSession = { id: newId(), vendorData: idIn(path), status: 'Approved', decision: {} };
    expect((await post(diditEvent(early))).body).toMatchObject({ state: 'kept' });
    didit.sessions.set(early.id, { ...early, status: 'In Review' });
    expect((await desk.call(person, 'POST', `${path}/provider-session`)).status).toBe(201);
    expect(await eventsOf(early)).toMatchObject([{ state: 'taken' }]);
    await run();
    expect(await rowOf(early)).toMatchObject({ status: 'in_review' });
  });

  test('that names somebody else’s application is kept and asks nobody', async () => {
    const { session } = await started();
    expect((await post(diditEvent(session, { vendor_data: newId() }))).body).toMatchObject({ state: 'kept' });
    await desk.settle();
    expect(askedAbout(session)).toEqual([]);
  });
});

describe('a decision', () => {
  test('to approve opens no gate; what differs is pointed out to the reviewer', async () => {
    const { person, path, session } = await started();
    session.status = 'Approved';
    session.decision = {
      id_verifications: [
        {
          status: 'Approved',
          document_type: 'Passport',
          first_name: 'Somebody',
          last_name: 'Else',
          date_of_birth: '1950-01-01',
          nationality: 'FRA',
          expiration_date: '2001-01-01',
          warnings: [{ risk: 'NAME_MISMATCH', log: 'Somebody Else' }],
        },
      ],
    };
    await post(diditEvent(session));
    await desk.settle();
    expect(await desk.gateOf(person)).toMatchObject({ kycStatus: 'not_started' });
    expect(await statusOf(path)).toBe('draft');
    const { body } = await desk.call(desk.officer, 'GET', `${path}/provider-sessions`);
    expect(body.data).toMatchObject([
      {
        status: 'approved',
        findings: [
          'name_differs',
          'birth_date_differs',
          'nationality_differs',
          'document_expired',
          'warning:NAME_MISMATCH',
        ],
      },
    ]);
    expect((await desk.call(person, 'GET', `${path}/provider-sessions`)).status).toBe(403);
    expect(JSON.stringify((await desk.call(person, 'GET', path)).body)).not.toContain('findings');
  });

  test('to decline somebody whom a reviewer approved has them looked at again and changes nothing else', async () => {
    const { person, path, session } = await started();
    session.status = 'In Review';
    await desk.call(person, 'POST', `${path}/submit`);
    await desk.settle();
    expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).body.status).toBe('approved');
    const before = await desk.gateOf(person);
    session.status = 'Declined';
    await post(diditEvent(session));
    await desk.settle();
    expect(await desk.gateOf(person)).toEqual(before);
    expect(await statusOf(path)).toBe('approved');
    const reviews = await desk.deps.db.engine
      .select()
      .from(kycReviews)
      .where(and(eq(kycReviews.userId, person.userId), eq(kycReviews.kind, 'provider_contradicts')));
    expect(reviews).toMatchObject([{ status: 'open' }]);
  });

  test('in a word nobody knows is left to a person', async () => {
    const { session } = await started();
    session.status = 'Reticulating';
    await post(diditEvent(session));
    await desk.settle();
    expect(await rowOf(session)).toMatchObject({ status: 'unknown', findings: ['status_unknown'] });
  });

  test.each<[string, Fixture['faults']['decision']]>([
    ['is down', { status: 500 }],
    ['does not know the session', { status: 404 }],
    ['answers half of it', 'truncated'],
    ['answers with a page', 'html'],
    ['answers about somebody else', 'not_ours'],
  ])('is asked for again later while the provider %s', async (_title, fault) => {
    const { session } = await started();
    didit.faults.decision = fault as never;
    session.status = 'Approved';
    await post(diditEvent(session));
    await desk.settle();
    const failed = await rowOf(session);
    expect(failed).toMatchObject({ status: 'not_started', failures: 1, decision: null });
    expect((failed?.nextFetchAt ?? '') > desk.deps.clock.realNow()).toBe(true);
    didit.faults.decision = undefined as never;
    await makeDue(session);
    await run();
    expect(await rowOf(session)).toMatchObject({ status: 'approved', failures: 0 });
  });

  test('is not asked for before the provider allows it, and that counts as no failure', async () => {
    const { session } = await started();
    didit.faults.decision = { status: 429, retryAfter: '120' };
    await post(diditEvent(session));
    await desk.settle();
    const limited = await rowOf(session);
    expect(limited).toMatchObject({ failures: 0, status: 'not_started' });
    const waitMs = Date.parse(limited?.nextFetchAt ?? '') - desk.deps.clock.realMs();
    expect(waitMs).toBeGreaterThan(100_000);
  });

  test('is asked for even where no event ever came', async () => {
    const { session } = await started();
    session.status = 'Abandoned';
    await makeDue(session);
    await run();
    expect(await rowOf(session)).toMatchObject({ status: 'abandoned', nextFetchAt: null });
  });
});

describe('a picture', () => {
  async function shown(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Started> {
    const all = await started();
    didit.pictures.set(name, { type: 'image/png', bytes });
    all.session.status = 'Approved';
    all.session.decision = {
      id_verifications: [{ status: 'Approved', document_type: 'Passport', front_image: `picture:${name}` }],
    };
    return all;
  }

  async function imagesOf(session: DiditSession) {
    const row = await rowOf(session);
    return desk.deps.db.engine
      .select()
      .from(kycProviderImages)
      .where(eq(kycProviderImages.sessionId, row?.id ?? newId()));
  }

  test('is copied at once, sealed, without the key going where it is, and only once', async () => {
    const content = pixel();
    const { path, session } = await shown('front_ok', content);
    await post(diditEvent(session));
    await desk.settle();
    const [image] = await imagesOf(session);
    expect(image).toMatchObject({ status: 'copied', name: 'id_verifications.0.front_image' });
    const documentId = image?.documentId as Id;
    const read = await desk.call(desk.officer, 'GET', `${path}/documents/${documentId}`);
    expect(read.status).toBe(200);
    expect(didit.calls.filter((call) => call.path.startsWith('/media/')).at(-1)?.apiKey).toBeNull();
    await post(diditEvent(session));
    await makeDue(session);
    await run();
    const copies = await desk.deps.db.engine
      .select()
      .from(kycDocuments)
      .where(eq(kycDocuments.applicationId, idIn(path)));
    expect(copies).toHaveLength(2);
  });

  test('whose address has expired is fetched by a new one', async () => {
    const { session } = await shown('front_late', pixel());
    didit.faults.image = { status: 404 };
    await post(diditEvent(session));
    await desk.settle();
    expect(await imagesOf(session)).toMatchObject([
      { status: 'waiting', attempts: 1, failure: 'status_404' },
    ]);
    expect((await rowOf(session))?.nextFetchAt).not.toBeNull();
    didit.faults.image = undefined as never;
    didit.expirePictures();
    await makeDue(session);
    await run();
    expect(await imagesOf(session)).toMatchObject([{ status: 'copied' }]);
  });

  test.each<[string, Uint8Array<ArrayBuffer>, string]>([
    ['a page', new Uint8Array(Buffer.from('<html>not a picture</html>')), 'content_unsupported'],
    ['nothing', new Uint8Array(), 'content_unsupported'],
    [
      'a picture with something behind it',
      new Uint8Array(Buffer.concat([pixel(), Buffer.from('PK\u0005\u0006 more')])),
      'content_data_after_end',
    ],
  ])('that is %s is not kept', async (_title, bytes, failure) => {
    const { path, session } = await shown('front_bad', bytes);
    await post(diditEvent(session));
    await desk.settle();
    expect(await imagesOf(session)).toMatchObject([{ status: 'failed', failure }]);
    const copies = await desk.deps.db.engine
      .select()
      .from(kycDocuments)
      .where(eq(kycDocuments.applicationId, idIn(path)));
    expect(copies).toHaveLength(1);
  });

  test('on an address inside the firm’s own network is not fetched', async () => {
    const { session } = await started();
    session.status = 'Approved';
    session.decision = {
      id_verifications: [{ status: 'Approved', front_image: 'http://169.254.169.254/latest/meta-data/' }],
    };
    await post(diditEvent(session));
    await desk.settle();
    expect(await imagesOf(session)).toMatchObject([{ status: 'waiting', failure: 'refused_address' }]);
  });
});

test('what a provider says is readable to nobody who holds the database alone', async () => {
  const { person, session } = await started();
  session.status = 'Declined';
  session.decision = { id_verifications: [{ status: 'Declined', first_name: 'Xanthippe' }] };
  await post(diditEvent(session, { decision: { first_name: 'Xanthippe' } }));
  await desk.settle();
  const rows = await desk.deps.db.engine.execute<{ text: string }>(
    `select row_to_json(s)::text as text from kyc_provider_sessions s
     union all select row_to_json(e)::text from kyc_provider_events e`,
  );
  const text = rows.map((row) => row.text).join('\n');
  expect(text).not.toContain('Xanthippe');
  expect(text).not.toContain(Buffer.from('Xanthippe').toString('hex'));
  expect(text).not.toContain(declarationOf(person).firstName);
});
