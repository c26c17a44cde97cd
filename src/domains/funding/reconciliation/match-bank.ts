/**
 * The books against the statements of one bank wallet, from values alone. Amounts are signed as the bank
 * signs them: money that came in is positive. A line and a booking belong together when the books say so,
 * when they bear the same reference, and at last when the amount is the same within a few days; where a line of a whole
 * file went to the account of one, only when the books say so. What stays
 * alone is a timing difference with an age; what no timing explains is the difference.
 */
import { type Amount, amountOf, sumAmounts } from '../../../kernel/amount.ts';
import { daysBetween } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';

export type BankStatementFact = {
  readonly id: Id;
  readonly accountId: Id;
  readonly closingDate: string;
  readonly opening: Amount;
  readonly closing: Amount;
};

export type BankLine = {
  readonly id: Id;
  readonly bookingDate: string;
  readonly amount: Amount;
  readonly reference: string | null;
  /** It bears the name of a payout file and went to the account of one: what it was, people say. */
  readonly strayed: boolean;
};

export type Booking = {
  readonly id: Id;
  readonly journalId: Id;
  readonly amount: Amount;
  readonly valueDate: string;
  /** The line the books were written from. */
  readonly lineId: Id | null;
  /** What the bank may know the payment by. */
  readonly references: readonly string[];
  /** The payout file it was instructed with; a bank may book a file as one line. */
  readonly batch: string | null;
  /** The journal it takes back. */
  readonly reversesId: Id | null;
  /** Fees that left clients' money: the day their bank shows it; null before it does, and of all else. */
  readonly sweptOn: string | null;
};

export type BankItem = {
  readonly kind:
    | 'statement_line_unbooked'
    | 'booking_not_on_statement'
    | 'booked_later'
    | 'sweep_not_arrived';
  readonly object: string;
  /** What the bank has more than the books because of it. */
  readonly amount: Amount;
  readonly date: string;
  readonly ageDays: number;
};

export type BankFacts = {
  /** The day both sides are compared at. */
  readonly day: string;
  readonly statements: readonly BankStatementFact[];
  readonly lines: readonly BankLine[];
  /** Every booking of the wallet up to the day, and of a few days more. */
  readonly bookings: readonly Booking[];
  readonly windowDays: number;
};

export type BankComparison = {
  readonly perStatement: Amount;
  readonly perBooks: Amount;
  readonly items: readonly BankItem[];
  /** What timing does not explain. */
  readonly difference: Amount;
};

/** Compares the books with the statements. */
export function matchBank({ day, statements, lines, bookings, windowDays }: BankFacts): BankComparison {
  const pairing = pair(lines, bookings, windowDays);
  const first = openingDay(statements, lines);
  const upToDay = bookings.filter((booking) => booking.valueDate <= day);
  const items: BankItem[] = [];
  for (const line of lines) {
    const booked = pairing.ofLine.get(line.id);
    const kind = booked === undefined ? 'statement_line_unbooked' : 'booked_later';
    // A receipt that was taken back for the journal that had booked it has moved nothing by then.
    const byThen = (booked ?? []).filter((each) => each.valueDate <= day);
    if (sumAmounts(byThen.map((each) => each.amount)) === 0n) {
      items.push(itemOf(kind, `statement line ${line.id}`, line.amount, line.bookingDate, day));
    }
  }
  // What was booked before the first statement lies in its opening balance.
  for (const booking of upToDay) {
    if (!pairing.paired.has(booking.id) && booking.valueDate >= first) {
      const back = amountOf(-booking.amount);
      const hasLeft = booking.sweptOn !== null && booking.sweptOn <= day;
      const kind = hasLeft ? 'sweep_not_arrived' : 'booking_not_on_statement';
      items.push(itemOf(kind, `entry ${booking.id}`, back, booking.valueDate, day));
    }
  }
  const perStatement = sumAmounts(latestOf(statements).map((statement) => statement.closing));
  const perBooks = sumAmounts(upToDay.map((booking) => booking.amount));
  const explained = items.reduce((sum, item) => sum + item.amount, 0n);
  return { perStatement, perBooks, items, difference: amountOf(perStatement - perBooks - explained) };
}

/** The last statement of each account, by day and then by import. */
export function latestOf<Fact extends BankStatementFact>(statements: readonly Fact[]): readonly Fact[] {
  const latest = new Map<Id, Fact>();
  for (const statement of statements) {
    const known = latest.get(statement.accountId);
    if (known === undefined || key(statement) > key(known)) {
      latest.set(statement.accountId, statement);
    }
  }
  return [...latest.values()];
}

function key({ closingDate, id }: BankStatementFact): string {
  return `${closingDate} ${id}`;
}

