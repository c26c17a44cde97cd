/**
 * The bank side of a run: each wallet of clients' money, and each of the firm's own money, against the statements of its
 * bank account. The two are never added up.
 */
import { sql } from 'drizzle-orm';
import { type Amount, formatAmount, readStoredAmount, sumAmounts } from '../../../kernel/amount.ts';
import { addDays, daysBetween } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lastBankDay } from '../bank-days/settlement-day.ts';
import type { BANK_ACCOUNT_ROLES } from '../evidence/schema.ts';
import { isPaidToOne } from '../paid-to-another.ts';
import { opened } from '../refuse-if-changed.ts';
import type { Finding } from './finding.ts';
import {
  type BankComparison,
  type BankItem,
  type BankLine,
  type BankStatementFact,
  type Booking,
  latestOf,
  matchBank,
} from './match-bank.ts';
import { BOOKED_DAYS, MATCH_WINDOW_DAYS, MAX_KEPT } from './settings.ts';

export type BankItemView = {
  readonly kind: string;
  readonly object: string;
  readonly amount: string;
  readonly date: string;
  readonly ageDays: number;
};

export type BankView = {
  readonly reference: string;
  readonly currency: string;
  readonly accounts: readonly string[];
  /** The day of the statement that was compared; null where there is none. */
  readonly statementDate: string | null;
  /** The last statement of that day: its row, and what the bank calls it. */
  readonly statementId?: Id | null;
  readonly statementNumber?: string | null;
  readonly perStatement: string | null;
  readonly perBooks: string;
  readonly difference: string | null;
  readonly itemCount: number;
  readonly items: readonly BankItemView[];
};

export type Section<View> = { readonly views: readonly View[]; readonly findings: readonly Finding[] };

type Account = { readonly id: Id; readonly name: string };
type BankRole = (typeof BANK_ACCOUNT_ROLES)[number];
type BankWallet = {
  readonly role: BankRole;
  readonly walletId: Id | null;
  readonly reference: string;
  readonly currency: string;
  readonly accounts: readonly Account[];
};

/** How breaks name a wallet: what is said of clients' money is never taken for the firm's. */
const PLACE: Readonly<Record<BankRole, string>> = { client_money_bank: 'bank', firm_account: 'firm account' };

/**
 * Compares every bank wallet of a role in the live book with its statements at a day; of each account it names the last
 * one.
 */
export async function bankSection(
  tx: Tx,
  ctx: Ctx,
  role: BankRole,
  day: string,
): Promise<Section<BankView> & { readonly statements: readonly Id[] }> {
  const views: BankView[] = [];
  const findings: Finding[] = [];
  const statements: Id[] = [];
  for (const wallet of await bankWalletsOf(tx, role)) {
    const known = await statementsOf(tx, wallet, day);
    statements.push(...latestOf(known).map(({ id }) => id));
    const one = await compare(tx, ctx, wallet, { known, day });
    if (one !== undefined) {
      views.push(one.view);
      findings.push(...one.findings);
    }
  }
  return { views, findings, statements };
}

type KnownStatement = BankStatementFact & { readonly number: string };
type Compared = { readonly view: BankView; readonly findings: readonly Finding[] };

