/**
 * Didit as its contract describes it, on this machine: sessions, decisions, pictures behind addresses that expire,
 * limits, outages, and events signed in whichever way a test wants. Everything asked of it is written down, so that
 * a test can say what was never sent.
 */
import { createHmac } from 'node:crypto';
import type { Json } from '../../../kernel/canonical-json.ts';
import { newId } from '../../../kernel/id.ts';

export const DIDIT_SECRET = 'didit-secret-of-this-test-0123456789';
export const DIDIT_OLD_SECRET = 'didit-older-secret-of-test-0123456789';
export const DIDIT_API_KEY = 'didit-api-key';
export const DIDIT_WORKFLOW = 'workflow-1';

export type DiditSession = {
  readonly id: string;
  readonly vendorData: string;
  status: string;
  /** Members of the decision besides its status. */
  decision: Record<string, Json>;
};

export type DiditCall = {
  readonly method: string;
  readonly path: string;
  readonly apiKey: string | null;
  readonly body: string;
};

/** How an endpoint misbehaves: a status, or a way of answering that no client may believe. */
export type Fault =
  | { readonly status: number; readonly retryAfter?: string }
  | 'hang'
  | 'truncated'
  | 'html'
  | 'not_ours';

export type Fixture = {
  readonly url: string;
  readonly sessions: Map<string, DiditSession>;
  readonly calls: DiditCall[];
  /** What each endpoint does instead of answering. */
  readonly faults: { create?: Fault; decision?: Fault; image?: Fault };
  /** Decisions asked for from now on are answered as they are now, once this is over. */
  late?: Promise<void>;
  /** What a picture is, by its name in the decision. */
  readonly pictures: Map<string, Picture>;
  /** The addresses of pictures handed out so far lead nowhere any more. */
  readonly expirePictures: () => void;
  /** The address of a picture, as a decision shows it now. */
  readonly pictureUrl: (name: string) => string;
  readonly stop: () => Promise<void>;
};

/** Starts it on a port of its own. */
export function startDidit(): Fixture {
  const sessions = new Map<string, DiditSession>();
  const calls: DiditCall[] = [];
  const faults: Fixture['faults'] = {};
  const pictures: Fixture['pictures'] = new Map();
  const tokens = new Map<string, string>();
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      const body = await request.text();
      const apiKey = request.headers.get('x-api-key');
      calls.push({ method: request.method, path: pathname, apiKey, body });
      if (pathname.startsWith('/media/')) {
        return faulty(faults.image) ?? showPicture(pictures.get(tokens.get(pathname.slice(7)) ?? ''));
      }
      if (apiKey !== DIDIT_API_KEY) {
        return Response.json({ detail: 'no key' }, { status: 403 });
      }
      if (request.method === 'POST' && pathname === '/v3/session/') {
        return faulty(faults.create) ?? beginSession(sessions, JSON.parse(body) as { vendor_data: string });
      }
      const [, ref] = /^\/v3\/session\/([^/]+)\/decision\/$/.exec(pathname) ?? [];
      const answer = faulty(faults.decision) ?? showDecision(sessions.get(ref ?? ''), pictureUrl);
      await fixture.late;
      return answer;
    },
  });
  // It keeps no process alive.
  server.unref();
  const url = `http://127.0.0.1:${server.port}`;
  const pictureUrl = (name: string): string => {
    const token = newId();
    tokens.set(token, name);
    return `${url}/media/${token}`;
  };
  const fixture: Fixture = {
    url,
    sessions,
    calls,
    faults,
    pictures,
    expirePictures: () => tokens.clear(),
    pictureUrl,
    stop: () => server.stop(true),
  };
  return fixture;
}

/** What is in nearly every answer: scores and places are fractions, of whole ones too. */
const SCORES: Readonly<Record<string, Json>> = {
  liveness_checks: [{ status: 'Approved', method: 'ACTIVE_3D', score: 97.99, age_estimation: 31.5 }],
  face_matches: [{ status: 'Approved', score: 0.98 }],
  ip_analyses: [{ status: 'Approved', ip_country_code: 'MU', latitude: 41.4022, longitude: -2.17 }],
};

