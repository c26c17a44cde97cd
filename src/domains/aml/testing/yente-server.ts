/**
 * yente's `/match` as its contract describes it, on this machine: a few listed people, a threshold, a limit of
 * queries, a key, and whichever way of failing a test wants. Everything asked of it is written down, so that a test
 * can say what was never sent. It scores by name alone: equal is 1, half of the words is 0.5.
 */
export const YENTE_KEY = 'yente-key-of-this-test';

export type YenteEntity = { readonly id: string; readonly name: string; readonly topics?: readonly string[] };

type Example = { readonly schema: string; readonly properties: Readonly<Record<string, readonly string[]>> };

export type YenteCall = {
  readonly path: string;
  readonly search: URLSearchParams;
  readonly authorization: string | null;
  readonly queries: Readonly<Record<string, Example>>;
};

/** How the whole call fails: a status, or a way of answering that no client may believe. */
export type YenteFault =
  | { readonly status: number; readonly retryAfter?: string }
  | 'hang'
  | 'huge'
  | 'endless'
  | 'truncated'
  | 'html'
  | 'no_responses'
  | 'redirect';

/** How one query fails, or is answered in a shape that is not the contract's. */
export type QueryFault =
  | { readonly status: number }
  | 'missing'
  | 'score_text'
  | 'score_beyond'
  | 'no_results'
  | 'null';

export type Yente = {
  readonly url: string;
  readonly calls: YenteCall[];
  readonly entities: YenteEntity[];
  /** What calls do instead of answering. */
  fault: YenteFault | undefined;
  /** By a name that is asked about. */
  readonly queryFaults: Map<string, QueryFault>;
  /** A query that names this makes the whole call a 400, as one that cannot be read does. */
  readonly unreadable: Set<string>;
  readonly stop: () => Promise<void>;
};

const QUERIES_MAX = 100;

/** Starts it on a port of its own. */
export function startYente(): Yente {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    fetch: (request) => answer(yente, request),
  });
  // It keeps no process alive.
  server.unref();
  const yente: Yente = {
    url: `http://127.0.0.1:${server.port}`,
    calls: [],
    entities: [],
    fault: undefined,
    queryFaults: new Map(),
    unreadable: new Set(),
    stop: () => server.stop(true),
  };
  return yente;
}

async function answer(yente: Yente, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const { queries } = (await request.json()) as { queries: Record<string, Example> };
  yente.calls.push({
    path: pathname,
    search: searchParams,
    authorization: request.headers.get('authorization'),
    queries,
  });
  const faulty = faultOf(yente.fault);
  if (faulty !== undefined) {
    return faulty;
  }
  const named = Object.values(queries).flatMap(({ properties }) => properties.name ?? []);
  const count = Object.keys(queries).length;
  if (request.method !== 'POST' || pathname !== '/match/default') {
    return Response.json({ detail: 'No such dataset' }, { status: 404 });
  }
  if (request.headers.get('authorization') !== `ApiKey ${YENTE_KEY}`) {
    return Response.json({ detail: 'Invalid API key' }, { status: 401 });
  }
  if (count === 0 || count > QUERIES_MAX || named.some((name) => yente.unreadable.has(name))) {
    return Response.json({ detail: 'Cannot parse example entity' }, { status: 400 });
  }
  const threshold = Number(searchParams.get('threshold'));
  const responses = Object.entries(queries).flatMap(([ref, example]) => {
    const said = oneAnswer(yente, example, threshold);
    return said === undefined ? [] : [[ref, said] as const];
  });
  return Response.json({ responses: Object.fromEntries(responses), matcher: {}, limit: 5 });
}

function oneAnswer(yente: Yente, example: Example, threshold: number): unknown {
  const names = example.properties.name ?? [];
  const fault = names.map((name) => yente.queryFaults.get(name)).find((found) => found !== undefined);
  const results = yente.entities.flatMap(({ id, name, topics }) => {
    const score = Math.max(0, ...names.map((asked) => likeness(asked, name)));
    const properties = { name: [name], ...(topics === undefined ? {} : { topics: [...topics] }) };
    const shown = { id, caption: name, schema: 'Person', properties, datasets: ['test'], referents: [] };
    return score < 0.4 ? [] : [{ ...shown, target: true, score, match: score >= threshold, features: {} }];
  });
  const whole = { status: 200, results, total: { value: results.length, relation: 'eq' }, query: example };
  const first = { id: 'x', score: 0, match: false };
  switch (fault) {
    case undefined:
      return whole;
    case 'missing':
      return undefined;
    case 'null':
      return null;
    case 'no_results':
      return { status: 200, total: whole.total, query: example };
    case 'score_text':
      return { ...whole, results: [{ ...first, score: '0.9' }] };
    case 'score_beyond':
      return { ...whole, results: [{ ...first, score: 90 }] };
    default:
      return { ...whole, status: fault.status, results: [], total: { value: 0, relation: 'eq' } };
  }
}

function likeness(asked: string, listed: string): number {
  const words = new Set(listed.toLowerCase().split(' '));
  const both = asked
    .toLowerCase()
    .split(' ')
    .filter((word) => words.has(word));
  return both.length / words.size;
}

function faultOf(fault: YenteFault | undefined): Response | Promise<Response> | undefined {
  const json = { 'content-type': 'application/json' };
  switch (fault) {
    case undefined:
      return undefined;
    case 'hang':
      return new Promise(() => {});
    case 'huge':
      return new Response(`{"responses":"${'x'.repeat(9 * 1024 * 1024)}"}`, { headers: json });
    case 'endless':
      return new Response(endless(), { headers: json });
    case 'truncated':
      return new Response('{"responses":{"', { headers: json });
    case 'html':
      return new Response('<html>maintenance</html>', { headers: { 'content-type': 'text/html' } });
    case 'no_responses':
      return Response.json({ detail: 'nothing' });
    case 'redirect':
      return new Response(null, { status: 307, headers: { location: 'http://127.0.0.1:1/elsewhere' } });
    default:
      return Response.json(
        { detail: 'no' },
        {
          status: fault.status,
          headers: fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter },
        },
      );
  }
}

function endless(): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(64 * 1024).fill(32);
  return new ReadableStream({ pull: (controller) => controller.enqueue(chunk) });
}
