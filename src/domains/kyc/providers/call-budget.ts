import { sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Deps, perDeps } from '../../../platform/context.ts';
import { rateCounters } from '../../../platform/db/schema.ts';

export type Call = 'session' | 'decision';

/**
 * Half of what the provider allows in a minute may be spent at once and the other half comes back over the minute,
 * so that no minute ever sees more than all of it, whichever nodes spend it.
 * @source Didit: 600 sessions and 100 decisions a minute, 300 of each method
 */
const PER_MINUTE: Readonly<Record<Call, number>> = { session: 300, decision: 100 };

const MINUTE_US = 60_000_000;
/** How many failures in a row stop the calls, and for how long. */
const FAILURES_MAX = 5;
const OPEN_MS = 60_000;

type Circuit = { failures: number; openUntilMs: number };

const circuits = perDeps((_deps: Deps) => new Map<string, Circuit>());

/** How long to wait before this call may be made; 0 where it may be made now, and then it is spent. @units ms */
export async function waitForCall(deps: Deps, provider: string, call: Call): Promise<number> {
  const openFor = circuitOf(deps, provider).openUntilMs - deps.clock.realMs();
  if (openFor > 0) {
    return openFor;
  }
  const quota = PER_MINUTE[call] / 2;
  const counter = sql.param(
    deps.keyring.blindIndex('rate_counter', `kyc_provider\0${provider}\0${call}`),
    rateCounters.counter,
  );
  const [row] = await deps.db.engine.execute<{ granted: number; retry_after_ms: number }>(
    sql`select * from take_tokens(${counter}, ${quota}, ${Math.ceil(MINUTE_US / quota)}, 1, 1)`,
  );
  const { granted, retry_after_ms } = present(row, 'the counter answers with one row');
  return granted > 0 ? 0 : Math.max(1, retry_after_ms);
}

/** Remembers how a call went: after several failures in a row no call is made for a while. */
export function noteCall(deps: Deps, provider: string, reached: boolean): void {
  const circuit = circuitOf(deps, provider);
  circuit.failures = reached ? 0 : circuit.failures + 1;
  if (circuit.failures >= FAILURES_MAX) {
    circuit.openUntilMs = deps.clock.realMs() + OPEN_MS;
    circuit.failures = 0;
  }
}

function circuitOf(deps: Deps, provider: string): Circuit {
  const all = circuits(deps);
  const known = all.get(provider) ?? { failures: 0, openUntilMs: 0 };
  all.set(provider, known);
  return known;
}
