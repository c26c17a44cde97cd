import { and, asc, desc, eq, getTableColumns, inArray, isNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { type Instant, msOfInstant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { openJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import type { PageRequest } from '../../platform/http/cursor.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { recordReads, refuseSelfAction } from '../identity/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import type { Counterparty } from './camt-053.ts';
import { customerNameOf } from './customer-name.ts';
import {
  bankAccounts,
  bankStatementBookings,
  bankStatementLines,
  bankStatements,
} from './evidence/schema.ts';
import { isSameHolder } from './holder-name.ts';
import { matching, newestFirst, type Period, within } from './newest-first.ts';
import type { BankAccount, Receipt } from './receipts.ts';
import { refuseOwnDeposit } from './refuse-own-evidence.ts';
import { ownerOfReturned, returnedPayout } from './returned-payout.ts';
import { deposits } from './schema.ts';
import { readRefusedStatement } from './statement-file.ts';
import { type BankStatement, counterpartyPlace } from './statement-lines.ts';
import { statementDebits, unallocatedReceipts } from './work/schema.ts';

/** The bank accounts statements are expected of. */
export async function listBankAccounts(ctx: Ctx): Promise<readonly BankAccount[]> {
  return transact(ctx, 'staff', (tx) => tx.select().from(bankAccounts).orderBy(asc(bankAccounts.id)));
}

/** Deposits looked at for one receipt. */
const CANDIDATES_MAX = 100;

export type StatementQuery = PageRequest &
  Period & {
    readonly status?: BankStatement['status'] | undefined;
    readonly standing?: BankStatement['standing'] | undefined;
    readonly bankAccountId?: Id | undefined;
    readonly statementReference?: string | undefined;
  };

/** A statement, and since when all of it is booked; null where lines wait, or where it was refused. */
type BookedStatement = BankStatement & { readonly bookedAt: Instant | null };

/** Statements, newest first, refused ones included. @errors invalid_cursor */
export async function listStatements(ctx: Ctx, query: StatementQuery): Promise<Page<BookedStatement>> {
  const { limit, cursor, ...filters } = query;
  const listing = { name: 'bank statements', id: bankStatements.id, filters };
  return newestFirst(ctx, { limit, cursor }, listing, (tx, behind, order, count) =>
    tx
      .select({ ...getTableColumns(bankStatements), bookedAt: bankStatementBookings.bookedAt })
      .from(bankStatements)
      .leftJoin(bankStatementBookings, eq(bankStatementBookings.statementId, bankStatements.id))
      .where(
        and(
          matching(bankStatements.status, filters.status),
          matching(bankStatements.standing, filters.standing),
          matching(bankStatements.bankAccountId, filters.bankAccountId),
          matching(bankStatements.statementReference, filters.statementReference),
          within(bankStatements.importedAt, filters),
          behind,
        ),
      )
      .orderBy(order)
      .limit(count),
  );
}

/**
 * A statement with its lines and what became of each, or what a refused one says and what came instead; payers are not
 * told.
 * @errors not_found, evidence_changed
 */
export async function getStatement(ctx: Ctx, statementId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const [statement] = await tx
      .select({ ...getTableColumns(bankStatements), bookedAt: bankStatementBookings.bookedAt })
      .from(bankStatements)
      .leftJoin(bankStatementBookings, eq(bankStatementBookings.statementId, bankStatements.id))
      .where(eq(bankStatements.id, statementId));
    if (statement === undefined) {
      throw refuse('not_found');
    }
    const rows = await tx
      .select({
        line: bankStatementLines,
        depositId: deposits.id,
        receiptId: unallocatedReceipts.id,
        debitId: statementDebits.id,
      })
      .from(bankStatementLines)
      .leftJoin(deposits, eq(deposits.statementLineId, bankStatementLines.id))
      .leftJoin(
        unallocatedReceipts,
        and(
          eq(unallocatedReceipts.statementLineId, bankStatementLines.id),
          isNull(unallocatedReceipts.restOf),
        ),
      )
      .leftJoin(statementDebits, eq(statementDebits.statementLineId, bankStatementLines.id))
      .where(eq(bankStatementLines.statementId, statementId))
      .orderBy(asc(bankStatementLines.position));
    const isBooked = ({ depositId, receiptId, debitId }: (typeof rows)[number]) =>
      (depositId ?? receiptId ?? debitId) !== null;
    return {
      ...statement,
      ...(await readRefusedStatement(tx, ctx, statement)),
      bookedCount: rows.filter(isBooked).length,
      lines: rows.map(({ line, depositId, receiptId, debitId }) => ({
        ...line,
        depositId,
        receiptId,
        debitId,
      })),
    };
  });
}

export type ReceiptQuery = PageRequest &
  Period & {
    readonly status?: Receipt['status'] | undefined;
    readonly assigneeId?: Id | undefined;
    readonly asset?: string | undefined;
    readonly depositId?: Id | undefined;
  };

const DAY_MS = 86_400_000;

/** A piece of work with how old it is. @units whole days */
export function aged<Work extends { readonly createdAt: Instant }>(
  ctx: Ctx,
  work: Work,
): Work & { readonly ageDays: number } {
  const ageMs = msOfInstant(ctx.deps.clock.now()) - msOfInstant(work.createdAt);
  return { ...work, ageDays: Math.max(0, Math.floor(ageMs / DAY_MS)) };
}

/** Unallocated receipts, newest first. @errors invalid_cursor */
export async function listReceipts(ctx: Ctx, query: ReceiptQuery): Promise<Page<Receipt>> {
  const { limit, cursor, ...filters } = query;
  const listing = { name: 'unallocated receipts', id: unallocatedReceipts.id, filters };
  return newestFirst(ctx, { limit, cursor }, listing, (tx, behind, order, count) =>
    tx
      .select()
      .from(unallocatedReceipts)
      .where(
        and(
          matching(unallocatedReceipts.status, filters.status),
          matching(unallocatedReceipts.assigneeId, filters.assigneeId),
          matching(unallocatedReceipts.asset, filters.asset),
          matching(unallocatedReceipts.depositId, filters.depositId),
          within(unallocatedReceipts.createdAt, filters),
          behind,
        ),
      )
      .orderBy(order)
      .limit(count),
  );
}

/** One receipt. @errors not_found */
export async function findReceipt(tx: Tx, receiptId: Id): Promise<Receipt> {
  const [receipt] = await tx.select().from(unallocatedReceipts).where(eq(unallocatedReceipts.id, receiptId));
  if (receipt === undefined) {
    throw refuse('not_found');
  }
  return receipt;
}

/**
 * One receipt with what the bank told of its payer, for those who find out whose it is, and the deposits
 * that wait for such money: the same amount, announced by a customer of that name.
 * @effects audit `unallocated_receipt.read`
 * @errors not_found, self_action
 */
export async function getReceipt(ctx: Ctx, receiptId: Id) {
  return transact(ctx, 'staff', async (tx) => {
    const receipt = await findReceipt(tx, receiptId);
    await refuseOwnDeposit(tx, ctx, receipt.depositId);
    const returned = await returnedPayout(tx, receipt);
    const returnedTo = await ownerOfReturned(tx, receipt);
    if (returnedTo !== null) {
      refuseSelfAction(ctx, returnedTo);
    }
    const payer = await counterpartyOf(tx, ctx, receipt.statementLineId);
    await recordReads(tx, ctx, [
      {
        event: FUNDING_EVENTS['unallocated_receipt.read'],
        resource: { type: 'unallocated_receipt', id: receipt.id },
        subjectUserId: null,
        after: receipt,
      },
    ]);
    const candidates = await candidatesFor(tx, ctx, receipt, payer);
    const returns =
      returned === undefined ? null : { withdrawalId: returned.id, accountId: returned.accountId };
    return { ...receipt, payer, candidates, returns };
  });
}

/** Names are under each customer's own key, so that only deposits of the very amount are looked at. */
async function candidatesFor(
  tx: Tx,
  ctx: Ctx,
  receipt: Receipt,
  payer: Counterparty | null,
): Promise<readonly Id[]> {
  if (receipt.status !== 'open' || payer?.name == null) {
    return [];
  }
  const waiting = await tx
    .select({ id: deposits.id, userId: deposits.userId })
    .from(deposits)
    .where(
      and(
        eq(deposits.asset, receipt.asset),
        eq(deposits.amount, receipt.amount),
        inArray(deposits.status, ['pending', 'processing']),
      ),
    )
    .orderBy(desc(deposits.id))
    .limit(CANDIDATES_MAX);
  const fitting: Id[] = [];
  for (const { id, userId } of waiting) {
    if (isSameHolder(payer.name, await customerNameOf(tx, ctx, userId))) {
      fitting.push(id);
    }
  }
  return fitting;
}

/** The other side of a statement line. @errors SealError */
export async function counterpartyOf(tx: Tx, ctx: Ctx, lineId: Id): Promise<Counterparty | null> {
  const [line] = await tx.select().from(bankStatementLines).where(eq(bankStatementLines.id, lineId));
  return line === undefined
    ? null
    : openJson<Counterparty>(ctx.deps.keyring.house, counterpartyPlace(line.id), line.counterparty);
}
