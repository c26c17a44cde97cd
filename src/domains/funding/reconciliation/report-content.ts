/**
 * What a report says, before it is a file. It is made of rows that never change: of an unsigned run as it
 * ended, of a signed one as it was signed. The same run gives the same report, byte for byte: what a run of before its
 * `layout` was kept said, it says still.
 */
import type { BreakView } from './break-view.ts';
import { FIRST_FIGURES, type ReportFigures } from './settings.ts';
import { hex, type RunRow, resultsOf, type SignOffRow, signedBreaksOf } from './store.ts';

export type ReportTable = {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
};

export type ReportCheck = {
  readonly name: string;
  readonly invariant: string;
  readonly seen: number;
  readonly breaks: readonly unknown[];
};

export type ReportContent = {
  readonly title: string;
  readonly facts: readonly (readonly [string, string])[];
  readonly tables: readonly ReportTable[];
  /** Whether pages are numbered and say at their head what their columns are. */
  readonly isPaged: boolean;
};

/** The report of a run. */
export function reportContent(
  run: RunRow,
  checks: readonly ReportCheck[],
  signOff: SignOffRow | undefined,
): ReportContent {
  const results = resultsOf(run);
  const found = signOff === undefined ? results.breaks : signedBreaksOf(signOff);
  const isNew = results.layout === 2;
  const breaks = isNew ? worstFirst(found) : found;
  const { banks, firmAccounts = [], firmCustody = [], figures = FIRST_FIGURES } = results;
  return {
    isPaged: isNew,
    title: `Reconciliation of ${run.businessDate}`,
    facts: [
      ['Firm', run.legalEntity],
      ['Business date', `${run.businessDate} (${run.timeZone})`],
      ['Books until', results.cutAt],
      ['Run', run.id],
      ['Completed', run.completedAt],
      ['Requested by', run.requestedBy],
      ['Result SHA-256', hex(run.resultHash)],
      [
        'Audit log checkpoint',
        run.logTreeSize === null ? 'none' : `size ${run.logTreeSize}, root ${run.logRootHash ?? ''}`,
      ],
      ...signatures(signOff),
      ...(isNew ? [['Breaks', summaryOf(breaks)] as const, ...wordsOf(figures)] : []),
    ],
    tables: [
      positionTable(results.positions),
      ...(results.houseWallets === undefined ? [] : [houseTable(results.houseWallets)]),
      bankTable(isNew ? 'Clients’ money at banks' : 'Banks', banks, isNew),
      itemTable(isNew ? 'Reconciling items of clients’ money' : 'Reconciling items', banks, isNew),
      ...(isNew
        ? [
            bankTable('The firm’s own accounts', firmAccounts, isNew),
            itemTable('Reconciling items of the firm’s own accounts', firmAccounts, isNew),
          ]
        : []),
      custodyTable('Custodians', results.custody, isNew),
      ...(isNew ? [custodyTable('The firm’s own units with custodians', firmCustody, isNew)] : []),
      ...(results.inTransit === undefined ? [] : [transitTable(results.inTransit)]),
      breakTable(breaks, isNew),
      ...(isNew ? [quietCounts(results.quiet, figures)] : []),
      quietTable(results.quiet.views),
      checkTable(checks),
    ],
  };
}

/** Critical ones first, of them the oldest. */
function worstFirst(breaks: readonly BreakView[]): readonly BreakView[] {
  const weight = ({ severity }: BreakView) => (severity === 'critical' ? 0 : 1);
  return breaks.toSorted(
    (left, right) =>
      weight(left) - weight(right) || right.ageDays - left.ageDays || (left.id < right.id ? -1 : 1),
  );
}

function summaryOf(breaks: readonly BreakView[]): string {
  const count = (severity: BreakView['severity'], status: BreakView['status']) =>
    breaks.filter((each) => each.severity === severity && each.status === status).length;
  return (['critical', 'warning'] as const)
    .map(
      (of) =>
        `${of}: ${count(of, 'open')} open, ${count(of, 'explained')} explained, ${count(of, 'resolved')} resolved`,
    )
    .join('; ');
}

