/**
 * Books what a confirmed statement leaves to be booked, each line in a transaction of its own: whoever is credited is
 * kept from nothing while the others are. A line is booked once, whoever comes to it and however often; what stops in
 * the middle goes on with the job.
 */
import { and, asc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { DomainError } from '../../kernel/error.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive, lockShared } from '../../platform/db/locks.ts';
import { approvalVotes } from '../../platform/db/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { bookLine } from './book-line.ts';
import {
  bankAccounts,
  bankStatementBookings,
  bankStatementLines,
  bankStatements,
} from './evidence/schema.ts';
import { deposits } from './schema.ts';
import type { BankStatement } from './statement-lines.ts';
import { counterpartyOf } from './statement-store.ts';
import { unallocatedReceipts } from './work/schema.ts';

/**
 * Goes on with every statement whose lines are not all booked.
 * @effects those of `bookStatement`
 */
export async function bookStatements(ctx: Ctx): Promise<void> {
  const open = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: bankStatements.id })
      .from(bankStatements)
      .leftJoin(bankStatementBookings, eq(bankStatementBookings.statementId, bankStatements.id))
      .where(and(eq(bankStatements.standing, 'confirmed'), isNull(bankStatementBookings.statementId)))
      .orderBy(asc(bankStatements.id)),
  );
  const failures: unknown[] = [];
  for (const { id } of open) {
    await bookStatement(ctx, id).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

/**
 * Books the lines of a confirmed statement that are not booked yet, in the order of the file, and says so of the
 * statement once none is left. One line that fails keeps no other from being booked; the first failure is thrown.
 * @effects those of `bookLine`, each in a transaction of its own; a row of `bank_statement_bookings`; audit
 *   `bank_statement.booked`
 */
async function bookStatement(ctx: Ctx, statementId: Id): Promise<void> {
  const waiting = await transact(ctx, 'engine', (tx) => waitingLines(tx, statementId));
  const failures: unknown[] = [];
  for (const lineId of waiting) {
    await bookOnce(ctx, lineId).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) {
    throw failures[0];
  }
  await finish(ctx, statementId);
}

/** Whoever books a line of a statement shares it; whoever ends its booking or gives it up has it alone. */
export function bookingLock(statementId: Id): string {
  return `bank_statement_booking:${statementId}`;
}

/** What the books refuse of a line, such as more than a wallet can hold, is work for people. */
async function bookOnce(ctx: Ctx, lineId: Id): Promise<void> {
  try {
    await book(ctx, lineId, false);
  } catch (error) {
    if (!(error instanceof DomainError) || error.definition.status >= 500) {
      throw error;
    }
    await book(ctx, lineId, true);
  }
}

async function book(ctx: Ctx, lineId: Id, isRefused: boolean): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const [owner] = await tx
      .select({ statementId: bankStatementLines.statementId })
      .from(bankStatementLines)
      .where(eq(bankStatementLines.id, lineId));
    await lockShared(tx, [bookingLock(present(owner, 'a line stays').statementId)]);
    await lockExclusive(tx, [`bank_statement_line:${lineId}`]);
    const [found] = await tx
      .select({ line: bankStatementLines, account: bankAccounts, statement: bankStatements })
      .from(bankStatementLines)
      .innerJoin(bankStatements, eq(bankStatements.id, bankStatementLines.statementId))
      .innerJoin(bankAccounts, eq(bankAccounts.id, bankStatements.bankAccountId))
      .where(and(eq(bankStatementLines.id, lineId), eq(bankStatements.standing, 'confirmed'), isWaiting()));
    if (found === undefined) {
      return;
    }
    const { statement, ...line } = found;
    const payerName = (await counterpartyOf(tx, ctx, lineId))?.name ?? null;
    await bookLine(tx, ctx, { ...line, payerName, isRefused, handledBy: await handlersOf(tx, statement) });
  });
}

/** Who imported a statement, and who confirmed it. */
async function handlersOf(tx: Tx, { importedBy, confirmationId }: BankStatement): Promise<readonly string[]> {
  const votes =
    confirmationId === null
      ? []
      : await tx
          .select({ checkerId: approvalVotes.checkerId })
          .from(approvalVotes)
          .where(eq(approvalVotes.approvalId, confirmationId));
  return [importedBy, ...votes.map(({ checkerId }) => checkerId)];
}

async function finish(ctx: Ctx, statementId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [bookingLock(statementId)]);
    const [counts] = await tx
      .select({ id: bankStatements.id })
      .from(bankStatements)
      .where(and(eq(bankStatements.id, statementId), eq(bankStatements.standing, 'confirmed')));
    if (counts === undefined || (await waitingLines(tx, statementId)).length > 0) {
      return;
    }
    // A run that began to look before this ends has an instant before this one's.
    await lockExclusive(tx, [`reconciliation:${ctx.deps.firmName}`]);
    const [booked] = await tx
      .insert(bankStatementBookings)
      .values({ statementId, bookedAt: ctx.deps.clock.now() })
      .onConflictDoNothing()
      .returning();
    if (booked !== undefined) {
      await record(tx, ctx, {
        event: FUNDING_EVENTS['bank_statement.booked'],
        resource: { type: 'bank_statement', id: statementId },
        subjectUserId: null,
        after: booked,
      });
    }
  });
}

/** In the order of the file, in which a deposit that two lines name is given to the first. */
async function waitingLines(tx: Tx, statementId: Id): Promise<readonly Id[]> {
  const rows = await tx
    .select({ id: bankStatementLines.id })
    .from(bankStatementLines)
    .where(and(eq(bankStatementLines.statementId, statementId), isWaiting()))
    .orderBy(asc(bankStatementLines.position));
  return rows.map(({ id }) => id);
}

/** Neither somebody's nor a piece of work; what came to the firm's own account never becomes either. */
function isWaiting(): SQL {
  return sql`${bankStatementLines.direction} = 'credit'
    and exists (select from ${bankStatements} t join ${bankAccounts} a on a.id = t.bank_account_id
      where t.id = ${bankStatementLines.statementId} and a.house_role = 'client_money_bank')
    and not exists (select from ${deposits} where ${deposits.statementLineId} = ${bankStatementLines.id})
    and not exists (select from ${unallocatedReceipts}
      where ${unallocatedReceipts.statementLineId} = ${bankStatementLines.id})`;
}
