import type { SQL } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { prepareRecords, recordStatements } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { insertionOf } from '../../../platform/db/insert-rows.ts';
import { readerOf, transactAtOnce } from '../../../platform/db/transact-at-once.ts';
import { eventInsertion } from '../../../platform/outbox/publish.ts';
import { prepareJournals } from '../post-journals.ts';
import { transfers } from '../schema.ts';
import { changeOf, eventOf, journalOf, type Move, transferOf } from './rows.ts';
import { transferRefusal } from './rules.ts';
import { heldBy, namesOf, rememberStanding, type Standing } from './standing.ts';
import type { TransferTicket } from './ticket.ts';

/** A batch split by what is remembered: what may be hoped for, and the condition it rests on. */
export type Hope = {
  readonly moves: readonly Move[];
  readonly held: SQL;
  /** Those that must be looked at under locks. */
  readonly others: readonly TransferTicket[];
};

/**
 * Takes from a batch what can be posted without a look at any balance: currencies, between wallets that
 * exist and that no position settles in, by people and from accounts that memory says may.
 */
export async function hopeFor(ctx: Ctx, tickets: readonly TransferTicket[]): Promise<Hope> {
  const standing = await rememberStanding(readerOf(ctx, 'engine'), ctx.deps, tickets);
  // From here to the condition nothing is awaited: both must speak of the same memory.
  const now = ctx.deps.clock.now();
  const moves: Move[] = [];
  const others: TransferTicket[] = [];
  for (const ticket of tickets) {
    const move = moveOf(standing, ticket, now);
    if (move === undefined) {
      others.push(ticket);
    } else {
      moves.push(move);
    }
  }
  return {
    moves,
    others,
    held: heldBy(
      standing,
      moves.map(({ ticket }) => ticket),
    ),
  };
}

/**
 * Writes transfers, their evidence, events and journals in one statement and commits it. It asks no balance:
 * the database refuses what a wallet cannot bear, and then all of it.
 * @effects rows of `transfers`, `journals`, `ledger_entries`; `wallets.total`; audit `transfer.posted`; event
 *   `ledger.transfer_posted`
 */
export async function transferAtOnce(ctx: Ctx, { moves, held }: Hope): Promise<void> {
  const reader = readerOf(ctx, 'engine');
  const records = await prepareRecords(reader, ctx, moves.map(changeOf));
  const { statement } = await prepareJournals(reader, ctx, moves.map(journalOf), {
    held,
    writes: [
      insertionOf(
        transfers,
        moves.map(({ transfer }) => transfer),
      ),
      ...recordStatements(records),
      eventInsertion(
        ctx,
        moves.map((move) => ({ ...eventOf(move), requestId: move.ticket.ctx.requestId })),
      ),
    ],
  });
  await transactAtOnce(ctx, 'engine', statement);
  ctx.deps.wakeRelay();
}

/** What is free of money behind open positions is looked at by their prices. */
function carries(standing: Standing, ...walletIds: readonly (Id | undefined)[]): boolean {
  return walletIds.some((id) => id !== undefined && standing.hasPositions(id));
}

function moveOf(standing: Standing, ticket: TransferTicket, now: Instant): Move | undefined {
  const { userId, transfer } = ticket;
  const from = standing.account(transfer.fromAccountId);
  const asset = standing.asset(transfer.asset);
  const refusal = transferRefusal({
    userId,
    from,
    to: standing.account(transfer.toAccountId),
    gate: standing.gate(userId),
    asset,
    amount: transfer.amount,
  });
  const [payer, payee] = namesOf(transfer);
  const fromWalletId = standing.walletId(payer);
  const toWalletId = standing.walletId(payee);
  // Units take their lots along, which are looked at one by one.
  const plain = refusal === null && asset?.kind === 'fiat' && !carries(standing, fromWalletId, toWalletId);
  return plain && from !== undefined && fromWalletId !== undefined && toWalletId !== undefined
    ? { ticket, transfer: transferOf(ticket, now), book: from.type, fromWalletId, toWalletId }
    : undefined;
}
