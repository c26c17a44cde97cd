import type { Id } from '../../kernel/id.ts';
import type { bankStatementLines, bankStatements } from './evidence/schema.ts';

export type BankStatement = typeof bankStatements.$inferSelect;

/** A line as it is kept. */
export type StoredLine = typeof bankStatementLines.$inferSelect;

/** The name under which the statements of an account are taken in, confirmed and given up one after the other. */
export function statementsLock(bankAccountId: Id): string {
  return `bank_statements:${bankAccountId}`;
}

/** As many rows as one statement of SQL takes: its parameters are counted in sixteen bits. */
const ROWS_AT_ONCE = 1_000;

/** Cuts rows into parts that one INSERT takes. */
export function inParts<Row>(rows: readonly Row[]): Row[][] {
  const parts: Row[][] = [];
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    parts.push(rows.slice(at, at + ROWS_AT_ONCE));
  }
  return parts;
}

/** What a line's sealed other side is bound to. */
export function counterpartyPlace(rowId: Id) {
  return { table: 'bank_statement_lines', column: 'counterparty', rowId };
}
