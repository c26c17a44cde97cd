/**
 * Money that left the firm's bank account. A debit that names a payout by its end-to-end id and has its
 * amount explains itself; every other is a piece of work until two people say what it was. No debit is ever
 * booked to customers: what the bank charges is the firm's debt to its clients' money until it puts that in.
 */
import { and, desc, eq, inArray, isNull, lt, ne, not, or } from 'drizzle-orm';
import type { Amount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { recordMany } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRows } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, type PageRequest, readCursor } from '../../platform/http/cursor.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { bankStatementLines, bankStatements } from './evidence/schema.ts';
import { type BankAccount, bankWallets } from './receipts.ts';
import type { WithdrawalStatus } from './rules.ts';
import { withdrawals } from './schema.ts';
import { inParts, type StoredLine } from './statement-lines.ts';
import { statementDebits } from './work/schema.ts';

export type StatementDebit = typeof statementDebits.$inferSelect;

/** Payouts that a debit may be: those under way, and those that are booked. */
export const PAID_STATUSES = [
  'processing',
  'unknown',
  'completed',
] as const satisfies readonly WithdrawalStatus[];

type Payout = {
  readonly id: Id;
  readonly asset: string;
  readonly amount: Amount;
  readonly status: WithdrawalStatus;
};

type DebitReason =
  | 'payout'
  | 'reversal'
  | 'no_reference'
  | 'unknown_reference'
  | 'amount_differs'
  | 'payout_not_expected'
  | 'paid_already';

/** What a debit says of itself, from values alone. */
function debitReason(
  line: {
    readonly amount: Amount;
    readonly asset: string;
    readonly reversal: boolean;
    readonly named: boolean;
  },
  payout: Payout | undefined,
  paidAlready: boolean,
): DebitReason {
  if (line.reversal) {
    return 'reversal';
  }
  if (payout === undefined) {
    return line.named ? 'unknown_reference' : 'no_reference';
  }
  if (payout.asset !== line.asset || payout.amount !== line.amount) {
    return 'amount_differs';
  }
  if (!(PAID_STATUSES as readonly WithdrawalStatus[]).includes(payout.status)) {
    return 'payout_not_expected';
  }
  return paidAlready ? 'paid_already' : 'payout';
}

/**
 * Keeps the debits of a statement, each with what explains it or as work.
 * @effects rows of `statement_debits`; audit `statement_debit.explained` or `statement_debit.opened`
 */
export async function openDebits(
  tx: Tx,
  ctx: Ctx,
  account: BankAccount,
  lines: readonly StoredLine[],
): Promise<void> {
  const debits = lines.filter((line) => line.direction === 'debit');
  if (debits.length === 0) {
    return;
  }
  const { bank: walletId } = await bankWallets(tx, ctx, account);
  const payouts = await payoutsNamed(tx, debits);
  const paid = await explainedAlready(tx, [...payouts.values()]);
  const createdAt = ctx.deps.clock.now();
  const values = debits.map((line) => {
    const payout = payouts.get(line.endToEndId ?? '');
    const facts = { ...line, asset: account.currency, named: line.endToEndId !== null };
    const reason = debitReason(facts, payout, payout !== undefined && paid.has(payout.id));
    const is = reason === 'payout' ? payout : undefined;
    if (is !== undefined) {
      paid.add(is.id);
    }
    return {
      id: newId(),
      statementLineId: line.id,
      walletId,
      asset: account.currency,
      amount: line.amount,
      reason,
      namedWithdrawalId: payout?.id ?? null,
      createdAt,
      ...(is === undefined
        ? { status: 'open' as const }
        : {
            status: 'explained' as const,
            explanation: 'payout' as const,
            withdrawalId: is.id,
            closedAt: createdAt,
          }),
    };
  });
  const rows: StatementDebit[] = [];
  for (const some of inParts(values)) {
    rows.push(...(await tx.insert(statementDebits).values(some).returning()));
  }
  await recordMany(
    tx,
    ctx,
    rows.map((row) => ({
      event: FUNDING_EVENTS[row.status === 'open' ? 'statement_debit.opened' : 'statement_debit.explained'],
      resource: { type: 'statement_debit', id: row.id },
      subjectUserId: null,
      after: row,
    })),
  );
}

/**
 * Locks the payouts that the debits of a statement name, so that none is set free while its debit is taken in.
 * Before any wallet is locked.
 */
export async function lockPayoutsNamed(tx: Tx, lines: readonly StoredLine[]): Promise<void> {
  const payouts = await payoutsNamed(
    tx,
    lines.filter((line) => line.direction === 'debit'),
  );
  await lockRows(
    tx,
    withdrawals,
    [...payouts.values()].map(({ id }) => id),
  );
}