async function compare(
  tx: Tx,
  ctx: Ctx,
  wallet: BankWallet,
  { known, day }: { readonly known: readonly KnownStatement[]; readonly day: string },
): Promise<Compared | undefined> {
  const { reference, currency, accounts, role } = wallet;
  const object = `${PLACE[role]} ${reference} ${currency}`;
  const latest = latestOf(known);
  const complete = accounts.length > 0 && latest.length === accounts.length;
  // Several accounts of one wallet are compared at the last day that all of them have a statement of.
  const at = complete ? latest.reduce((least, each) => min(least, each.closingDate), day) : null;
  const bookings = await bookingsOf(tx, wallet, addDays(at ?? day, MATCH_WINDOW_DAYS));
  const perBooks = sumUpTo(bookings, at ?? day);
  const head = { reference, currency, accounts: accounts.map((account) => account.name) };
  const alone = { ...head, ...NOT_COMPARED, perBooks: formatAmount(perBooks) };
  if (accounts.length === 0) {
    const detail = 'No bank account has statements for it';
    const missing = finding('bank_account_missing', object, perBooks, currency, detail);
    return perBooks === 0n ? undefined : { view: alone, findings: [missing] };
  }
  const stale = staleness(object, at, await lastBankDay(tx, currency, day));
  if (at === null) {
    return { view: alone, findings: stale };
  }
  const statements = known.filter((statement) => statement.closingDate <= at);
  const lines = await linesOf(tx, ctx, statements);
  const result = matchBank({ day: at, statements, lines, bookings, windowDays: MATCH_WINDOW_DAYS });
  const last = latestOf(statements).at(-1);
  const view = {
    ...head,
    statementDate: at,
    statementId: last?.id ?? null,
    statementNumber: last?.number ?? null,
    perStatement: formatAmount(result.perStatement),
    perBooks: formatAmount(result.perBooks),
    difference: formatAmount(result.difference),
    itemCount: result.items.length,
    items: result.items.slice(0, MAX_KEPT).map((item) => ({ ...item, amount: formatAmount(item.amount) })),
  };
  const findings = [
    ...stale,
    ...differences({ object, currency, at }, result),
    // What the firm owes a bank on its own account is no client's money that is missing.
    ...(role === 'client_money_bank' ? overdrafts({ object, currency, at }, statements) : []),
    ...result.items.flatMap((item) => itemFinding(item, currency, day)),
  ];
  return { view, findings };
}

type Place = { readonly object: string; readonly currency: string; readonly at: string };

function differences({ object, currency, at }: Place, result: BankComparison): readonly Finding[] {
  const { difference, perStatement, perBooks } = result;
  const detail = `At ${at} the bank shows ${formatAmount(perStatement)}, the books ${formatAmount(perBooks)}`;
  return difference === 0n ? [] : [finding('bank_difference', object, difference, currency, detail)];
}

/** What one account lacks is not made good by what lies in another. */
function overdrafts(
  { object, currency, at }: Place,
  statements: readonly BankStatementFact[],
): readonly Finding[] {
  const below = latestOf(statements).filter((statement) => statement.closing < 0n);
  const sum = sumAmounts(below.map((statement) => statement.closing));
  const detail = `A statement up to ${at} ends below zero`;
  return below.length === 0 ? [] : [finding('bank_overdrawn', object, sum, currency, detail)];
}

/** A line nobody booked is a break at once; a booking may be on its way for some days. */
function itemFinding({ kind, object, amount, date }: BankItem, currency: string, day: string): Finding[] {
  if (kind === 'statement_line_unbooked') {
    return [finding(kind, object, amount, currency, `On the statement of ${date}, not in the books`)];
  }
  if (kind === 'booked_later' || daysBetween(date, day) <= BOOKED_DAYS) {
    return [];
  }
  const detail =
    kind === 'sweep_not_arrived'
      ? `Fees swept on ${date} left the clients’ account and are not on a statement of the firm’s`
      : `Booked for ${date}, not on a statement`;
  return [finding('booking_not_on_statement', object, amount, currency, detail)];
}

const NOT_COMPARED = {
  statementDate: null,
  statementId: null,
  statementNumber: null,
  perStatement: null,
  difference: null,
  itemCount: 0,
  items: [],
} as const;

function staleness(object: string, at: string | null, due: string): readonly Finding[] {
  if (at !== null && at >= due) {
    return [];
  }
  const detail = at === null ? 'No statement was imported' : `The last statement is of ${at}`;
  return [finding('statement_missing', object, null, null, detail)];
}

function finding(
  kind: Finding['kind'],
  object: string,
  amount: Amount | null,
  currency: string | null,
  detail: string,
): Finding {
  return { kind, object, amount, currency, detail };
}