/** An event as Didit sends it. */
export function diditEvent(session: DiditSession, changed: Record<string, Json> = {}): Record<string, Json> {
  return {
    session_id: session.id,
    status: session.status,
    webhook_type: 'status.updated',
    vendor_data: session.vendorData,
    workflow_id: DIDIT_WORKFLOW,
    timestamp: 1_700_000_000,
    created_at: 1_700_000_000,
    event_id: newId(),
    decision: { session_id: session.id, status: session.status, ...SCORES },
    ...changed,
  };
}

/** In which of its ways an event is signed. */
export type Signing = 'raw' | 'v2' | 'v2_with_time' | 'simple';

/** The headers of a signed event. @units atS seconds since 1970 */
export function signDidit(
  body: string,
  atS: number,
  signing: Signing = 'raw',
  secret = DIDIT_SECRET,
): Record<string, string> {
  const mac = (text: string) => createHmac('sha256', secret).update(text).digest('hex');
  const time = { 'x-timestamp': String(atS) };
  switch (signing) {
    case 'raw':
      return { ...time, 'x-signature': mac(body) };
    case 'v2':
      return { ...time, 'x-signature-v2': mac(sortedText(body)) };
    case 'v2_with_time':
      return { ...time, 'x-signature-v2': mac(`${atS}:${sortedText(body)}`) };
    case 'simple': {
      const event = JSON.parse(body) as Record<string, string | number>;
      const { timestamp, session_id, status, webhook_type } = event;
      const said = [timestamp, session_id, status, webhook_type].join(':');
      return { ...time, 'x-signature-simple': mac(said) };
    }
  }
}

/** Not as the program under test writes it; no member of an event has a number for its name. */
function sortedText(body: string): string {
  return JSON.stringify(JSON.parse(body), (_name, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : value,
  );
}

function faulty(fault: Fault | undefined): Response | Promise<Response> | undefined {
  const json = { 'content-type': 'application/json' };
  switch (fault) {
    case undefined:
      return undefined;
    case 'hang':
      return new Promise(() => {});
    case 'truncated':
      return new Response('{"session_id":"', { headers: json });
    case 'html':
      return new Response('<html>maintenance</html>', { headers: { 'content-type': 'text/html' } });
    case 'not_ours':
      return Response.json({ session_id: 'another', vendor_data: newId(), status: 'Approved' });
    default:
      return new Response('{}', {
        status: fault.status,
        headers: { ...json, ...(fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter }) },
      });
  }
}

type Picture = { readonly type: string; readonly bytes: Uint8Array<ArrayBuffer> };

function showPicture(picture: Picture | undefined): Response {
  return picture === undefined
    ? new Response('gone', { status: 404 })
    : new Response(picture.bytes, { headers: { 'content-type': picture.type } });
}

/** One that has not ended is gone on with. */
function beginSession(
  sessions: Map<string, DiditSession>,
  { vendor_data }: { readonly vendor_data: string },
): Response {
  const ended = ['Approved', 'Declined', 'Abandoned', 'Expired'];
  const known = [...sessions.values()].find(
    (session) => session.vendorData === vendor_data && !ended.includes(session.status),
  );
  const session = known ?? { id: newId(), vendorData: vendor_data, status: 'Not Started', decision: {} };
  sessions.set(session.id, session);
  const shown = {
    session_id: session.id,
    session_token: 'token',
    url: `https://verify.didit.me/session/${session.id}`,
    status: session.status,
  };
  return Response.json(shown, { status: 201 });
}

function showDecision(session: DiditSession | undefined, pictureUrl: (name: string) => string): Response {
  if (session === undefined) {
    return Response.json({ detail: 'not found' }, { status: 404 });
  }
  const { id, vendorData, status, decision } = session;
  const text = JSON.stringify({ session_id: id, vendor_data: vendorData, status, ...SCORES, ...decision });
  const shown = text.replace(/picture:([a-z_]+)/g, (_all, name: string) => pictureUrl(name));
  return new Response(shown, { headers: { 'content-type': 'application/json' } });
}
