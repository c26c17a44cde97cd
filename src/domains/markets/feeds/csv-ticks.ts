/** Ticks in a file: `symbol,price,size,sequence,occurredAt` with that head, one tick a line. */
import { parse } from 'csv-parse/sync';
import { parseInstant } from '../../../kernel/time.ts';
import type { FeedTick } from '../prices/rules.ts';

/** A file that is no such file; its message says which line. */
export class TickFileError extends Error {
  override readonly name = 'TickFileError';
}

const COLUMNS = ['symbol', 'price', 'size', 'sequence', 'occurredAt'] as const;

/** Reads all of a file. @errors TickFileError */
export function readTickFile(text: string): readonly FeedTick[] {
  const rows = rowsOf(text);
  const [head, ...lines] = rows;
  if (head?.join(',') !== COLUMNS.join(',')) {
    throw new TickFileError(`the first line must be ${COLUMNS.join(',')}`);
  }
  return lines.map((line, index) => tickOf(line, index + 2));
}

function rowsOf(text: string): readonly (readonly string[])[] {
  try {
    return parse(text, { bom: true, skip_empty_lines: true, trim: true }) as string[][];
  } catch (failure) {
    throw new TickFileError(failure instanceof Error ? failure.message : 'is no CSV file');
  }
}

/** Whether a price or a size is sound is not decided here. */
function tickOf(
  [symbol = '', price = '', size = '', sequence = '', at = '']: readonly string[],
  line: number,
): FeedTick {
  if (symbol === '' || !/^\d{1,18}$/.test(sequence)) {
    throw new TickFileError(`line ${line} needs a symbol and a whole sequence`);
  }
  try {
    return { symbol, price, size, sequence: BigInt(sequence), occurredAt: parseInstant(at) };
  } catch {
    throw new TickFileError(`line ${line} needs an instant such as 2026-01-31T09:30:00Z`);
  }
}
