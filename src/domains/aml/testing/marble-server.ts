/**
 * Marble's `POST /v1/decisions` as its contract describes it, on this machine: a key, one scenario, a table of
 * trigger objects that takes no field it does not know, and whichever way of failing a test wants. Everything asked
 * of it is written down as it came, so that a test can say what was never sent.
 * @source Marble public API v1, its OpenAPI document
 */
import { newId } from '../../../kernel/id.ts';

export const MARBLE_KEY = 'marble-key-of-this-test';
export const MARBLE_SCENARIO = '11111111-2222-4333-8444-555555555555';

/** What the scenario's table holds; docs/howto/monitoring-vendor.md has a firm set it up so. */
export const MARBLE_FIELDS: Readonly<Record<string, 'string' | 'timestamp' | 'float' | 'integer'>> = {
  object_id: 'string',
  updated_at: 'timestamp',
  customer_ref: 'string',
  counterparty_ref: 'string',
  counterparty_country: 'string',
  kind: 'string',
  direction: 'string',
  asset: 'string',
  amount: 'float',
  size_bps: 'integer',
};

type Trigger = Readonly<Record<string, unknown>>;

export type MarbleOutcome = 'approve' | 'review' | 'block_and_review' | 'decline';

export type MarbleCall = {
  readonly path: string;
  readonly key: string | null;
  readonly text: string;
  readonly trigger: Trigger;
};

/** How a call fails: a status, or a way of answering that no client may believe. */
export type MarbleFault =
  | { readonly status: number; readonly retryAfter?: string }
  | 'hang'
  | 'huge'
  | 'truncated'
  | 'html'
  | 'empty'
  | 'two'
  | 'nul_id'
  | 'other_object'
  | 'other_scenario'
  | 'score_text'
  | 'outcome_unknown'
  | 'redirect';

export type Marble = {
  readonly url: string;
  readonly calls: MarbleCall[];
  fault: MarbleFault | undefined;
  /** What the scenario decides; null where its trigger condition leaves the object out. */
  decide: (trigger: Trigger) => { readonly outcome: MarbleOutcome; readonly score: number } | null;
  readonly stop: () => Promise<void>;
};

export const APPROVES: Marble['decide'] = () => ({ outcome: 'approve', score: 0 });

/** Starts it on a port of its own. */
export function startMarble(): Marble {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    fetch: (request) => answer(marble, request),
  });
  // It keeps no process alive.
  server.unref();
  const marble: Marble = {
    url: `http://127.0.0.1:${server.port}`,
    calls: [],
    fault: undefined,
    decide: APPROVES,
    stop: () => server.stop(true),
  };
  return marble;
}

async function answer(marble: Marble, request: Request): Promise<Response> {
  const text = await request.text();
  const body = JSON.parse(text) as { readonly scenario_id?: string; readonly trigger_object?: Trigger };
  const trigger = body.trigger_object ?? {};
  const { pathname: path } = new URL(request.url);
  marble.calls.push({ path, key: request.headers.get('x-api-key'), text, trigger });
  const faulty = faultOf(marble.fault, trigger);
  if (faulty !== undefined) {
    return faulty;
  }
  if (request.method !== 'POST' || path !== '/v1/decisions') {
    return refused(404, 'not_found');
  }
  if (request.headers.get('x-api-key') !== MARBLE_KEY) {
    return refused(401, 'unauthorized');
  }
  if (body.scenario_id !== MARBLE_SCENARIO) {
    return refused(404, 'not_found');
  }
  const wrong = ['object_id', 'updated_at'].some((name) => typeof trigger[name] !== 'string');
  if (wrong || !Object.entries(trigger).every(([name, value]) => fits(name, value))) {
    return refused(400, 'invalid_payload');
  }
  const decided = marble.decide(trigger);
  const none = { total: 0, approve: 0, review: 0, block_and_review: 0, decline: 0, skipped: 0 };
  if (decided === null) {
    return Response.json({ data: [], metadata: { ...none, skipped: 1 } });
  }
  const metadata = { ...none, total: 1, [decided.outcome]: 1 };
  return Response.json({ data: [decisionOf(trigger, decided)], metadata });
}

function decisionOf(trigger: Trigger, { outcome, score }: { outcome: MarbleOutcome; score: number }) {
  return {
    id: newId(),
    created_at: '2026-11-22T00:00:00Z',
    trigger_object: trigger,
    outcome,
    review_status: outcome === 'block_and_review' ? 'pending' : null,
    scenario: { id: MARBLE_SCENARIO, iteration_id: newId(), version: '3' },
    score,
    rules: [{ name: 'Many payments', rule_id: newId(), outcome: 'no_hit', score_modifier: 0.5 }],
    screenings: [],
  };
}

function fits(name: string, value: unknown): boolean {
  switch (MARBLE_FIELDS[name]) {
    case 'string':
      return typeof value === 'string';
    case 'timestamp':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value));
    case 'float':
      return typeof value === 'number';
    case 'integer':
      return Number.isInteger(value);
    default:
      return false;
  }
}

function refused(status: number, code: string, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json({ error: { code, messages: ['no'] } }, { status, headers });
}

function faultOf(fault: MarbleFault | undefined, trigger: Trigger): Response | Promise<Response> | undefined {
  const json = { 'content-type': 'application/json' };
  const decision = decisionOf(trigger, { outcome: 'decline', score: 90 });
  const told = (...data: readonly object[]) => Response.json({ data, metadata: { total: data.length } });
  switch (fault) {
    case undefined:
      return undefined;
    case 'hang':
      return new Promise(() => {});
    case 'huge':
      return new Response(`{"data":"${'x'.repeat(2 * 1024 * 1024)}"}`, { headers: json });
    case 'truncated':
      return new Response('{"data":[{', { headers: json });
    case 'html':
      return new Response('<html>maintenance</html>', { headers: { 'content-type': 'text/html' } });
    case 'empty':
      return told();
    case 'two':
      return told(decision, decision);
    case 'nul_id':
      return told({ ...decision, id: 'one\u0000two' });
    case 'other_object':
      return told({ ...decision, trigger_object: { ...trigger, object_id: newId() } });
    case 'other_scenario':
      return told({ ...decision, scenario: { ...decision.scenario, id: newId() } });
    case 'score_text':
      return told({ ...decision, score: '90' });
    case 'outcome_unknown':
      return told({ ...decision, outcome: 'perhaps' });
    case 'redirect':
      return new Response(null, { status: 307, headers: { location: 'http://127.0.0.1:1/elsewhere' } });
    default:
      return refused(
        fault.status,
        'server_error',
        fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter },
      );
  }
}
