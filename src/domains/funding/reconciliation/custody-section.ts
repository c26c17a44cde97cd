/**
 * The custodians' side of a run: each wallet of units, clients' and the firm's own apart, against the latest report of its
 * custodian that counts.
 */
import { type SQL, sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, readStoredAmount, ZERO } from '../../../kernel/amount.ts';
import { daysBetween } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Section } from './bank-section.ts';
import type { Finding } from './finding.ts';
import type { CUSTODY_ROLES } from './schema.ts';
import { CUSTODY_REPORT_MAX_DAYS } from './settings.ts';

export type CustodyView = {
  readonly custodian: string;
  readonly asset: string;
  /** The day of the report; null where there is none. */
  readonly asOf: string | null;
  readonly reportId?: Id | null;
  readonly perReport: string | null;
  readonly perBooks: string;
  readonly difference: string | null;
};

type Report = { readonly id: Id; readonly custodian: string; readonly asOf: string };

type Role = (typeof CUSTODY_ROLES)[number];

/** How breaks name a custodian: what is said of clients' units is never taken for the firm's. */
const PLACE: Readonly<Record<Role, string>> = { custody: 'custodian', firm_account: 'firm custodian' };

/**
 * Compares every wallet of a role with a custodian in the live book with what its custodian reports: of clients' units, or
 * of the firm's own.
 */
export async function custodySection(
  tx: Tx,
  role: Role,
  { legalEntity, day }: { readonly legalEntity: string; readonly day: string },
): Promise<Section<CustodyView> & { readonly reports: readonly Id[] }> {
  const reports = await latestReports(tx, role, legalEntity, day);
  const custodians = await custodiansOf(tx, role, reports);
  const views: CustodyView[] = [];
  const findings: Finding[] = [];
  for (const custodian of custodians) {
    const report = reports.find((each) => each.custodian === custodian);
    const books = await booksOf(tx, role, custodian, report?.asOf ?? day);
    const stated = report === undefined ? new Map<string, Amount>() : await linesOf(tx, report.id);
    const holds = [...books.values()].some((quantity) => quantity !== 0n);
    if (holds && (report === undefined || daysBetween(report.asOf, day) > CUSTODY_REPORT_MAX_DAYS)) {
      const detail =
        report === undefined ? 'No report counts' : `The last report that counts is of ${report.asOf}`;
      const object = `${PLACE[role]} ${custodian}`;
      findings.push({ kind: 'custody_report_missing', object, amount: null, currency: null, detail });
    }
    for (const asset of [...new Set([...books.keys(), ...stated.keys()])].sort()) {
      const one = {
        custodian,
        asset,
        report,
        perBooks: books.get(asset) ?? ZERO,
        perReport: stated.get(asset) ?? ZERO,
      };
      if (report !== undefined || one.perBooks !== 0n) {
        views.push(viewOf(one));
      }
      if (report !== undefined && one.perReport !== one.perBooks) {
        findings.push(differenceOf(PLACE[role], one, report));
      }
    }
  }
  return { views, findings, reports: reports.map(({ id }) => id) };
}

type Compared = {
  readonly custodian: string;
  readonly asset: string;
  readonly report: Report | undefined;
  readonly perReport: Amount;
  readonly perBooks: Amount;
};

function viewOf({ custodian, asset, report, perReport, perBooks }: Compared): CustodyView {
  return {
    custodian,
    asset,
    asOf: report?.asOf ?? null,
    reportId: report?.id ?? null,
    perReport: report === undefined ? null : formatAmount(perReport),
    perBooks: formatAmount(perBooks),
    difference: report === undefined ? null : formatAmount(perReport - perBooks),
  };
}

function differenceOf(
  place: string,
  { custodian, asset, perReport, perBooks }: Compared,
  { asOf }: Report,
): Finding {
  return {
    kind: 'custody_difference',
    object: `${place} ${custodian} ${asset}`,
    amount: amountOf(perReport - perBooks),
    currency: asset,
    detail: `At ${asOf} the custodian has ${formatAmount(perReport)}, the books ${formatAmount(perBooks)}`,
  };
}

async function latestReports(
  tx: Tx,
  role: Role,
  legalEntity: string,
  day: string,
): Promise<readonly Report[]> {
  const rows = await tx.execute<{ id: Id; custodian: string; as_of: string }>(sql`
    select distinct on (custodian) id, custodian, as_of from custody_reports
    where standing = 'confirmed' and legal_entity = ${legalEntity} and house_role = ${role}::house_role and as_of <= ${day}
    order by custodian, as_of desc`);
  return rows.map((row) => ({ id: row.id, custodian: row.custodian, asOf: row.as_of }));
}

async function custodiansOf(tx: Tx, role: Role, reports: readonly Report[]): Promise<readonly string[]> {
  const rows = await tx.execute<{ reference: string }>(sql`
    select distinct house_reference as reference from wallets w where ${isWith(role)}`);
  const names = [...rows.map((row) => row.reference), ...reports.map((report) => report.custodian)];
  return [...new Set(names)].sort();
}

/** The firm's own money lies at banks. */
function isWith(role: Role): SQL {
  const isUnits = sql`exists (select from assets a where a.code = w.asset and a.kind <> 'fiat')`;
  return sql`w.house_role = ${role}::house_role and w.book = 'live' and ${role === 'custody' ? sql`true` : isUnits}`;
}

/** What the custodian should have at the end of a day, from entries by their value date. */
async function booksOf(tx: Tx, role: Role, custodian: string, day: string): Promise<Map<string, Amount>> {
  const rows = await tx.execute<{ asset: string; quantity: string }>(sql`
    select w.asset, (-sum(e.amount))::text as quantity
    from wallets w join ledger_entries e on e.wallet_id = w.id join journals j on j.id = e.journal_id
    where ${isWith(role)} and w.house_reference = ${custodian}
      and j.value_date <= ${day}
    group by w.asset`);
  return new Map(rows.map((row) => [row.asset, readStoredAmount(row.quantity)]));
}

async function linesOf(tx: Tx, reportId: Id): Promise<Map<string, Amount>> {
  const rows = await tx.execute<{ asset: string; quantity: string }>(sql`
    select asset, quantity::text from custody_report_lines where report_id = ${reportId}`);
  return new Map(rows.map((row) => [row.asset, readStoredAmount(row.quantity)]));
}
