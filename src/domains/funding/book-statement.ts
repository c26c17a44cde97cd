/**
 * Books what an imported statement leaves to be booked, each line in a transaction of its own: whoever is credited is
 * kept from nothing while the others are. A line is booked once, whoever comes to it and however often; what stops in
 * the middle goes on with the job.
 */
import { and, asc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { DomainError } from '../../kernel/error.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
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
      .where(and(eq(bankStatements.status, 'imported'), isNull(bankStatementBookings.statementId)))
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
 * Books the lines of an imported statement that are not booked yet, in the order of the file, and says so of the
 * statement once none is left. One line that fails keeps no other from being booked; the first failure is thrown.
 * @effects those of `bookLine`, each in a transaction of its own; a row of `bank_statement_bookings`; audit
 *   `bank_statement.booked`
 */
export async function bookStatement(ctx: Ctx, statementId: Id): Promise<void> {
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
    await lockExclusive(tx, [`bank_statement_line:${lineId}`]);
    const [found] = await tx
      .select({ line: bankStatementLines, account: bankAccounts, importedBy: bankStatements.importedBy })
      .from(bankStatementLines)
      .innerJoin(bankStatements, eq(bankStatements.id, bankStatementLines.statementId))
      .innerJoin(bankAccounts, eq(bankAccounts.id, bankStatements.bankAccountId))
      .where(and(eq(bankStatementLines.id, lineId), isWaiting()));
    if (found === undefined) {
      return;
    }
    const payerName = (await counterpartyOf(tx, ctx, lineId))?.name ?? null;
    await bookLine(tx, ctx, { ...found, payerName, isRefused });
  });
}

async function finish(ctx: Ctx, statementId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`bank_statement_booking:${statementId}`]);
    if ((await waitingLines(tx, statementId)).length > 0) {
      return;
    }
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

/** Neither somebody's nor a piece of work. */
function isWaiting(): SQL {
  return sql`${bankStatementLines.direction} = 'credit'
    and not exists (select from ${deposits} where ${deposits.statementLineId} = ${bankStatementLines.id})
    and not exists (select from ${unallocatedReceipts}
      where ${unallocatedReceipts.statementLineId} = ${bankStatementLines.id})`;
}
