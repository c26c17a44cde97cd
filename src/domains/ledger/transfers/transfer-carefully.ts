import { inArray, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, insertRows } from '../../../platform/db/insert-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { publishMany } from '../../../platform/outbox/publish.ts';
import { type Account, accountsByIds } from '../../accounts/index.ts';
import { type Gate, lockGates } from '../../identity/index.ts';
import { refuseLedger } from '../errors.ts';
import { findWallets, walletKey } from '../find-wallets.ts';
import { postJournals } from '../post-journals.ts';
import { lockSpendable, type SpendableWallet } from '../release-expired.ts';
import { assets, transfers } from '../schema.ts';
import { settledFunds } from '../settled-funds.ts';
import { customerWallet } from '../wallets.ts';
import { moveLots } from './move-lots.ts';
import { changeOf, eventOf, journalOf, type Move, transferOf } from './rows.ts';
import { transferRefusal } from './rules.ts';
import { namesOf, rememberPositions } from './standing.ts';
import type { NewTransfer, Transfer, TransferOutcome, TransferTicket } from './ticket.ts';

/**
 * Decides and posts transfers with everything locked that they rest on, each by itself: gates, then wallets,
 * whose expired holds are released first. A key that was used before gets its first answer (I11), whatever
 * stands now. Only settled money moves, so that moving it cannot make it withdrawable, and so that a deposit
 * that is called back is still where it came in.
 * @effects as `transferAtOnce`; perhaps rows of `wallets`; for units `lots` and `lot_disposals`
 */
export async function transferCarefully(
  ctx: Ctx,
  tickets: readonly TransferTicket[],
): Promise<readonly TransferOutcome[]> {
  return transact(ctx, 'engine', async (tx) => {
    const gates = await lockGates(
      tx,
      tickets.map(({ userId }) => userId),
    );
    const earlier = await earlierTransfers(tx, tickets);
    const situation = { gates, ...(await factsOf(tx, tickets)) };
    const outcomes: TransferOutcome[] = [];
    const candidates: TransferTicket[] = [];
    for (const ticket of tickets) {
      const answered = earlierAnswer(ticket, earlier) ?? refusedOutright(ticket, situation);
      if (answered === undefined) {
        candidates.push(ticket);
      } else {
        outcomes.push(answered);
      }
    }
    const locked = await lockBothEnds(tx, ctx, candidates, situation.accounts);
    const { moves, answers } = decide(ctx, candidates, earlier, locked);
    await write(tx, ctx, moves, situation.kinds);
    return [...outcomes, ...answers];
  });
}

type Facts = {
  readonly accounts: ReadonlyMap<Id, Account>;
  readonly kinds: ReadonlyMap<string, typeof assets.$inferSelect>;
};
type Situation = Facts & { readonly gates: ReadonlyMap<Id, Gate> };

/** The gates' lock holds the accounts' status too. */
async function factsOf(tx: Tx, tickets: readonly TransferTicket[]): Promise<Facts> {
  const accounts = await accountsByIds(
    tx,
    tickets.flatMap(({ transfer }) => [transfer.fromAccountId, transfer.toAccountId]),
  );
  const codes = [...new Set(tickets.map(({ transfer }) => transfer.asset))];
  const rows = await tx.select().from(assets).where(inArray(assets.code, codes));
  return { accounts, kinds: new Map(rows.map((asset) => [asset.code, asset])) };
}

function keyOf(ticket: Pick<TransferTicket, 'idempotencyKey'>, fromAccountId: Id): string {
  return `${fromAccountId} ${ticket.idempotencyKey}`;
}

/** @shape by account and key */
async function earlierTransfers(tx: Tx, tickets: readonly TransferTicket[]): Promise<Map<string, Transfer>> {
  const accountIds = sql.param(arrayLiteral(tickets.map(({ transfer }) => transfer.fromAccountId)));
  const keys = sql.param(arrayLiteral(tickets.map(({ idempotencyKey }) => idempotencyKey)));
  const rows = await tx
    .select()
    .from(transfers)
    .where(
      inArray(
        sql`(${transfers.fromAccountId}, ${transfers.idempotencyKey})`,
        sql`(select a, k from unnest(${accountIds}::uuid[], ${keys}::text[]) as batch (a, k))`,
      ),
    );
  return new Map(rows.map((row) => [keyOf(row, row.fromAccountId), row]));
}

/** The answer a key already has; another person's account has no keys for this one. */
function earlierAnswer(
  ticket: TransferTicket,
  earlier: ReadonlyMap<string, Transfer>,
): TransferOutcome | undefined {
  const known = earlier.get(keyOf(ticket, ticket.transfer.fromAccountId));
  if (known === undefined || known.userId !== ticket.userId) {
    return undefined;
  }
  return Buffer.from(known.requestHash).equals(ticket.requestHash)
    ? { ticket, answer: { transfer: known, replayed: true } }
    : { ticket, error: refuse('idempotency_key_reused') };
}

