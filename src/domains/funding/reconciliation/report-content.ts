/**
 * What a report says, before it is a file. It is made of rows that never change: of an unsigned run as it
 * ended, of a signed one as it was signed. The same run gives the same report, byte for byte.
 */
import type { BreakView } from './break-view.ts';
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
};

/** The report of a run. */
export function reportContent(
  run: RunRow,
  checks: readonly ReportCheck[],
  signOff: SignOffRow | undefined,
): ReportContent {
  const results = resultsOf(run);
  const breaks = signOff === undefined ? results.breaks : signedBreaksOf(signOff);
  return {
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
    ],
    tables: [
      positionTable(results.positions),
      bankTable(results.banks),
      itemTable(results.banks),
      custodyTable(results.custody),
      ...(results.inTransit === undefined ? [] : [transitTable(results.inTransit)]),
      breakTable(breaks),
      quietTable(results.quiet.views),
      checkTable(checks),
    ],
  };
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

function bankTable(banks: Results['banks']): ReportTable {
  return {
    title: 'Banks',
    columns: [
      'Bank',
      'Currency',
      'Accounts',
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
      bank.statementDate ?? 'none',
      bank.perStatement ?? '',
      bank.perBooks,
      String(bank.itemCount),
      bank.difference ?? '',
    ]),
  };
}

function itemTable(banks: Results['banks']): ReportTable {
  return {
    title: 'Reconciling items',
    columns: ['Bank', 'Currency', 'Kind', 'Object', 'Date', 'Age (days)', 'Amount'],
    rows: banks.flatMap((bank) =>
      bank.items.map((item) => [
        bank.reference,
        bank.currency,
        item.kind,
        item.object,
        item.date,
        String(item.ageDays),
        item.amount,
      ]),
    ),
  };
}

function custodyTable(custody: Results['custody']): ReportTable {
  return {
    title: 'Custodians',
    columns: ['Custodian', 'Asset', 'Report of', 'Per report', 'Per books', 'Difference'],
    rows: custody.map((each) => [
      each.custodian,
      each.asset,
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

function breakTable(breaks: readonly BreakView[]): ReportTable {
  return {
    title: 'Breaks',
    columns: [
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
    ],
    rows: breaks.map((each) => [
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
    ]),
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