/** By what the figures are made: a reader has nothing but the report. */
function wordsOf(figures: ReportFigures): readonly (readonly [string, string])[] {
  const { bookedDays, inTransitMaxDays, custodyReportMaxDays, maxKept } = figures;
  return [
    ['Difference', 'per statement less per books, less the items; zero where timing explains everything'],
    [
      'Items',
      `what the statement has more than the books because of it; at most ${maxKept} are listed of an account`,
    ],
    ['A break', `a line nobody booked at once, a booking not on a statement after ${bookedDays} days`],
    ['Age of a break', 'days since a run first saw it; of an item, days since its own date'],
    ['In transit', `overdue after ${inTransitMaxDays} days, and missing from then on`],
    ['Custody reports', `may be ${custodyReportMaxDays} days old`],
  ];
}

function signatures(signOff: SignOffRow | undefined): readonly (readonly [string, string])[] {
  return signOff === undefined
    ? [['Signed', 'NOT SIGNED']]
    : [
        ['Prepared by', signOff.preparerId],
        ['Reviewed by', signOff.reviewerId],
        ['Signed', signOff.signedAt],
        ['Approval', signOff.approvalId],
      ];
}

type Results = ReturnType<typeof resultsOf>;

function positionTable(positions: Results['positions']): ReportTable {
  // The report of an older run keeps its bytes.
  const isItemised = positions.some(({ inTransitOverdue }) => inTransitOverdue !== undefined);
  return {
    title: 'Client-money position',
    columns: [
      'Entity',
      'Asset',
      'Owed to clients',
      'Owed to others',
      'Held',
      'In transit',
      ...(isItemised ? ['Overdue in transit'] : []),
      'Fees not swept',
      'Firm stake',
      'Debts',
      'Shortfall',
      'Surplus',
      'Unexplained',
    ],
    rows: positions.map((each) => [
      each.legalEntity,
      each.asset,
      each.owedToClients,
      each.owedToOthers,
      each.held,
      each.inTransit,
      ...(each.inTransitOverdue === undefined ? [] : [each.inTransitOverdue]),
      each.feesNotSwept,
      each.firmStake,
      each.debts,
      each.shortfall,
      each.surplus,
      each.unexplained,
    ]),
  };
}

/** What the position is made of, so that each figure can be traced to its wallets. */
function houseTable({ count, views }: NonNullable<Results['houseWallets']>): ReportTable {
  const rest = count - views.length;
  return {
    title: 'House wallets of the position, by the signs of the ledger',
    columns: ['Asset', 'Part', 'Role', 'Reference', 'Balance'],
    rows: [
      ...views.map((each) => [each.asset, each.part, each.role, each.reference, each.balance]),
      ...(rest > 0 ? [['', 'not listed', `${rest} more`, '', '']] : []),
    ],
  };
}

function bankTable(title: string, banks: Results['banks'], isNew: boolean): ReportTable {
  return {
    title,
    columns: [
      'Bank',
      'Currency',
      'Accounts',
      ...(isNew ? ['Statement', 'Number'] : []),
      'Statement of',
      'Per statement',
      'Per books',
      'Items',
      'Difference',
    ],
    rows: banks.map((bank) => [
      bank.reference,
      bank.currency,
      bank.accounts.join('; '),
      ...(isNew ? [bank.statementId ?? 'none', bank.statementNumber ?? ''] : []),
      bank.statementDate ?? 'none',
      bank.perStatement ?? '',
      bank.perBooks,
      String(bank.itemCount),
      bank.difference ?? '',
    ]),
  };
}

