import { createHash } from 'node:crypto';
import { stringify } from 'csv-stringify/sync';
import { canonicalJson } from '../../../kernel/canonical-json.ts';
import { addMs, type Instant, parseInstant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type Figure, type FigureSpan, kycYearFigures } from '../../kyc/index.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import { amlYearFigures } from './annual-figures.ts';

/** Whatever began before this is committed or gone by now: no runtime transaction lives so long. @units ms */
const SETTLED_MS = 60_000;

export type AnnualReport = FigureSpan & {
  readonly year: number;
  readonly timeZone: string;
  readonly figures: readonly Figure[];
  /** Over year, span and figures. @units lower-case hex SHA-256 of the canonical JSON */
  readonly sha256: string;
};

/**
 * What happened in a calendar year of the firm's, as known at a cut-off: counts that name nobody. The same year and
 * cut-off give the same figures whenever they are asked for, and the log says what they were.
 * @effects audit `aml_annual_report.made`
 * @errors annual_report_ahead
 */
export async function getAnnualReport(
  ctx: Ctx,
  { year, until }: { readonly year: number; readonly until?: Instant | undefined },
): Promise<AnnualReport> {
  const { timeZone, clock } = ctx.deps;
  const settled = addMs(clock.now(), -SETTLED_MS);
  const span = { from: beginOf(year, timeZone), to: beginOf(year + 1, timeZone), until: until ?? settled };
  if (span.until > settled || span.from > span.until) {
    throw refuseAml('annual_report_ahead');
  }
  return transact(ctx, 'staff', async (tx) => {
    const figures = inOrder([...(await kycYearFigures(tx, span)), ...(await amlYearFigures(tx, span))]);
    const report = { year, timeZone, ...span, figures };
    const sha256 = createHash('sha256').update(canonicalJson(report)).digest('hex');
    await record(tx, ctx, {
      event: AML_EVENTS['aml_annual_report.made'],
      resource: { type: 'aml_annual_report', id: String(year) },
      subjectUserId: null,
      after: { year, until: span.until, sha256 },
    });
    return { ...report, sha256 };
  });
}

/** The report as a table, its facts first. */
export function annualReportCsv({
  year,
  timeZone,
  from,
  to,
  until,
  sha256,
  figures,
}: AnnualReport): Uint8Array {
  const facts = Object.entries({ year: String(year), timeZone, from, to, until, sha256 });
  const rows = [
    ...facts.map(([name, value]) => ['report', name, '', value]),
    ...figures.map(({ section, figure, by, count }) => [section, figure, by ?? '', String(count)]),
  ];
  const text = stringify([['section', 'figure', 'by', 'value'], ...rows], {
    record_delimiter: 'windows',
    escape_formulas: true,
  });
  return new TextEncoder().encode(text);
}

function beginOf(year: number, timeZone: string): Instant {
  const day = Temporal.PlainDate.from({ year, month: 1, day: 1 });
  return parseInstant(day.toZonedDateTime({ timeZone }).toInstant().toString());
}

/** By code points, so that no server's collation has a say. */
function inOrder(figures: readonly Figure[]): readonly Figure[] {
  const key = ({ section, figure, by }: Figure) => `${section}\0${figure}\0${by ?? ''}`;
  return [...figures].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}
