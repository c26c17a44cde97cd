/**
 * That a file is the bank's: by it deposits clear, receipts are booked and reconciliation agrees. So a second person
 * compares it with what the bank itself shows before any of it counts (`confirm-file.ts`).
 */
import { and, asc, desc, eq, inArray, lt, ne } from 'drizzle-orm';
import { formatAmount, sumAmounts } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import type { Approval } from '../../platform/approvals/request-approval.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { lockWallets } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import type { Statement } from './camt-053.ts';
import { askAboutFile, type FileKind, type FilePayload, fileVote, stand } from './confirm-file.ts';
import { refuseFunding } from './errors.ts';
import { bankAccounts, bankStatementLines, bankStatements } from './evidence/schema.ts';
import { matchLine } from './match-line.ts';
import { type BankAccount, bankWallets, type NewReceipt, openReceipts } from './receipts.ts';
import { deposits } from './schema.ts';
import { lockPayoutsNamed, openDebits } from './statement-debits.ts';
import { type BankStatement, inParts, type StoredLine, statementsLock } from './statement-lines.ts';

/** How statements of banks wait for a second person. */
export const STATEMENT_FILES: FileKind = {
  type: 'bank_statement',
  table: bankStatements,
  confirmed: FUNDING_EVENTS['bank_statement.confirmed'],
  voided: FUNDING_EVENTS['bank_statement.voided'],
};

/** Asks another person whether a statement that is being taken is the bank's. @effects those of `requestApproval` */
export function requestConfirmation(
  tx: Tx,
  ctx: Ctx,
  taken: {
    readonly id: Id;
    readonly fileHash: Uint8Array;
    readonly account: BankAccount;
    readonly parsed: Statement;
  },
): Promise<Approval> {
  const { parsed, account } = taken;
  return askAboutFile(tx, ctx, STATEMENT_FILES, {
    to: 'confirm',
    id: taken.id,
    payload: payloadOf({ ...parsed, ...taken, statementReference: parsed.reference }, account, parsed.lines),
    reason: `Statement of ${account.name} up to ${parsed.closingDate}`,
  });
}

/**
 * What the vote on a statement does: it counts. With it are booked its debits and the credits that name no deposit; each
 * credit that names one follows by itself, so that nobody waits for somebody else's. One of the firm's own account books
 * nothing: it is evidence alone.
 */
export const statementConfirmation: ApprovalAction = fileVote(STATEMENT_FILES, {
  to: 'confirm',
  lock: async (tx, _ctx, statementId) => {
    const { statement, account } = await lockStatement(tx, statementId);
    return { statement, account, lines: await linesOf(tx, statement.id) };
  },
  payloadOf: ({ statement, account, lines }) => payloadOf(statement, account, lines),
  agreed: async (tx, ctx, { statement, account, lines }) => {
    await refuseOutOfTurn(tx, statement);
    await stand(tx, ctx, STATEMENT_FILES, statement, 'confirmed');
    if (account.houseRole !== 'client_money_bank') {
      return;
    }
    await lockPayoutsNamed(tx, lines);
    const { bank, unallocated } = await bankWallets(tx, ctx, account);
    await lockWallets(tx, [bank, unallocated]);
    await openReceipts(tx, ctx, account, await nobodysCredits(tx, account, lines));
    await openDebits(tx, ctx, account, lines);
  },
  declined: (tx, ctx, { statement }) => stand(tx, ctx, STATEMENT_FILES, statement, 'void'),
});

/** A taken statement and its account; nobody else takes, confirms or gives up one of that account meanwhile. */
export async function lockStatement(
  tx: Tx,
  statementId: Id,
): Promise<{ readonly statement: BankStatement; readonly account: BankAccount }> {
  const find = async () => {
    const [row] = await tx
      .select({ statement: bankStatements, account: bankAccounts })
      .from(bankStatements)
      .innerJoin(bankAccounts, eq(bankAccounts.id, bankStatements.bankAccountId))
      .where(eq(bankStatements.id, statementId));
    return present(row, 'a statement that was taken is of an account');
  };
  const { account } = await find();
  await lockExclusive(tx, [statementsLock(account.id)]);
  return find();
}

