/** The file of a bank statement as it was handed in, and what one says that was refused. */
import { and, asc, eq, isNotNull, ne, or, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { readRefused, type StatementLine } from './camt-053.ts';
import { type EvidenceFile, openEvidenceFile } from './evidence/evidence-file.ts';
import { bankStatements } from './evidence/schema.ts';
import type { BankStatement } from './statement-lines.ts';

/** What a statement's sealed file is bound to. */
export function statementPlace(rowId: Id) {
  return { table: 'bank_statements', column: 'content', rowId };
}

/** A file that came again is kept once. @errors evidence_changed; SealError */
export async function openStatementFile(tx: Tx, ctx: Ctx, statement: BankStatement): Promise<EvidenceFile> {
  const [kept] =
    statement.content === null
      ? await tx
          .select()
          .from(bankStatements)
          .where(and(eq(bankStatements.fileHash, statement.fileHash), isNotNull(bankStatements.content)))
          .limit(1)
      : [statement];
  return openEvidenceFile(ctx, kept, statementPlace, statement.fileHash);
}

export type RefusedStatement = {
  /** What it says, line by line, without who paid or was paid; none where it cannot be read so. */
  readonly refusedLines: readonly Omit<StatementLine, 'counterparty'>[];
  /** What counts in its place: the same file, or another of the same account and number, or of the same day. */
  readonly insteadId: Id | null;
};

/** @errors evidence_changed; SealError */
export async function readRefusedStatement(
  tx: Tx,
  ctx: Ctx,
  statement: BankStatement,
): Promise<RefusedStatement> {
  if (statement.status !== 'refused') {
    return { refusedLines: [], insteadId: null };
  }
  const { bytes } = await openStatementFile(tx, ctx, statement);
  const lines = readRefused(bytes)?.lines ?? [];
  return {
    refusedLines: lines.map(({ counterparty: _counterparty, ...line }) => line),
    insteadId: await insteadOf(tx, statement),
  };
}

async function insteadOf(
  tx: Tx,
  { fileHash, bankAccountId, statementReference, closingDate }: BankStatement,
): Promise<Id | null> {
  const isSameFile = eq(bankStatements.fileHash, fileHash);
  const ofAccount = (condition: ReturnType<typeof eq>) =>
    bankAccountId === null ? undefined : and(eq(bankStatements.bankAccountId, bankAccountId), condition);
  const hasNumber = ofAccount(eq(bankStatements.statementReference, statementReference ?? ''));
  const hasDay = ofAccount(eq(bankStatements.closingDate, closingDate ?? ''));
  const [instead] = await tx
    .select({ id: bankStatements.id })
    .from(bankStatements)
    .where(
      and(
        eq(bankStatements.status, 'imported'),
        ne(bankStatements.standing, 'void'),
        or(isSameFile, hasNumber, hasDay),
      ),
    )
    .orderBy(
      sql`case when ${isSameFile} then 0 when ${hasNumber ?? sql`false`} then 1 else 2 end`,
      asc(bankStatements.id),
    )
    .limit(1);
  return instead?.id ?? null;
}
