import { stringify } from 'csv-stringify/sync';
import { DECIMAL_PATTERN, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import type { ReportContent } from './report-content.ts';

/**
 * A report as CSV: facts first, then each table under its name. What a spreadsheet would take for a formula
 * is escaped; a figure below zero is none and stays as it is.
 */
export function reportCsv({ title, facts, tables }: ReportContent): Uint8Array {
  const rows: (readonly string[])[] = [[title], ...facts];
  for (const table of tables) {
    rows.push([''], [table.title], table.columns, ...table.rows);
  }
  const text = stringify(
    rows.map((row) => row.map(asCell)),
    {
      record_delimiter: 'windows',
      escape_formulas: true,
      cast: { bigint: (amount) => formatAmount(amount) },
    },
  );
  return new TextEncoder().encode(text);
}

/** The writer escapes every text that begins with a minus, and no amount. */
function asCell(text: string): string | bigint {
  return text.startsWith('-') && DECIMAL_PATTERN.test(text) ? parseAmount(text) : text;
}