/** The lines of a statement, in the order of its file. */
export function linesOf(tx: Tx, statementId: Id): Promise<readonly StoredLine[]> {
  return tx
    .select()
    .from(bankStatementLines)
    .where(eq(bankStatementLines.statementId, statementId))
    .orderBy(asc(bankStatementLines.position));
}

/** Statements count in the order of the account: what an earlier one says is decided first. */
async function refuseOutOfTurn(tx: Tx, statement: BankStatement): Promise<void> {
  const [previous] = await tx
    .select()
    .from(bankStatements)
    .where(
      and(
        eq(bankStatements.bankAccountId, present(statement.bankAccountId, 'it is of an account')),
        ne(bankStatements.standing, 'void'),
        lt(bankStatements.id, statement.id),
      ),
    )
    .orderBy(desc(bankStatements.id))
    .limit(1);
  if (previous?.standing === 'waiting') {
    throw refuseFunding('statement_out_of_turn', { detail: `Statement ${previous.id} comes first.` });
  }
  if (previous !== undefined && previous.closingBalance !== statement.openingBalance) {
    throw refuseFunding('statement_gap', {
      detail: `It does not begin where ${previous.id} ended: reject it, and import what follows that one.`,
    });
  }
}

/** What names no deposit is nobody's yet, and needs nobody's gate. */
async function nobodysCredits(
  tx: Tx,
  { currency: asset }: BankAccount,
  lines: readonly StoredLine[],
): Promise<readonly NewReceipt[]> {
  const credits = lines.filter(({ direction }) => direction === 'credit');
  const references = [...new Set(credits.flatMap(({ paymentReference }) => paymentReference ?? []))];
  const known = new Set<string>();
  for (const some of inParts(references)) {
    const rows = await tx
      .select({ reference: deposits.paymentReference })
      .from(deposits)
      .where(inArray(deposits.paymentReference, some));
    rows.map(({ reference }) => known.add(reference));
  }
  return credits.flatMap((line) => {
    if (known.has(line.paymentReference ?? '')) {
      return [];
    }
    const unknown = { deposit: undefined, payer: 'unnamed', accepts: false, own: false } as const;
    const facts = { ...unknown, returnsPayout: false };
    const outcome = matchLine({ ...facts, line: { ...line, asset } });
    const { id: statementLineId, amount, valueDate } = line;
    return outcome.kind === 'receipt'
      ? [{ statementLineId, amount, valueDate, reason: outcome.reason, depositId: null }]
      : [];
  });
}

/** What the second person compares with the bank's own word. */
function payloadOf(
  statement: Pick<
    BankStatement,
    'fileHash' | 'statementReference' | 'openingBalance' | 'closingBalance' | 'closingDate'
  >,
  account: BankAccount,
  lines: readonly Pick<StoredLine, 'direction' | 'amount'>[],
): FilePayload {
  const sumOf = (direction: StoredLine['direction']) =>
    formatAmount(
      sumAmounts(lines.filter((line) => line.direction === direction).map(({ amount }) => amount)),
    );
  return {
    bankAccountId: account.id,
    currency: account.currency,
    // What was asked of clients' accounts before the firm's had statements reads the same.
    ...(account.houseRole === 'client_money_bank' ? {} : { houseRole: account.houseRole }),
    statementReference: statement.statementReference,
    closingDate: statement.closingDate,
    openingBalance: formatAmount(present(statement.openingBalance, 'a taken statement has it')),
    closingBalance: formatAmount(present(statement.closingBalance, 'a taken statement has it')),
    lineCount: lines.length,
    credits: sumOf('credit'),
    debits: sumOf('debit'),
    fileHash: Buffer.from(statement.fileHash).toString('hex'),
  };
}