/** The first day the statements tell of. */
function openingDay(statements: readonly BankStatementFact[], lines: readonly BankLine[]): string {
  const days = [...lines.map((line) => line.bookingDate), ...statements.map((each) => each.closingDate)];
  return days.reduce((least, each) => (each < least ? each : least), '9999-12-31');
}

function itemOf(kind: BankItem['kind'], object: string, amount: Amount, date: string, day: string): BankItem {
  return { kind, object, amount, date, ageDays: Math.max(0, daysBetween(date, day)) };
}

type Pairing = { readonly ofLine: Map<Id, readonly Booking[]>; readonly paired: Set<Id> };

/** Surest first: what the books say, what both sides name, what is equal and near. */
function pair(lines: readonly BankLine[], bookings: readonly Booking[], windowDays: number): Pairing {
  const pairing: Pairing = { ofLine: new Map(), paired: new Set() };
  const free = () => bookings.filter((booking) => !pairing.paired.has(booking.id));
  const open = () => lines.filter((line) => !pairing.ofLine.has(line.id));
  const byLine = groupBy(free(), (booking) => booking.lineId ?? undefined);
  for (const line of open()) {
    join(pairing, line, byLine.get(line.id));
  }
  const unasked = () => open().filter(({ strayed }) => !strayed);
  pairByReference(pairing, unasked(), free());
  pairByAmount(pairing, unasked(), free(), windowDays);
  pairContras(pairing, free());
  return pairing;
}

function pairByReference(pairing: Pairing, lines: readonly BankLine[], bookings: readonly Booking[]): void {
  const byReference = new Map<string, Booking[]>();
  for (const booking of bookings) {
    for (const reference of new Set(booking.references)) {
      const known = byReference.get(reference) ?? [];
      known.push(booking);
      byReference.set(reference, known);
    }
  }
  const byBatch = groupBy(bookings, (booking) => booking.batch ?? undefined);
  for (const line of lines) {
    const named = byReference.get(line.reference ?? '') ?? byBatch.get(line.reference ?? '');
    const left = named?.filter((booking) => !pairing.paired.has(booking.id)) ?? [];
    if (left.length > 0 && sumAmounts(left.map((each) => each.amount)) === line.amount) {
      join(pairing, line, left);
    }
  }
}

function pairByAmount(
  pairing: Pairing,
  lines: readonly BankLine[],
  bookings: readonly Booking[],
  windowDays: number,
): void {
  const byAmount = groupBy(
    bookings.filter((booking) => booking.lineId === null),
    (booking) => booking.amount.toString(),
  );
  for (const line of lines) {
    const near = (byAmount.get(line.amount.toString()) ?? [])
      .filter((booking) => !pairing.paired.has(booking.id))
      .map((booking) => ({ booking, days: Math.abs(daysBetween(booking.valueDate, line.bookingDate)) }))
      .filter(({ days }) => days <= windowDays)
      .sort((left, right) => left.days - right.days || (left.booking.id < right.booking.id ? -1 : 1))[0];
    join(pairing, line, near === undefined ? undefined : [near.booking]);
  }
}

/** A booking and the one that takes it back never reach the bank; nor does money moved on the same line. */
function pairContras(pairing: Pairing, bookings: readonly Booking[]): void {
  const byJournal = groupBy(bookings, (booking) => booking.journalId);
  const byLine = groupBy(bookings, (booking) => booking.lineId ?? undefined);
  for (const booking of bookings) {
    const against = [
      ...(booking.reversesId === null ? [] : (byJournal.get(booking.reversesId) ?? [])),
      ...(booking.lineId === null ? [] : (byLine.get(booking.lineId) ?? [])),
    ];
    const contra = against.find(
      (each) => !pairing.paired.has(each.id) && each.id !== booking.id && each.amount === -booking.amount,
    );
    if (contra !== undefined && !pairing.paired.has(booking.id)) {
      pairing.paired.add(booking.id);
      pairing.paired.add(contra.id);
    }
  }
}

function join(pairing: Pairing, line: BankLine, bookings: readonly Booking[] | undefined): void {
  if (bookings === undefined || bookings.length === 0) {
    return;
  }
  pairing.ofLine.set(line.id, bookings);
  for (const booking of bookings) {
    pairing.paired.add(booking.id);
  }
}

function groupBy<Row, Key>(rows: readonly Row[], keyOf: (row: Row) => Key | undefined): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>();
  for (const row of rows) {
    const group = keyOf(row);
    if (group !== undefined) {
      const known = groups.get(group) ?? [];
      known.push(row);
      groups.set(group, known);
    }
  }
  return groups;
}
