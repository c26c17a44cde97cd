import { and, desc, eq, ne, or, sql } from 'drizzle-orm';
import { actorIdOf } from '../../kernel/actor.ts';
import { formatAmount, scaleOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { addDays } from '../../kernel/business-date.ts';
import { DomainError } from '../../kernel/error.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { sha256 } from '../../platform/crypto/keyring.ts';
import { seal, sealJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { requireAsset } from '../ledger/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { parseStatement, readRefused, type Statement, type StatementLine } from './camt-053.ts';
import { StatementError, type StatementFault } from './camt-error.ts';
import { requestConfirmation } from './confirm-statement.ts';
import { type FUNDING_PROBLEMS, refuseFunding } from './errors.ts';
import { bankAccounts, bankStatementLines, bankStatements } from './evidence/schema.ts';
import { type BankAccount, bankWallets } from './receipts.ts';
import { statementPlace } from './statement-file.ts';
import { type BankStatement, counterpartyPlace, inParts, statementsLock } from './statement-lines.ts';

const DAY_MS = 86_400_000;

/** How far ahead of the day they book a line banks say that it is worth it: from that day on money is settled. */
const VALUE_DATE_DAYS = 10;

type StatementFile = { readonly bytes: Uint8Array; readonly fileHash: Uint8Array };

const REFUSALS: Readonly<Record<StatementFault, keyof typeof FUNDING_PROBLEMS>> = {
  unreadable: 'statement_unreadable',
  not_a_statement: 'statement_unreadable',
  several_statements: 'statement_unreadable',
  incomplete: 'statement_unreadable',
  malformed_value: 'statement_unreadable',
  not_booked: 'statement_unreadable',
  wrong_account: 'statement_wrong_account',
  wrong_currency: 'statement_wrong_account',
  totals_differ: 'statement_totals_differ',
  duplicate: 'statement_duplicate',
  gap: 'statement_gap',
  not_bookable: 'statement_not_bookable',
};

/**
 * Takes a bank statement, or refuses all of it and keeps the file with its reason. Nothing is booked by it yet: whoever
 * sends a file could have written it, so that a second person confirms first that it is the bank's.
 * @effects one row of `bank_statements`, its lines, one row of `approvals`; audit `approval.requested` and
 *   `bank_statement.imported`, or `bank_statement.refused`
 * @errors statement_unreadable, statement_wrong_account, statement_totals_differ, statement_duplicate,
 *   statement_gap, statement_not_bookable
 */
export async function importStatement(ctx: Ctx, bytes: Uint8Array): Promise<BankStatement> {
  const file = { bytes, fileHash: sha256(bytes) };
  let parsed: Statement | undefined;
  try {
    const read = parseStatement(bytes);
    parsed = read;
    return await transact(ctx, 'engine', (tx) => take(tx, ctx, file, read));
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) {
      throw error;
    }
    await keepRefused(ctx, file, parsed ?? readRefused(bytes), refusal);
    throw refuseFunding(REFUSALS[refusal.fault], { detail: refusal.message });
  }
}

/** What the books refuse of a file, such as more than a wallet can hold, refuses the file. */
function refusalOf(error: unknown): StatementError | undefined {
  if (error instanceof StatementError) {
    return error;
  }
  const refused = error instanceof DomainError && error.definition.status < 500;
  return refused ? new StatementError('not_bookable', error.code) : undefined;
}

/** One import of an account at a time: the second of two equal files must see the first. */
async function take(tx: Tx, ctx: Ctx, file: StatementFile, parsed: Statement): Promise<BankStatement> {
  const account = await expectedAccount(tx, parsed);
  refuseUnlikelyDays(ctx, parsed);
  await lockExclusive(tx, [statementsLock(account.id)]);
  await refuseDuplicate(tx, file, account, parsed);
  await refuseGap(tx, account, parsed);
  await refuseOverlap(tx, account, parsed);
  await refuseBeyondBooks(tx, ctx, account, parsed);
  const id = newId();
  const confirmation = await requestConfirmation(tx, ctx, { id, fileHash: file.fileHash, account, parsed });
  const [row] = await tx
    .insert(bankStatements)
    .values({
      id,
      status: 'imported',
      standing: 'waiting',
      confirmationId: confirmation.id,
      fileHash: file.fileHash,
      content: seal(ctx.deps.keyring.house, statementPlace(id), file.bytes),
      bankAccountId: account.id,
      statementReference: parsed.reference,
      currency: parsed.currency,
      openingBalance: parsed.openingBalance,
      closingBalance: parsed.closingBalance,
      closingDate: parsed.closingDate,
      entryCount: parsed.entryCount,
      importedBy: actorIdOf(ctx.actor),
      importedAt: ctx.deps.clock.now(),
    })
    .returning();
  const statement = present(row, 'the statement was inserted');
  await storeLines(tx, ctx, statement.id, parsed);
  await record(tx, ctx, {
    event: FUNDING_EVENTS['bank_statement.imported'],
    resource: { type: 'bank_statement', id },
    subjectUserId: null,
    after: statement,
  });
  return statement;
}

/**
 * What is booked once it is confirmed has to fit: a file that never could is refused at once. Of the firm's own account
 * nothing is booked.
 */
async function refuseBeyondBooks(
  tx: Tx,
  ctx: Ctx,
  account: BankAccount,
  { lines }: Statement,
): Promise<void> {
  if (account.houseRole !== 'client_money_bank') {
    return;
  }
  const { bank } = await bankWallets(tx, ctx, account);
  // Together they may be more than an amount is.
  const sum = lines.reduce(
    (total, { direction, amount }) => (direction === 'credit' ? total + amount : total),
    0n,
  );
  const [wallet] = await tx.execute<{ fits: boolean }>(sql`
    select abs(total - ${sum.toString()}::numeric / 100000000) < 1000000000000 as fits
    from wallets where id = ${bank}`);
  if (wallet?.fits !== true) {
    throw new StatementError('not_bookable', 'balance_out_of_range');
  }
}

async function expectedAccount(tx: Tx, parsed: Statement): Promise<BankAccount> {
  const known = await tx.select().from(bankAccounts).where(eq(bankAccounts.iban, parsed.iban));
  if (known.length === 0) {
    const detail = `the account, which ends in ${parsed.iban.slice(-4)}, is none of those that are expected`;
    throw new StatementError('wrong_account', detail);
  }
  const account = known.find((each) => each.currency === parsed.currency);
  if (account === undefined) {
    throw new StatementError('wrong_currency', `the account is not kept in ${parsed.currency}`);
  }
  const { scale } = await requireAsset(tx, account.currency);
  const finer = parsed.lines.find((line) => scaleOf(line.amount) > scale);
  if (finer !== undefined) {
    const detail = `the amount of line ${finer.position} is finer than ${account.currency} can be divided`;
    throw new StatementError('malformed_value', detail);
  }
  return account;
}

/** Booked is what has happened: a day to come would keep money unsettled, and shut out every later statement. */
function refuseUnlikelyDays(ctx: Ctx, { closingDate, lines }: Statement): void {
  // Somewhere it is tomorrow already.
  if (closingDate > addMs(ctx.deps.clock.now(), DAY_MS).slice(0, 10)) {
    throw new StatementError('malformed_value', `it closes on ${closingDate}, which has not come`);
  }
  const late = lines.find((line) => line.bookingDate > closingDate);
  if (late !== undefined) {
    const detail = `line ${late.position} is booked on ${late.bookingDate}, after the closing date`;
    throw new StatementError('malformed_value', detail);
  }
  // Of days that have passed banks correct what was worth when, however long ago.
  const far = lines.find(({ bookingDate, valueDate }) => valueDate > addDays(bookingDate, VALUE_DATE_DAYS));
  if (far !== undefined) {
    const detail = `line ${far.position}, booked on ${far.bookingDate}, is worth ${far.valueDate}`;
    throw new StatementError('malformed_value', detail);
  }
}

async function refuseDuplicate(
  tx: Tx,
  file: StatementFile,
  account: BankAccount,
  parsed: Statement,
): Promise<void> {
  const [known] = await tx
    .select({ id: bankStatements.id })
    .from(bankStatements)
    .where(
      and(
        ne(bankStatements.standing, 'void'),
        or(
          eq(bankStatements.fileHash, file.fileHash),
          and(
            eq(bankStatements.bankAccountId, account.id),
            eq(bankStatements.statementReference, parsed.reference),
          ),
        ),
      ),
    );
  if (known !== undefined) {
    throw new StatementError('duplicate', `imported already as ${known.id}`);
  }
}

/** A statement goes on where the last one ended: else one is missing, or one of the two was made up. */
async function refuseGap(tx: Tx, account: BankAccount, parsed: Statement): Promise<void> {
  const [last] = await tx
    .select({
      id: bankStatements.id,
      closingBalance: bankStatements.closingBalance,
      closingDate: bankStatements.closingDate,
    })
    .from(bankStatements)
    .where(and(ne(bankStatements.standing, 'void'), eq(bankStatements.bankAccountId, account.id)))
    .orderBy(desc(bankStatements.id))
    .limit(1);
  if (last?.closingBalance != null && last.closingBalance !== parsed.openingBalance) {
    const [opens, closed] = [formatAmount(parsed.openingBalance), formatAmount(last.closingBalance)];
    throw new StatementError('gap', `it opens at ${opens}; the one before, ${last.id}, closed at ${closed}`);
  }
  if (last?.closingDate != null && last.closingDate > parsed.closingDate) {
    const detail = `it closes on ${parsed.closingDate}; the one before, ${last.id}, on ${last.closingDate}`;
    throw new StatementError('gap', detail);
  }
}

/** Lines that sum to nothing leave no gap when they come again: the bank's own reference tells them. */
async function refuseOverlap(tx: Tx, account: BankAccount, parsed: Statement): Promise<void> {
  const references = [...new Set(parsed.lines.flatMap((line) => line.bankReference ?? []))];
  const known = await tx
    .select({ line: bankStatementLines })
    .from(bankStatementLines)
    .innerJoin(bankStatements, eq(bankStatements.id, bankStatementLines.statementId))
    .where(
      and(
        eq(bankStatements.bankAccountId, account.id),
        ne(bankStatements.standing, 'void'),
        sql`${bankStatementLines.bankReference} = any (${sql.param(references)}::text[])`,
      ),
    );
  const seen = new Set(known.map(({ line }) => fingerprint(line)));
  const again = parsed.lines.find((line) => line.bankReference !== null && seen.has(fingerprint(line)));
  if (again !== undefined) {
    throw new StatementError('duplicate', `line ${again.position} was imported with an earlier statement`);
  }
}

function fingerprint(
  line: Omit<StatementLine, 'counterparty' | 'paymentReference' | 'position' | 'reversal'>,
): string {
  const { bankReference, endToEndId, direction, amount, bookingDate, valueDate } = line;
  return JSON.stringify([bankReference, endToEndId, direction, formatAmount(amount), bookingDate, valueDate]);
}

async function storeLines(tx: Tx, ctx: Ctx, statementId: Id, parsed: Statement): Promise<void> {
  const drafts = parsed.lines.map(({ counterparty, ...line }) => {
    const id = newId();
    const sealed = sealJson(ctx.deps.keyring.house, counterpartyPlace(id), counterparty);
    return { ...line, id, statementId, counterparty: sealed };
  });
  for (const some of inParts(drafts)) {
    await tx.insert(bankStatementLines).values(some);
  }
}

/** In a transaction of its own: what was refused is evidence too, with what it says it is. The file is kept once. */
async function keepRefused(
  ctx: Ctx,
  { bytes, fileHash }: StatementFile,
  said: Statement | undefined,
  error: StatementError,
): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const same = await tx
      .select({ id: bankStatements.id })
      .from(bankStatements)
      .where(eq(bankStatements.fileHash, fileHash))
      .limit(1);
    const id = newId();
    const [row] = await tx
      .insert(bankStatements)
      .values({
        id,
        status: 'refused',
        standing: 'void',
        fileHash,
        content: same.length > 0 ? null : seal(ctx.deps.keyring.house, statementPlace(id), bytes),
        bankAccountId: said === undefined ? null : ((await accountOf(tx, said))?.id ?? null),
        statementReference: said?.reference ?? null,
        currency: said?.currency ?? null,
        openingBalance: said?.openingBalance ?? null,
        closingBalance: said?.closingBalance ?? null,
        closingDate: said?.closingDate ?? null,
        entryCount: said?.entryCount ?? 0,
        refusalCode: error.fault,
        refusal: error.detail,
        importedBy: actorIdOf(ctx.actor),
        importedAt: ctx.deps.clock.now(),
      })
      .returning();
    await record(tx, ctx, {
      event: FUNDING_EVENTS['bank_statement.refused'],
      resource: { type: 'bank_statement', id },
      subjectUserId: null,
      after: present(row, 'the refusal was inserted'),
    });
  });
}

async function accountOf(tx: Tx, { iban, currency }: Statement): Promise<BankAccount | undefined> {
  const [account] = await tx
    .select()
    .from(bankAccounts)
    .where(and(eq(bankAccounts.iban, iban), eq(bankAccounts.currency, currency)));
  return account;
}
