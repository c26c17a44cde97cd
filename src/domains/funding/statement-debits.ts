/**
 * Money that left the firm's bank account. A debit that names a payout by its end-to-end id and has its
 * amount explains itself, one that names a repayment where it went to whoever had paid, and one of a whole payout file of which
 * nothing is open any more; every other is a piece of work until two people say what it was. No debit is ever
 * booked to customers: what the bank charges is the firm's debt to its clients' money until it puts that in.
 */
import { and, eq, inArray, isNull, ne, not, or } from 'drizzle-orm';
import type { Amount } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Page } from '../../kernel/page.ts';
import { raiseAlarm } from '../../platform/alarms/raise-alarm.ts';
import { recordMany } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRows } from '../../platform/db/locks.ts';
import type { PageRequest } from '../../platform/http/cursor.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { bankStatementLines, bankStatements } from './evidence/schema.ts';
import { matching, newestFirst, type Period, within } from './newest-first.ts';
import { isPaidElsewhere } from './paid-back-to.ts';
import { firmsLines, namesPayment } from './paid-by-firm.ts';
import { isPaidToAnother, isPaidToOne } from './paid-to-another.ts';
import type { Payment } from './payout-file.ts';
import { payoutOfReference, payoutReferenceOf } from './payout-reference.ts';
import {
  filesNamed,
  filesWith,
  isOfFiles,
  type NamedFile,
  paidWithFile,
  paymentsOfFiles,
} from './payouts/files-on-statement.ts';
import { type BankAccount, bankWallets } from './receipts.ts';
import { isSent } from './repayments/handed-out.ts';
import { completeByDebit, type Repayment } from './repayments/repayment-status.ts';
import type { WithdrawalStatus } from './rules.ts';
import { withdrawals } from './schema.ts';
import { inParts, type StoredLine } from './statement-lines.ts';
import type { Withdrawal } from './store.ts';
import { repayments, statementDebits } from './work/schema.ts';

export type StatementDebit = typeof statementDebits.$inferSelect;

/** Payouts that a debit may be: those under way, and those that are booked. */
export const PAID_STATUSES = [
  'processing',
  'unknown',
  'completed',
] as const satisfies readonly WithdrawalStatus[];

/** A payment that a debit may name. */
type Payout = Pick<Payment, 'id' | 'asset' | 'amount'> & {
  readonly reference: string;
  readonly isExpected: boolean;
} & (
    | { readonly repayment: Repayment; readonly withdrawal?: undefined }
    | { readonly withdrawal: Withdrawal; readonly repayment?: undefined }
  );

type DebitReason =
  | 'payout'
  | 'payout_file'
  | 'reversal'
  | 'no_reference'
  | 'unknown_reference'
  | 'amount_differs'
  | 'account_differs'
  | 'payout_not_expected'
  | 'paid_already';