function itemTable(title: string, banks: Results['banks'], isNew: boolean): ReportTable {
  const rest = (bank: Results['banks'][number]) => bank.itemCount - bank.items.length;
  return {
    title,
    columns: ['Bank', 'Currency', 'Kind', 'Object', 'Date', 'Age (days)', 'Amount'],
    rows: banks.flatMap((bank) => [
      ...bank.items.map((item) => [
        bank.reference,
        bank.currency,
        item.kind,
        item.object,
        item.date,
        String(item.ageDays),
        item.amount,
      ]),
      ...(isNew && rest(bank) > 0
        ? [[bank.reference, bank.currency, 'not listed', `${rest(bank)} more`, '', '', '']]
        : []),
    ]),
  };
}

function custodyTable(title: string, custody: Results['custody'], isNew: boolean): ReportTable {
  return {
    title,
    columns: [
      'Custodian',
      'Asset',
      ...(isNew ? ['Report'] : []),
      'Report of',
      'Per report',
      'Per books',
      'Difference',
    ],
    rows: custody.map((each) => [
      each.custodian,
      each.asset,
      ...(isNew ? [each.reportId ?? 'none'] : []),
      each.asOf ?? 'none',
      each.perReport ?? '',
      each.perBooks,
      each.difference ?? '',
    ]),
  };
}

function transitTable(wallets: NonNullable<Results['inTransit']>): ReportTable {
  return {
    title: 'In transit',
    columns: ['With', 'Asset', 'Object', 'Since', 'Age (days)', 'Amount'],
    rows: wallets.flatMap((wallet) => [
      ...wallet.items.map((item) => [
        wallet.reference,
        wallet.asset,
        item.object,
        item.since,
        String(item.ageDays),
        item.amount,
      ]),
      [wallet.reference, wallet.asset, 'not explained', '', '', wallet.unexplained],
    ]),
  };
}

function breakTable(breaks: readonly BreakView[], isNew: boolean): ReportTable {
  return {
    title: 'Breaks',
    columns: [
      ...(isNew ? ['Break'] : []),
      'Kind',
      'Severity',
      'Object',
      'Amount',
      'Currency',
      'First seen',
      'Age (days)',
      'Owner',
      'Status',
      'Detail',
      ...(isNew ? ['Last note', 'Approval'] : []),
    ],
    rows: breaks.map((each) => [
      ...(isNew ? [each.id] : []),
      each.kind,
      each.severity,
      each.object,
      each.amount ?? '',
      each.currency ?? '',
      each.firstSeenAt,
      String(each.ageDays),
      each.ownerId ?? 'nobody',
      each.status,
      each.detail,
      ...(isNew ? [each.note ?? '', each.approvalId ?? ''] : []),
    ]),
  };
}

/** How many there are, whether they are listed or not, and what the words mean. */
function quietCounts({ counts, views }: Results['quiet'], { quietDays }: ReportFigures): ReportTable {
  const states = ['idle', 'dormant', 'unclaimed'] as const;
  const rows = states.map((state) => [
    state,
    `${quietDays[state]} days without a movement of the customer’s own`,
    String(counts[state]),
    String(views.filter((view) => view.state === state).length),
  ]);
  return {
    title: 'How many balances are idle, dormant and unclaimed',
    columns: ['State', 'From', 'Balances', 'Listed'],
    rows,
  };
}

function quietTable(quiet: Results['quiet']['views']): ReportTable {
  return {
    title: 'Idle, dormant and unclaimed balances',
    columns: ['Account', 'Asset', 'Balance', 'State', 'Last movement', 'Days'],
    rows: quiet.map((each) => [
      each.accountId,
      each.asset,
      each.balance,
      each.state,
      each.lastMovementOn,
      String(each.quietDays),
    ]),
  };
}

function checkTable(checks: readonly ReportCheck[]): ReportTable {
  return {
    title: 'Internal checks',
    columns: ['Check', 'Invariant', 'Seen', 'Breaks'],
    rows: checks.map((each) => [each.name, each.invariant, String(each.seen), String(each.breaks.length)]),
  };
}
