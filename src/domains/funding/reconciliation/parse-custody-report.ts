/**
 * A custodian's report as JSON or CSV. It is of one custodian and one day; every line must be understood, or
 * none is taken. It guarantees the shape, not the truth.
 */
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { type Amount, DECIMAL_PATTERN, parseAmount } from '../../../kernel/amount.ts';
import { isDay } from '../../../kernel/business-date.ts';
import { CUSTODY_ROLES } from './schema.ts';

export type CustodyReport = {
  /** Clients' units, or the firm's own. */
  readonly houseRole: (typeof CUSTODY_ROLES)[number];
  readonly custodian: string;
  /** @units YYYY-MM-DD, the end of that day */
  readonly asOf: string;
  readonly holdings: readonly { readonly asset: string; readonly quantity: Amount }[];
};

export type CustodyFormat = 'json' | 'csv';

/** Why a file is refused whole; the words are kept and told. */
export class CustodyReportError extends Error {
  override readonly name = 'CustodyReportError';
}

export const MAX_CUSTODY_BYTES = 1024 * 1024;

const MAX_HOLDINGS = 5000;
const COLUMNS = 'custodian,asOf,asset,quantity';
/** As they are where the file says whose units it is about. */
const ROLE_COLUMNS = `${COLUMNS},houseRole`;

const Holding = z.strictObject({
  asset: z.string().regex(/^[A-Z0-9.]{2,12}$/, 'must be the code of an asset'),
  quantity: z
    .string()
    .regex(DECIMAL_PATTERN, 'must be a decimal string with at most 12 digits and 8 decimals')
    .refine((text) => !text.startsWith('-'), 'must not be below zero'),
});

const Report = z.strictObject({
  houseRole: z.enum(CUSTODY_ROLES).default('custody'),
  custodian: z.string().regex(/^[a-z0-9-]{1,32}$/, 'must be lower-case letters, digits and hyphens'),
  asOf: z.string().refine(isDay, 'must be a day such as 2026-01-31'),
  holdings: z.array(Holding).max(MAX_HOLDINGS),
});

/** Reads a report. @errors CustodyReportError */
export function parseCustodyReport(bytes: Uint8Array, format: CustodyFormat): CustodyReport {
  const text = textOf(bytes);
  const result = Report.safeParse(format === 'json' ? jsonOf(text) : rowsOf(text));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new CustodyReportError(`${issue?.path.join('.') || 'report'}: ${issue?.message ?? 'is not valid'}`);
  }
  const { houseRole, custodian, asOf, holdings } = result.data;
  const twice = holdings.find(
    ({ asset }, place) => holdings.findIndex((each) => each.asset === asset) < place,
  );
  if (twice !== undefined) {
    throw new CustodyReportError(`${twice.asset} is reported twice`);
  }
  return {
    houseRole,
    custodian,
    asOf,
    holdings: holdings.map(({ asset, quantity }) => ({ asset, quantity: parseAmount(quantity) })),
  };
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CustodyReportError('the file is not UTF-8');
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CustodyReportError('the file is not JSON');
  }
}

/** One custodian, one day and one owner in every row: a file of several would be taken for one of them. */
function rowsOf(text: string): unknown {
  const [header, ...rows] = cellsOf(text);
  const columns = header?.join(',');
  if (columns !== COLUMNS && columns !== ROLE_COLUMNS) {
    throw new CustodyReportError(`the header must be ${COLUMNS}, and perhaps houseRole after them`);
  }
  const [custodian, asOf, , , houseRole] = rows[0] ?? [];
  if (rows.some((row) => row[0] !== custodian || row[1] !== asOf || row[4] !== houseRole)) {
    throw new CustodyReportError('every row must name the same custodian and day, and the same houseRole');
  }
  const holdings = rows.map(([, , asset, quantity]) => ({ asset, quantity }));
  return { ...(columns === ROLE_COLUMNS ? { houseRole } : {}), custodian, asOf, holdings };
}

function cellsOf(text: string): readonly string[][] {
  try {
    return parse(text, { bom: true, skip_empty_lines: true, trim: true }) as string[][];
  } catch (error) {
    throw new CustodyReportError(
      error instanceof Error ? error.message.slice(0, 200) : 'the file is not CSV',
    );
  }
}