function min(left: string, right: string): string {
  return left < right ? left : right;
}

function sumUpTo(bookings: readonly Booking[], day: string): Amount {
  return bookings.reduce(
    (sum, booking) => (booking.valueDate <= day ? sum + booking.amount : sum),
    0n,
  ) as Amount;
}

/** Every wallet of a role with a bank account, and every one that nobody sends statements for. */
async function bankWalletsOf(tx: Tx, role: BankRole): Promise<readonly BankWallet[]> {
  const rows = await tx.execute<{
    wallet_id: Id | null;
    reference: string;
    currency: string;
    account_id: Id | null;
    name: string | null;
  }>(sql`
    select w.id as wallet_id, coalesce(w.house_reference, b.house_reference) as reference,
      coalesce(w.asset, b.currency) as currency, b.id as account_id, b.name
    from (
        -- Units of the firm lie with a custodian.
        select w.* from wallets w join assets a on a.code = w.asset
        where w.house_role = ${role}::house_role and w.book = 'live' and (a.kind = 'fiat' or ${role} <> 'firm_account')
      ) w
      full join (select * from bank_accounts where house_role = ${role}::house_role) b
        on b.house_reference = w.house_reference and b.currency = w.asset
    order by reference, currency, b.id`);
  const wallets = new Map<string, { accounts: Account[] } & Omit<BankWallet, 'accounts'>>();
  for (const { wallet_id: walletId, reference, currency, account_id: id, name } of rows) {
    const place = `${reference} ${currency}`;
    const wallet = wallets.get(place) ?? { role, walletId, reference, currency, accounts: [] };
    if (id !== null && name !== null) {
      wallet.accounts.push({ id, name });
    }
    wallets.set(place, wallet);
  }
  return [...wallets.values()];
}

async function statementsOf(tx: Tx, wallet: BankWallet, day: string): Promise<readonly KnownStatement[]> {
  const ids = sql.param(wallet.accounts.map((account) => account.id));
  const rows = await tx.execute<{
    id: Id;
    account_id: Id;
    number: string;
    day: string;
    opening: string;
    closing: string;
  }>(sql`
    select id, bank_account_id as account_id, statement_reference as number, closing_date as day,
      opening_balance::text as opening, closing_balance::text as closing
    from bank_statements
    where standing = 'confirmed' and bank_account_id = any (${ids}::uuid[]) and closing_date <= ${day}
    order by closing_date, id`);
  return rows.map((row) => ({
    id: row.id,
    accountId: row.account_id,
    number: row.number,
    closingDate: row.day,
    opening: readStoredAmount(row.opening),
    closing: readStoredAmount(row.closing),
  }));
}

/** Whom a line went to is sealed: it is opened where the line is the whole of a file, and nobody said yet what it was. */
async function linesOf(
  tx: Tx,
  ctx: Ctx,
  statements: readonly BankStatementFact[],
): Promise<readonly BankLine[]> {
  const ids = sql.param(statements.map((statement) => statement.id));
  const rows = await tx.execute<{
    id: Id;
    day: string;
    amount: string;
    reference: string | null;
    is_file: boolean;
  }>(sql`
    select l.id, l.booking_date as day,
      (case l.direction when 'credit' then l.amount else -l.amount end)::text as amount,
      coalesce(l.end_to_end_id, l.bank_reference) as reference,
      d.status = 'open' and exists (
        select 1 from payout_files f where f.message_id = l.end_to_end_id) as is_file
    from bank_statement_lines l left join statement_debits d on d.statement_line_id = l.id
    where l.statement_id = any (${ids}::uuid[]) order by l.booking_date, l.id`);
  const lines: BankLine[] = [];
  for (const { id, day: bookingDate, amount, reference, is_file: isFile } of rows) {
    const toOne = isFile ? await opened(isPaidToOne(tx, ctx, id)) : false;
    // Whom it went to can no longer be read: that is nobody's word that it was the file.
    const strayed = toOne ?? true;
    lines.push({ id, bookingDate, amount: readStoredAmount(amount), reference, strayed });
  }
  return lines;
}