function refusedOutright(ticket: TransferTicket, situation: Situation): TransferOutcome | undefined {
  const { userId, transfer } = ticket;
  const refusal = transferRefusal({
    userId,
    from: situation.accounts.get(transfer.fromAccountId),
    to: situation.accounts.get(transfer.toAccountId),
    gate: situation.gates.get(userId),
    asset: situation.kinds.get(transfer.asset),
    amount: transfer.amount,
  });
  if (refusal === null) {
    return undefined;
  }
  return { ticket, error: refusal === 'not_found' ? refuse('not_found') : refuseLedger(refusal) };
}

type BothEnds = (transfer: NewTransfer) => {
  readonly payer: SpendableWallet | undefined;
  readonly payee: SpendableWallet | undefined;
};

/** Makes the wallets that receive, locks all in id order, and frees what expired in those that pay. */
async function lockBothEnds(
  tx: Tx,
  ctx: Ctx,
  candidates: readonly TransferTicket[],
  accounts: ReadonlyMap<Id, Account>,
): Promise<BothEnds> {
  const names = candidates.map(({ transfer }) => namesOf(transfer));
  const found = await findWallets(tx, names.flat());
  const idOf = new Map([...found].map(([key, wallet]) => [key, wallet.id]));
  for (const [payer, payee] of names) {
    // Who has no wallet has nothing to move, and needs none made.
    if (idOf.has(walletKey(payer)) && !idOf.has(walletKey(payee))) {
      const account = present(accounts.get(payee.accountId), 'a candidate has both accounts');
      const owner = { userId: account.userId, accountId: account.id, book: account.type };
      idOf.set(walletKey(payee), (await customerWallet(tx, ctx, owner, payee.asset)).id);
    }
  }
  const ids = [...new Set(idOf.values())];
  const locked = await lockSpendable(tx, ctx, ids);
  rememberPositions(ctx.deps, locked.values());
  return (transfer) => {
    const [payer, payee] = namesOf(transfer);
    return {
      payer: locked.get(idOf.get(walletKey(payer)) ?? ''),
      payee: locked.get(idOf.get(walletKey(payee)) ?? ''),
    };
  };
}

/** In the order of arrival: what one transfer brings, the next may move on; a key counts at once. */
function decide(
  ctx: Ctx,
  candidates: readonly TransferTicket[],
  earlier: Map<string, Transfer>,
  bothEnds: BothEnds,
): { readonly moves: readonly Move[]; readonly answers: readonly TransferOutcome[] } {
  const now = ctx.deps.clock.now();
  const settled = new Map<Id, bigint>();
  const settledIn = (wallet: SpendableWallet) => settled.get(wallet.id) ?? settledFunds(wallet);
  const moves: Move[] = [];
  const answers = candidates.map((ticket): TransferOutcome => {
    const known = earlierAnswer(ticket, earlier);
    if (known !== undefined) {
      return known;
    }
    const { payer, payee } = bothEnds(ticket.transfer);
    if (payer !== undefined && (payer.status !== 'active' || payee?.status !== 'active')) {
      return { ticket, error: refuseLedger('wallet_not_active') };
    }
    if (payer?.marginUnknown) {
      return { ticket, error: refuseLedger('margin_unknown') };
    }
    if (payer === undefined || payee === undefined || settledIn(payer) < ticket.transfer.amount) {
      return { ticket, error: refuseLedger('insufficient_funds') };
    }
    settled.set(payer.id, settledIn(payer) - ticket.transfer.amount);
    settled.set(payee.id, settledIn(payee) + ticket.transfer.amount);
    const transfer = transferOf(ticket, now);
    moves.push({ ticket, transfer, book: payer.book, fromWalletId: payer.id, toWalletId: payee.id });
    earlier.set(keyOf(ticket, transfer.fromAccountId), transfer);
    return { ticket, answer: { transfer, replayed: false } };
  });
  return { moves, answers };
}

async function write(tx: Tx, ctx: Ctx, moves: readonly Move[], kinds: Facts['kinds']): Promise<void> {
  if (moves.length === 0) {
    return;
  }
  await insertRows(
    tx,
    transfers,
    moves.map(({ transfer }) => transfer),
  );
  await recordMany(tx, ctx, moves.map(changeOf));
  await publishMany(
    tx,
    ctx,
    moves.map((move) => ({ ...eventOf(move), requestId: move.ticket.ctx.requestId })),
  );
  await postJournals(tx, ctx, moves.map(journalOf));
  for (const move of moves) {
    const asset = present(kinds.get(move.transfer.asset), 'the asset was read');
    if (asset.kind !== 'fiat') {
      await moveLots(tx, ctx, move);
    }
  }
}