/** Who says that a payout was not made. */
type Speaker = 'people' | 'bank';

/**
 * Keeps the money of a locked payout from being set free that a bank statement shows as made, or of which any debit
 * bears the reference, whatever its amount and explained or not: nobody's word stands against it, and what the bank
 * sends back comes as a receipt. The bank's own refusal stands beside what it charged for it.
 * @errors payout_on_statement
 */
export async function refuseIfDebited(tx: Tx, withdrawalId: Id, said: Speaker): Promise<void> {
  if ((await isDebited(tx, withdrawalId, said)) || (await isNamedByWaiting(tx, withdrawalId))) {
    throw refuseFunding('payout_on_statement');
  }
}

/** Whether money left the bank in the name of a locked payout, or as it, by a statement that counts. */
export async function isDebited(tx: Tx, withdrawalId: Id, said: Speaker): Promise<boolean> {
  const isCharge = and(
    eq(statementDebits.explanation, 'bank_charge'),
    ne(statementDebits.amount, withdrawals.amount),
  );
  const { namedWithdrawalId } = statementDebits;
  const [debit] = await tx
    .select({ id: statementDebits.id })
    .from(statementDebits)
    .innerJoin(withdrawals, eq(withdrawals.id, withdrawalId))
    .where(
      and(
        ne(statementDebits.status, 'void'),
        or(
          eq(statementDebits.withdrawalId, withdrawalId),
          and(
            eq(namedWithdrawalId, withdrawalId),
            said === 'people'
              ? undefined
              : or(isNull(statementDebits.explanation), not(present(isCharge, 'it has conditions'))),
          ),
        ),
      ),
    )
    .limit(1);
  return debit !== undefined;
}

/** A statement that nobody confirmed yet may be right: until that is decided, its debit stands in the way. */
export async function isNamedByWaiting(tx: Tx, withdrawalId: Id): Promise<boolean> {
  const [line] = await tx
    .select({ id: bankStatementLines.id })
    .from(bankStatementLines)
    .innerJoin(bankStatements, eq(bankStatements.id, bankStatementLines.statementId))
    .innerJoin(withdrawals, eq(withdrawals.payoutReference, bankStatementLines.endToEndId))
    .where(
      and(
        eq(withdrawals.id, withdrawalId),
        eq(bankStatements.standing, 'waiting'),
        eq(bankStatementLines.direction, 'debit'),
      ),
    )
    .limit(1);
  return line !== undefined;
}

export type DebitQuery = PageRequest & {
  readonly status?: StatementDebit['status'] | undefined;
  readonly assigneeId?: Id | undefined;
};

/** Debits, newest first. @errors invalid_cursor */
export async function listDebits(ctx: Ctx, query: DebitQuery): Promise<Page<StatementDebit>> {
  const key = ctx.deps.keyring.cursorKey;
  const listing = `statement debits ${query.status ?? ''} ${query.assigneeId ?? ''}`;
  const [before] = query.cursor === undefined ? [] : readCursor(key, listing, query.cursor);
  const rows = await transact(ctx, 'staff', (tx) =>
    tx
      .select()
      .from(statementDebits)
      .where(
        and(
          query.status === undefined ? undefined : eq(statementDebits.status, query.status),
          query.assigneeId === undefined ? undefined : eq(statementDebits.assigneeId, query.assigneeId),
          before === undefined ? undefined : lt(statementDebits.id, before),
        ),
      )
      .orderBy(desc(statementDebits.id))
      .limit(query.limit + 1),
  );
  return cutPage(key, listing, rows, query.limit, (row) => [row.id]);
}

async function payoutsNamed(tx: Tx, debits: readonly StoredLine[]): Promise<ReadonlyMap<string, Payout>> {
  const references = debits.flatMap((line) => line.endToEndId ?? []);
  if (references.length === 0) {
    return new Map();
  }
  const { id, asset, amount, status, payoutReference } = withdrawals;
  const rows = await tx
    .select({ id, asset, amount, status, payoutReference })
    .from(withdrawals)
    .where(inArray(payoutReference, references));
  return new Map(rows.map((row) => [row.payoutReference ?? '', row]));
}

async function explainedAlready(tx: Tx, payouts: readonly Payout[]): Promise<Set<Id>> {
  const ids = payouts.map((payout) => payout.id);
  const rows =
    ids.length === 0
      ? []
      : await tx
          .select({ withdrawalId: statementDebits.withdrawalId })
          .from(statementDebits)
          .where(and(eq(statementDebits.status, 'explained'), inArray(statementDebits.withdrawalId, ids)));
  return new Set(rows.flatMap((row) => row.withdrawalId ?? []));
}