/**
 * The wallet's entries as the bank would sign them, each with what ties it to the outside. A journal between two banks
 * cites a line of each: of either wallet only its own bank's counts.
 */
async function bookingsOf(
  tx: Tx,
  { walletId, accounts }: BankWallet,
  until: string,
): Promise<readonly Booking[]> {
  if (walletId === null) {
    return [];
  }
  const ids = sql.param(accounts.map((account) => account.id));
  const rows = await tx.execute<{
    id: Id;
    journal_id: Id;
    amount: string;
    day: string;
    line_id: Id | null;
    refs: (string | null)[];
    batch: string | null;
    reverses_id: Id | null;
    swept_on: string | null;
  }>(sql`
    select e.id, e.journal_id, (-e.amount)::text as amount, j.value_date::text as day, j.reverses_id,
      case when j.reference_type = 'fee_sweep' then (
        select min(l.booking_date) from statement_debits s join bank_statement_lines l on l.id = s.statement_line_id
        where s.journal_id = j.id) end as swept_on,
      (select l.id from unnest(array[case j.reference_type when 'bank_statement_line' then j.reference_id end,
        (select d.statement_line_id from deposits d where d.id = j.reference_id and d.journal_id = j.id),
        (select u.reference_id from journal_reversals v join journals u on u.id = v.reversal_id
          where v.journal_id = j.id and u.reference_type = 'bank_statement_line'),
        (select r.statement_line_id from unallocated_receipts r where r.id = j.reference_id
          and (r.journal_id = j.id or (r.explanation = 'booked' and r.closing_journal_id = j.id))),
        (select r.statement_line_id from unallocated_receipts r where r.explained_journal_id = j.id),
        w.statement_line_id,
        (select s.statement_line_id from statement_debits s where s.journal_id = j.id),
        -- What a debit of another amount than its payout was corrected by.
        (select s.statement_line_id from statement_debits s
          where j.reference_type = 'statement_debit' and s.id = j.reference_id and s.withdrawal_id is not null),
        (select s.statement_line_id from statement_debits s where s.withdrawal_id = w.id),
        (select s.statement_line_id from statement_debits s where s.repayment_id = r.id),
        (select s.statement_line_id from statement_debits s where s.payout_file_id = coalesce(f.id, g.id))
      ]) with ordinality cited(id, place) join bank_statement_lines l on l.id = cited.id
        join bank_statements t on t.id = l.statement_id and t.bank_account_id = any (${ids}::uuid[])
        order by cited.place limit 1) as line_id,
      array[w.payout_reference, w.transaction_reference, r.payout_reference, r.transaction_reference] as refs,
      coalesce(f.message_id, g.message_id) as batch
    from ledger_entries e join journals j on j.id = e.journal_id
      left join withdrawals w on w.id = j.reference_id and w.journal_id = j.id
      left join payout_file_items i on i.withdrawal_id = w.id
        and not exists (select 1 from payout_file_voids v where v.file_id = i.file_id)
      left join payout_files f on f.id = i.file_id
      left join lateral (
        select * from repayments p where p.journal_id = j.id
        union all
        select * from repayments p where p.debt_journal_id = j.id
      ) r on true
      left join payout_files g on g.id = r.file_id and r.status in ('in_file', 'unknown', 'completed')
    where e.wallet_id = ${walletId} and j.value_date <= ${until}
    order by e.wallet_version`);
  return rows.map((row) => ({
    id: row.id,
    journalId: row.journal_id,
    amount: readStoredAmount(row.amount),
    valueDate: row.day,
    lineId: row.line_id,
    references: row.refs.filter((each) => each !== null),
    batch: row.batch,
    reversesId: row.reverses_id,
    sweptOn: row.swept_on,
  }));
}
