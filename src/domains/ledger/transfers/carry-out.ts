/**
 * Many transfers in one commit. It hopes first: everything goes out as one statement, since the database
 * refuses what a wallet, a key or a gate does not bear. Only where it does refuse, the batch is done again
 * with its gates and wallets locked and read, so that each caller gets the answer that is their own. Should
 * that fail for another reason, the batch is halved until the culprit stands alone. Where the connection
 * broke nobody is told a refusal: the transfer may stand, and the same key asks for its answer.
 */
import { DomainError } from '../../../kernel/error.ts';
import { newId } from '../../../kernel/id.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import { isRetryable, sqlStateOf, translateDatabaseError } from '../../../platform/db/errors.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { forgetStanding } from './standing.ts';
import type { TransferOutcome, TransferTicket } from './ticket.ts';
import { hopeFor, transferAtOnce } from './transfer-at-once.ts';
import { transferCarefully } from './transfer-carefully.ts';

/** Longer than a statement may take: what is silent by then may stay silent for ever. */
const PATIENCE_MS = 35_000;

/**
 * Gives every ticket its outcome. Whoever has none in time hears that it is unknown, so that a connection that
 * neither answers nor breaks keeps nobody waiting and holds up no other batch.
 * @units patience: ms
 */
export async function carryOut(
  deps: Deps,
  tickets: readonly TransferTicket[],
  patienceMs = PATIENCE_MS,
): Promise<readonly TransferOutcome[]> {
  const silence = Promise.withResolvers<readonly TransferOutcome[]>();
  const timer = setTimeout(() => {
    const error = refuse('unavailable', { headers: { 'retry-after': '5' } });
    silence.resolve(failed(tickets, error));
  }, patienceMs);
  try {
    return await Promise.race([carry(deps, tickets), silence.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function carry(deps: Deps, tickets: readonly TransferTicket[]): Promise<readonly TransferOutcome[]> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'ledger.intake' }, newId());
  const hope = await hopeFor(ctx, tickets).catch((error: unknown) => ({ error }));
  if ('error' in hope) {
    return failed(tickets, hope.error);
  }
  // What memory holds against them may be over.
  forgetStanding(deps, hope.others);
  if (hope.moves.length === 0) {
    return carefully(ctx, tickets);
  }
  const hopeful = hope.moves.map(({ ticket }) => ticket);
  try {
    await transferAtOnce(ctx, hope);
  } catch (error) {
    if (endsUnknown(error) && !isRetryable(error)) {
      return failed(tickets, error);
    }
    forgetStanding(deps, hopeful);
    return carefully(ctx, tickets);
  }
  const done = hope.moves.map(({ ticket, transfer }) => ({ ticket, answer: { transfer, replayed: false } }));
  return hope.others.length === 0 ? done : [...done, ...(await carefully(ctx, hope.others))];
}

const ATTEMPTS = 3;
const KEY_TAKEN = '23505';

async function carefully(ctx: Ctx, tickets: readonly TransferTicket[]): Promise<readonly TransferOutcome[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transferCarefully(ctx, tickets);
    } catch (error) {
      if (endsUnknown(error)) {
        return failed(tickets, error);
      }
      // Another process took a key first: read again, now it is there.
      if (sqlStateOf(error) !== KEY_TAKEN || attempt === ATTEMPTS) {
        return tickets.length === 1 ? failed(tickets, error) : carefullyByHalves(ctx, tickets);
      }
    }
  }
}

async function carefullyByHalves(
  ctx: Ctx,
  tickets: readonly TransferTicket[],
): Promise<readonly TransferOutcome[]> {
  const middle = Math.ceil(tickets.length / 2);
  const first = await carefully(ctx, tickets.slice(0, middle));
  return [...first, ...(await carefully(ctx, tickets.slice(middle)))];
}

function failed(tickets: readonly TransferTicket[], error: unknown): readonly TransferOutcome[] {
  const told = translateDatabaseError(error);
  return tickets.map((ticket) => ({ ticket, error: told }));
}

/** The connection, the server or its patience ended: trying again here would only add to it. */
function endsUnknown(error: unknown): boolean {
  const told = translateDatabaseError(error);
  return told instanceof DomainError && (told.code === 'unavailable' || told.code === 'busy');
}
