/** What an event costs that nobody signed: anybody may send one, as often as they like. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  type Mock,
  spyOn,
  test,
} from 'bun:test';
import { createHmac, Hmac } from 'node:crypto';
import { type ComplianceDesk, startComplianceDesk } from '../../../testing/compliance-desk.ts';
import { DIDIT_API_KEY, DIDIT_SECRET, DIDIT_WORKFLOW } from '../testing/didit-server.ts';
import { isSignedByDidit } from './didit-signature.ts';
import { receiveEvent } from './receive-event.ts';
import { kycProviderEvents } from './schema.ts';

const SECRETS = [DIDIT_SECRET, 'the-secret-that-comes-next-0123456789'];
const NOW_S = 1_790_000_000;
const BODY = Buffer.from(JSON.stringify({ status: 'Approved', more: 'x'.repeat(100_000) }));
const WRONG = 'ab'.repeat(32);

function signed(body: Uint8Array, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

describe('an event of Didit', () => {
  let parsed: Mock<typeof JSON.parse>;
  let hashed: Mock<Hmac['update']>;

  beforeEach(() => {
    parsed = spyOn(JSON, 'parse');
    hashed = spyOn(Hmac.prototype, 'update');
  });

  afterEach(() => {
    parsed.mockRestore();
    hashed.mockRestore();
  });

  /** What looking at one took: how often its JSON was read, and how often all of its bytes were hashed. */
  function costOf(headers: Record<string, string>) {
    parsed.mockClear();
    hashed.mockClear();
    const isTaken = isSignedByDidit(SECRETS, headers, BODY, NOW_S * 1_000);
    const bytes = hashed.mock.calls.reduce((sum, [data]) => sum + Buffer.byteLength(data as string), 0);
    return { isTaken, read: parsed.mock.calls.length, passes: Math.round(bytes / BODY.length) };
  }

  const fresh = { 'x-timestamp': String(NOW_S) };

  test.each<[string, Record<string, string>]>([
    ['no header at all', {}],
    ['a time and nothing else', fresh],
    ['a wrong signature over its bytes', { ...fresh, 'x-signature': WRONG }],
    ['what is too short to be a signature', { ...fresh, 'x-signature-v2': WRONG.slice(1) }],
    ['what is too long to be a signature', { ...fresh, 'x-signature-v2': `${WRONG}0` }],
    ['what is no hexadecimal', { ...fresh, 'x-signature-v2': WRONG.replace('a', 'g') }],
    ['a signature of another day', { 'x-timestamp': String(NOW_S - 86_400), 'x-signature-v2': WRONG }],
    ['a signature without a time', { 'x-signature-v2': WRONG }],
    ['the simple form alone', { ...fresh, 'x-signature-simple': WRONG }],
  ])('with %s is hashed once a secret, and its JSON is not read', (_title, headers) => {
    expect(costOf(headers)).toEqual({ isTaken: false, read: 0, passes: SECRETS.length });
  });

  test('with a wrong signature over sorted JSON is read once, whatever the number of secrets and forms', () => {
    const cost = costOf({ ...fresh, 'x-signature-v2': WRONG });
    expect(cost).toEqual({ isTaken: false, read: 1, passes: SECRETS.length * 5 });
  });

  test('that is signed costs what one signed otherwise costs: no secret is told by how long it takes', () => {
    const headers = SECRETS.map((secret) => ({ ...fresh, 'x-signature': signed(BODY, secret) }));
    expect(headers.map(costOf)).toEqual(
      SECRETS.map(() => ({ isTaken: true, read: 0, passes: SECRETS.length })),
    );
  });
});

describe('an event that nobody signed, handed to the verb', () => {
  let desk: ComplianceDesk;

  beforeAll(async () => {
    desk = await startComplianceDesk(import.meta.file);
    const settings = {
      workflowId: DIDIT_WORKFLOW,
      apiKey: DIDIT_API_KEY,
      secrets: [DIDIT_SECRET],
      url: 'http://127.0.0.1:9',
    };
    Object.assign(desk.deps, { kycProviders: new Map([['didit', settings]]) });
  });

  afterAll(async () => {
    await desk.close();
  });

  test('asks the database nothing, nor for a connection to it', async () => {
    const asked: PropertyKey[] = [];
    const db = new Proxy(desk.deps.db, {
      get(target, member, receiver) {
        asked.push(member);
        return Reflect.get(target, member, receiver);
      },
    });
    const ctx = { ...desk.system, deps: { ...desk.deps, db } };
    const body = Buffer.from(
      JSON.stringify({ event_id: 'e1', session_id: 's1', webhook_type: 'status.updated', vendor_data: 'a1' }),
    );
    const timestamp = String(Math.floor(desk.deps.clock.realMs() / 1_000));
    const send = (headers: Record<string, string>) =>
      receiveEvent(ctx, { provider: 'didit', headers, body }).catch((error: unknown) => error);
    for (const headers of [
      {},
      { 'x-timestamp': timestamp, 'x-signature': WRONG },
      { 'x-timestamp': timestamp, 'x-signature-v2': WRONG },
      { 'x-timestamp': '1', 'x-signature': signed(body, DIDIT_SECRET) },
    ]) {
      expect(await send(headers)).toMatchObject({ code: 'kyc_event_signature_invalid' });
    }
    expect(asked).toEqual([]);
    await send({ 'x-timestamp': timestamp, 'x-signature': signed(body, DIDIT_SECRET) });
    expect(asked).not.toEqual([]);
    expect(await desk.deps.db.engine.select().from(kycProviderEvents)).toHaveLength(1);
  });
});