/** What a debit says of itself, from values alone. */
function debitReason(
  line: {
    readonly amount: Amount;
    readonly asset: string;
    readonly reversal: boolean;
    readonly named: boolean;
    /** It left another account than it was to be paid from, or went to another than it was to go to. */
    readonly elsewhere: boolean;
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
  if (line.elsewhere) {
    return 'account_differs';
  }
  if (!payout.isExpected) {
    return 'payout_not_expected';
  }
  return paidAlready ? 'paid_already' : 'payout';
}

/** The same of a debit that bears the name of a payout file and is of all that it pays. */
function wholeFileReason(file: NamedFile, explainedBefore: boolean): DebitReason {
  return explainedBefore || file.isExplained ? 'paid_already' : 'payout_file';
}

/**
 * Keeps the debits of a statement, each with what explains it or as work.
 * @effects rows of `statement_debits`; the repayments that they are; audit `statement_debit.explained` or
 *   `statement_debit.opened`; the alarm `statement_debit.paid_elsewhere` for a withdrawal that went to another account,
 *   and for a payout file that went to one, `statement_debit.given_up_paid` for a repayment that was given up
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
  const files = await filesNamed(tx, account, namesIn(debits));
  const ofFiles = new Set(await paymentsOfFiles(tx, [...files.keys()]));
  const isInParts = [...payouts.values()].some(({ id }) => ofFiles.has(id));
  const createdAt = ctx.deps.clock.now();
  const values: NewDebit[] = [];
  const strayed = new Set<Id>();
  for (const line of debits) {
    const file = files.get(line.endToEndId ?? '');
    if (file?.sums.includes(line.amount) && !line.reversal) {
      const strays = await isPaidToOne(tx, ctx, line.id);
      if (strays) {
        strayed.add(line.id);
      }
      const of = { walletId, asset: account.currency, createdAt, paid, isOther: isInParts || strays };
      values.push(wholeFile(line, file, of));
      continue;
    }
    const payout = payouts.get(line.endToEndId ?? '');
    const elsewhere = await wentElsewhere(tx, ctx, payout, { walletId, lineId: line.id });
    const facts = { ...line, asset: account.currency, named: line.endToEndId !== null, elsewhere };
    const reason = debitReason(facts, payout, payout !== undefined && paid.has(payout.id));
    const is = reason === 'payout' ? payout : undefined;
    if (is !== undefined) {
      paid.add(is.id);
    }
    if (elsewhere && payout?.withdrawal !== undefined) {
      strayed.add(line.id);
    }
    values.push({
      id: newId(),
      statementLineId: line.id,
      walletId,
      asset: account.currency,
      amount: line.amount,
      reason,
      ...(payout?.repayment === undefined
        ? { namedWithdrawalId: payout?.id ?? null, withdrawalId: is?.id ?? null }
        : { namedRepaymentId: payout.id, repaymentId: is?.id ?? null }),
      explanation: is === undefined ? null : is.repayment === undefined ? 'payout' : 'repayment',
      status: is === undefined ? 'open' : 'explained',
      closedAt: is === undefined ? null : createdAt,
      createdAt,
    });
  }
  const rows = await keepDebits(tx, ctx, values, strayed);
  await tellOfGivenUp(tx, ctx, rows, payouts);
  const repaid = new Map(
    [...payouts.values()].flatMap(({ repayment }) => repayment ?? []).map((row) => [row.id, row]),
  );
  for (const { repaymentId, statementLineId } of rows) {
    const repayment = repaid.get(repaymentId ?? '');
    if (repayment !== undefined) {
      await completeByDebit(tx, ctx, repayment, { statementLineId });
    }
  }
}

function namesIn(debits: readonly StoredLine[]): readonly string[] {
  return debits.flatMap(({ endToEndId }) => endToEndId ?? []);
}

/**
 * A debit of a whole file explains itself where the file is booked already, the bank names nobody as whom it went to, and
 * the statement shows no part of it by itself: else its explanation books it.
 */
function wholeFile(
  line: StoredLine,
  file: NamedFile,
  {
    paid,
    isOther,
    ...kept
  }: Pick<NewDebit, 'walletId' | 'asset' | 'createdAt'> & {
    readonly paid: Set<Id>;
    readonly isOther: boolean;
  },
): NewDebit {
  const reason = wholeFileReason(file, paid.has(file.id));
  const explains = reason === 'payout_file' && file.isSettled && !isOther;
  if (explains) {
    paid.add(file.id);
  }
  return {
    ...kept,
    id: newId(),
    statementLineId: line.id,
    amount: line.amount,
    reason,
    namedPayoutFileId: file.id,
    payoutFileId: explains ? file.id : null,
    explanation: explains ? 'payout_file' : null,
    status: explains ? 'explained' : 'open',
    closedAt: explains ? kept.createdAt : null,
  };
}

/** What was given up lies open to go back once more: paid as well, it left twice. */
async function tellOfGivenUp(
  tx: Tx,
  ctx: Ctx,
  rows: readonly StatementDebit[],
  payouts: ReadonlyMap<string, Payout>,
): Promise<void> {
  const givenUp = new Set(
    [...payouts.values()].filter(({ repayment }) => repayment?.status === 'given_up').map(({ id }) => id),
  );
  for (const row of rows.filter(({ namedRepaymentId }) => givenUp.has(namedRepaymentId as Id))) {
    await raiseAlarm(tx, ctx, {
      event: FUNDING_EVENTS['statement_debit.given_up_paid'],
      resource: { type: 'statement_debit', id: row.id },
      subjectUserId: null,
      after: row,
    });
  }
}

type NewDebit = typeof statementDebits.$inferInsert;

/** Keeps them; the lines that `strayed` are of payouts that went to another account, whatever else is wrong with them. */
async function keepDebits(
  tx: Tx,
  ctx: Ctx,
  values: readonly NewDebit[],
  strayed: ReadonlySet<Id>,
): Promise<readonly StatementDebit[]> {
  const rows: StatementDebit[] = [];
  for (const some of inParts(values)) {
    rows.push(...(await tx.insert(statementDebits).values(some).returning()));
  }
  for (const row of rows.filter(({ statementLineId }) => strayed.has(statementLineId))) {
    await raiseAlarm(tx, ctx, {
      event: FUNDING_EVENTS['statement_debit.paid_elsewhere'],
      resource: { type: 'statement_debit', id: row.id },
      subjectUserId: null,
      after: row,
    });
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
  return rows;
}

/**
 * Money goes back from where the books took it, and to whoever had paid it: a debit that says less is looked at. What a
 * customer takes out goes to the account that was approved, where the bank names one.
 */
async function wentElsewhere(
  tx: Tx,
  ctx: Ctx,
  payout: Payout | undefined,
  left: { readonly walletId: Id; readonly lineId: Id },
): Promise<boolean> {
  if (payout?.repayment === undefined) {
    return payout !== undefined && isPaidToAnother(tx, ctx, payout.withdrawal, left.lineId);
  }
  const { walletId, statementLineId } = payout.repayment;
  return walletId !== left.walletId || isPaidElsewhere(tx, ctx, statementLineId, left.lineId);
}

/**
 * Locks the payouts that the debits of a statement name, so that none is set free while its debit is taken in.
 * Before any wallet is locked.
 */
export async function lockPayoutsNamed(tx: Tx, lines: readonly StoredLine[]): Promise<void> {
  const debits = lines.filter((line) => line.direction === 'debit');
  const payouts = await payoutsNamed(tx, debits);
  const ofFiles = await paymentsOfFiles(tx, namesIn(debits));
  const ids = [...new Set([...[...payouts.values()].map(({ id }) => id), ...ofFiles])];
  await lockRows(tx, withdrawals, ids);
  await lockRows(tx, repayments, ids);
}

/** Who says that a payout was not made: people, or whoever carries it. */
export type Speaker = 'people' | 'bank';

/** A payment whose money may be set free, or tried again. */
type Paid = Pick<Payment, 'id' | 'amount' | 'payoutReference'>;

/**
 * Keeps the money of a locked payout from being set free that a bank statement shows as made, or of which any debit
 * bears the reference, whatever its amount and explained or not: nobody's word stands against it, and what the bank
 * sends back comes as a receipt. The bank's own refusal stands beside what it charged for it; where it refused nothing,
 * what people call its charge may be the payout less a fee.
 * @errors payout_on_statement
 */
export async function refuseIfDebited(tx: Tx, paid: Paid, said: Speaker): Promise<void> {
  if ((await isDebited(tx, paid, said)) || (await isNamedByWaiting(tx, paid))) {
    throw refuseFunding('payout_on_statement');
  }
}

/** Whether money left the bank in the name of a locked payout, or as it, by a statement that counts. */
export async function isDebited(tx: Tx, { id, amount }: Paid, said: Speaker): Promise<boolean> {
  const { withdrawalId, namedWithdrawalId, repaymentId, namedRepaymentId, explanation } = statementDebits;
  const isCharge = and(eq(explanation, 'bank_charge'), ne(statementDebits.amount, amount));
  const files = await filesWith(tx, id);
  const [debit] = await tx
    .select({ id: statementDebits.id })
    .from(statementDebits)
    .where(
      and(
        ne(statementDebits.status, 'void'),
        or(
          eq(withdrawalId, id),
          eq(repaymentId, id),
          and(
            or(eq(namedWithdrawalId, id), eq(namedRepaymentId, id), isOfFiles(files)),
            said === 'people'
              ? undefined
              : or(isNull(explanation), not(present(isCharge, 'it has conditions'))),
          ),
        ),
      ),
    )
    .limit(1);
  return debit !== undefined;
}

/**
 * A statement that nobody confirmed yet may be right: until that is decided, its debit stands in the way. So does one
 * that was taken in when nobody saw which payout it names, until somebody said what it was; and one of the firm's own
 * account, which is nobody's to explain: whoever was paid from there has the money.
 */
export async function isNamedByWaiting(tx: Tx, paid: Paid): Promise<boolean> {
  const [line] = await tx
    .select({ id: bankStatementLines.id })
    .from(bankStatementLines)
    .innerJoin(bankStatements, eq(bankStatements.id, bankStatementLines.statementId))
    .leftJoin(statementDebits, eq(statementDebits.statementLineId, bankStatementLines.id))
    .where(
      and(
        await namesPayment(tx, paid),
        or(
          eq(bankStatements.standing, 'waiting'),
          and(eq(statementDebits.status, 'open'), eq(statementDebits.reason, 'unknown_reference')),
        ),
      ),
    )
    .limit(1);
  return line !== undefined || (await firmsLines(tx, paid)).length > 0;
}

export type DebitQuery = PageRequest &
  Period & {
    readonly status?: StatementDebit['status'] | undefined;
    readonly assigneeId?: Id | undefined;
    readonly asset?: string | undefined;
    readonly withdrawalId?: Id | undefined;
  };

/** Debits, newest first. @errors invalid_cursor */
export async function listDebits(ctx: Ctx, query: DebitQuery): Promise<Page<StatementDebit>> {
  const { limit, cursor, ...filters } = query;
  const { withdrawalId } = filters;
  const listing = { name: 'statement debits', id: statementDebits.id, filters };
  return newestFirst(ctx, { limit, cursor }, listing, async (tx, behind, order, count) => {
    const files = withdrawalId === undefined ? [] : await filesWith(tx, withdrawalId);
    return tx
      .select()
      .from(statementDebits)
      .where(
        and(
          matching(statementDebits.status, filters.status),
          matching(statementDebits.assigneeId, filters.assigneeId),
          matching(statementDebits.asset, filters.asset),
          // What it was, and what it says it is.
          or(
            matching(statementDebits.withdrawalId, withdrawalId),
            matching(statementDebits.namedWithdrawalId, withdrawalId),
            isOfFiles(files),
          ),
          within(statementDebits.createdAt, filters),
          behind,
        ),
      )
      .orderBy(order)
      .limit(count);
  });
}

async function payoutsNamed(tx: Tx, debits: readonly StoredLine[]): Promise<ReadonlyMap<string, Payout>> {
  const references = namesIn(debits);
  if (references.length === 0) {
    return new Map();
  }
  // By what it follows from: one that is not begun here may be paid all the same, by what a restore lost.
  const ids = references.flatMap((reference) => payoutOfReference(reference) ?? []);
  const taken = await tx
    .select()
    .from(withdrawals)
    .where(or(inArray(withdrawals.payoutReference, references), inArray(withdrawals.id, ids)));
  const back = await tx.select().from(repayments).where(inArray(repayments.payoutReference, references));
  const repaid: Payout[] = [];
  for (const row of back) {
    repaid.push({
      ...row,
      reference: row.payoutReference,
      isExpected: await isSent(tx, row),
      repayment: row,
    });
  }
  const payouts: readonly Payout[] = [
    ...taken.map((row) => ({
      ...row,
      reference: row.payoutReference ?? payoutReferenceOf(row.id),
      isExpected: (PAID_STATUSES as readonly WithdrawalStatus[]).includes(row.status),
      withdrawal: row,
    })),
    ...repaid,
  ];
  return new Map(payouts.map((payout) => [payout.reference, payout]));
}

async function explainedAlready(tx: Tx, payouts: readonly Payout[]): Promise<Set<Id>> {
  const ids = payouts.map((payout) => payout.id);
  const { status, withdrawalId, repaymentId } = statementDebits;
  const rows =
    ids.length === 0
      ? []
      : await tx
          .select({ withdrawalId, repaymentId })
          .from(statementDebits)
          .where(and(eq(status, 'explained'), or(inArray(withdrawalId, ids), inArray(repaymentId, ids))));
  const withFile = ids.length === 0 ? [] : await paidWithFile(tx, ids);
  return new Set([...rows.flatMap((row) => row.withdrawalId ?? row.repaymentId ?? []), ...withFile]);
}
