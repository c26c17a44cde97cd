/**
 * Reads a bank-to-customer statement, versions 02 and 08, as banks send it. It guarantees: one statement,
 * booked entries only, every amount in the statement's currency, opening balance plus entries is the
 * closing balance, and counts, sums and nets that the bank states hold, batches included. It does not decide whose account or
 * whose money it is. Namespaces are read by their default form, as every bank writes them.
 * @source ISO 20022 camt.053.001.02 and camt.053.001.08
 */
import { electronicFormatIBAN, isValidIBAN } from 'ibantools';
import { type Amount, amountOf, formatAmount, parseAmount } from '../../kernel/amount.ts';
import { childOf, childrenOf, childText, readXml, type XmlElement } from '../../platform/xml/read-xml.ts';
import { XmlError } from '../../platform/xml/xml-error.ts';
import { StatementError } from './camt-error.ts';
import { findPaymentReference } from './payment-reference.ts';
import { payoutOfReference } from './payout-reference.ts';

export type StatementLine = {
  readonly position: number;
  readonly direction: 'credit' | 'debit';
  readonly amount: Amount;
  readonly reversal: boolean;
  readonly bookingDate: string;
  readonly valueDate: string;
  readonly bankReference: string | null;
  readonly endToEndId: string | null;
  readonly paymentReference: string | null;
  readonly counterparty: Counterparty;
};

/** The other side of a line; personal data. */
export type Counterparty = {
  readonly name: string | null;
  readonly account: string | null;
  /** The BIC of their bank; not there in lines that were read before it was. */
  readonly bank?: string | null;
  readonly remittance: string;
};

export type Statement = {
  readonly reference: string;
  readonly iban: string;
  readonly currency: string;
  readonly openingBalance: Amount;
  readonly closingBalance: Amount;
  /** The day the closing balance is of. @units YYYY-MM-DD */
  readonly closingDate: string;
  readonly entryCount: number;
  readonly lines: readonly StatementLine[];
};

/** What an operator may send at once. */
export const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;

const LIMITS = { maxBytes: MAX_STATEMENT_BYTES, maxDepth: 40, maxElements: 400_000 };
const NAMESPACE = /^urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(?:02|08)$/;
const AMOUNT = /^\d{1,12}(?:\.\d{1,5})?$/;
const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
/** @source ISO 9362 */
const BIC = /^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/;
const TEXT_MAX = 500;
/** Words for no reference at all. */
const NO_REFERENCE = new Set(['', 'NONREF', 'NOTPROVIDED']);

/**
 * Reads one statement out of a file.
 * @errors StatementError: unreadable, not_a_statement, several_statements, incomplete, malformed_value,
 *   not_booked, wrong_currency, totals_differ
 */
export function parseStatement(bytes: Uint8Array): Statement {
  const element = statementOf(readDocument(bytes));
  const statement = saidIn(element);
  const { openingBalance, closingBalance, currency, lines } = statement;
  const moved = sumOf(lines.map(signedAmount));
  if (openingBalance + moved !== closingBalance) {
    const reached = formatAmount(openingBalance + moved);
    throw new StatementError(
      'totals_differ',
      `opening balance and entries make ${reached}, the closing balance is ${formatAmount(closingBalance)}`,
    );
  }
  requireSummary(element, childrenOf(element, 'Ntry'), currency);
  return statement;
}

/** What a file that is refused says all the same. @shape undefined where it cannot be read line by line */
export function readRefused(bytes: Uint8Array): Statement | undefined {
  try {
    return saidIn(statementOf(readDocument(bytes)));
  } catch (error) {
    if (error instanceof StatementError) {
      return undefined;
    }
    throw error;
  }
}

function saidIn(statement: XmlElement): Statement {
  const currency = currencyOf(statement);
  const entries = childrenOf(statement, 'Ntry');
  const lines: StatementLine[] = [];
  for (const entry of entries) {
    lines.push(...linesOf(entry, currency, lines.length + 1));
  }
  // Some banks state the close of the day before instead, some both.
  const opens = childrenOf(statement, 'Bal').some((balance) => codeOf(balance) === 'OPBD');
  const openingBalance = balanceOf(statement, opens ? 'OPBD' : 'PRCD', currency);
  const closingBalance = balanceOf(statement, 'CLBD', currency);
  return {
    reference: required(statement, 'Id', 35),
    iban: ibanOf(statement),
    currency,
    openingBalance,
    closingBalance,
    closingDate: closingDateOf(statement),
    entryCount: entries.length,
    lines,
  };
}

/** A sum of any size: only what is kept has to fit a column. */
function sumOf(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}

function signedAmount({ direction, amount }: Pick<StatementLine, 'direction' | 'amount'>): bigint {
  return direction === 'credit' ? amount : -amount;
}

function readDocument(bytes: Uint8Array): XmlElement {
  try {
    return readXml(bytes, 0, () => undefined, LIMITS);
  } catch (error) {
    throw error instanceof XmlError ? new StatementError('unreadable', error.message) : error;
  }
}

function statementOf(document: XmlElement): XmlElement {
  const container = childOf(document, 'BkToCstmrStmt');
  if (
    document.name !== 'Document' ||
    !NAMESPACE.test(document.attributes.xmlns ?? '') ||
    container === undefined
  ) {
    throw new StatementError('not_a_statement', 'expected camt.053.001.02 or camt.053.001.08');
  }
  const [statement, ...others] = childrenOf(container, 'Stmt');
  if (statement === undefined) {
    throw new StatementError('incomplete', 'the file has no statement');
  }
  if (others.length > 0) {
    throw new StatementError('several_statements', 'one statement is taken at a time');
  }
  const page =
    childOf(statement, 'StmtPgntn') ?? childOf(childOf(container, 'GrpHdr') ?? statement, 'MsgPgntn');
  if (page !== undefined && (childText(page, 'PgNb') !== '1' || childText(page, 'LastPgInd') !== 'true')) {
    throw new StatementError('several_statements', 'the statement goes on in another file');
  }
  return statement;
}

function ibanOf(statement: XmlElement): string {
  const account = childOf(statement, 'Acct');
  const id = account === undefined ? undefined : childOf(account, 'Id');
  const iban = electronicFormatIBAN(id === undefined ? '' : childText(id, 'IBAN')) ?? '';
  if (!isValidIBAN(iban)) {
    throw new StatementError('incomplete', 'the statement names no account by a valid IBAN');
  }
  return iban;
}

/** The account's own, or where the bank left it out that of its balances. */
function currencyOf(statement: XmlElement): string {
  const account = childOf(statement, 'Acct');
  const stated = account === undefined ? '' : childText(account, 'Ccy');
  const balance = childrenOf(statement, 'Bal')[0];
  const currency = stated || (balance === undefined ? '' : (childOf(balance, 'Amt')?.attributes.Ccy ?? ''));
  if (!/^[A-Z]{3}$/.test(currency)) {
    throw new StatementError('incomplete', 'the statement has no currency');
  }
  return currency;
}

function balanceOf(statement: XmlElement, code: string, currency: string): Amount {
  const found = childrenOf(statement, 'Bal').filter((balance) => codeOf(balance) === code);
  const [balance, ...others] = found;
  if (balance === undefined || others.length > 0) {
    throw new StatementError('incomplete', `the statement has ${found.length} balances ${code}`);
  }
  return amountOf(signedAmount({ direction: directionOf(balance), amount: amountIn(balance, currency) }));
}

function closingDateOf(statement: XmlElement): string {
  const closing = childrenOf(statement, 'Bal').find((balance) => codeOf(balance) === 'CLBD');
  if (closing === undefined || childOf(closing, 'Dt') === undefined) {
    throw new StatementError('incomplete', 'the closing balance has no date');
  }
  return dateIn(closing, 'Dt');
}

function codeOf(balance: XmlElement): string {
  const type = childOf(balance, 'Tp');
  const choice = type === undefined ? undefined : childOf(type, 'CdOrPrtry');
  return choice === undefined ? '' : childText(choice, 'Cd');
}

/** Counts and sums the bank states besides; what it leaves out is not asked for. */
function requireSummary(statement: XmlElement, entries: readonly XmlElement[], currency: string): void {
  const summary = childOf(statement, 'TxsSummry');
  const sides = [
    ['TtlNtries', entries],
    ['TtlCdtNtries', entries.filter((entry) => directionOf(entry) === 'credit')],
    ['TtlDbtNtries', entries.filter((entry) => directionOf(entry) === 'debit')],
  ] as const;
  for (const [name, counted] of sides) {
    const stated = summary === undefined ? undefined : childOf(summary, name);
    const count = stated === undefined ? '' : childText(stated, 'NbOfNtries');
    const sum = stated === undefined ? '' : childText(stated, 'Sum');
    if (count !== '' && count !== String(counted.length)) {
      throw new StatementError('totals_differ', `${name} counts ${count}, the file has ${counted.length}`);
    }
    const reached = sumOf(counted.map((entry) => amountIn(entry, currency)));
    if (sum !== '' && amountFrom(sum) !== reached) {
      throw new StatementError(
        'totals_differ',
        `${name} sums to ${formatAmount(reached)} and states another`,
      );
    }
  }
  const all = summary === undefined ? undefined : childOf(summary, 'TtlNtries');
  const net = all === undefined ? undefined : netIn(all, currency);
  const reached = sumOf(entries.map((entry) => signedIn(entry, currency)));
  if (net !== undefined && net !== reached) {
    throw new StatementError(
      'totals_differ',
      `the entries are ${formatAmount(reached)} net and state another`,
    );
  }
}

/** Version 02 writes amount and direction beside each other, version 08 in an element of their own. */
function netIn(all: XmlElement, currency: string): bigint | undefined {
  const own = childOf(all, 'TtlNetNtry');
  const stated = own === undefined ? childText(all, 'TtlNetNtryAmt') : childText(own, 'Amt');
  if (stated === '') {
    return undefined;
  }
  const amountElement = own === undefined ? undefined : childOf(own, 'Amt');
  const foreign = amountElement?.attributes.Ccy;
  if (foreign !== undefined && foreign !== currency) {
    throw new StatementError('wrong_currency', `the net of the entries is not in ${currency}`);
  }
  return signedAmount({ direction: directionOf(own ?? all), amount: amountFrom(stated) });
}

function signedIn(element: XmlElement, currency: string): bigint {
  return signedAmount({ direction: directionOf(element), amount: amountIn(element, currency) });
}

/** One line for an entry, or one for each transaction of a batch, which must add up to it. */
function linesOf(entry: XmlElement, currency: string, position: number): StatementLine[] {
  const status = childOf(entry, 'Sts');
  const code = status === undefined ? '' : childText(status, 'Cd') || status.text.trim();
  if (code !== 'BOOK') {
    throw new StatementError('not_booked', `entry at line ${entry.line} is not booked`);
  }
  const bookingDate = dateIn(entry, 'BookgDt');
  const common = {
    direction: directionOf(entry),
    reversal: childText(entry, 'RvslInd') === 'true',
    bookingDate,
    valueDate: childOf(entry, 'ValDt') === undefined ? bookingDate : dateIn(entry, 'ValDt'),
    bankReference: referenceIn(entry, 'AcctSvcrRef'),
  };
  const total = movedIn(entry, currency);
  const groups = childrenOf(entry, 'NtryDtls');
  for (const each of groups) {
    requireBatchCount(each);
  }
  const details = groups.flatMap((each) => childrenOf(each, 'TxDtls'));
  if (details.length < 2) {
    requireWhole(entry, details[0], total);
    const said = describe(details[0], common.direction);
    const endToEndId = said.endToEndId ?? (common.direction === 'debit' ? orderIn(groups, details[0]) : null);
    return [{ ...common, position, amount: total, ...said, endToEndId }];
  }
  // A batch may hold both: what was paid, and what the bank kept of it.
  const parts = details.map((detail, index) => {
    const direction = childOf(detail, 'CdtDbtInd') === undefined ? common.direction : directionOf(detail);
    const amount = movedIn(detail, currency);
    return { ...common, direction, amount, position: position + index, ...describe(detail, direction) };
  });
  if (sumOf(parts.map(signedAmount)) !== signedAmount({ direction: common.direction, amount: total })) {
    throw new StatementError('totals_differ', `the batch at line ${entry.line} does not add up`);
  }
  return parts;
}

/** What a debit that names no payment says it was ordered by, where that is a name as we give them: a payout file's. */
function orderIn(groups: readonly XmlElement[], detail: XmlElement | undefined): string | null {
  const places = [detail === undefined ? undefined : childOf(detail, 'Refs'), ...groups.map(batchOf)];
  const said = places.flatMap((place) =>
    place === undefined ? [] : [childText(place, 'PmtInfId'), childText(place, 'MsgId')],
  );
  return said.find((name) => payoutOfReference(name) !== undefined) ?? null;
}

function batchOf(group: XmlElement): XmlElement | undefined {
  return childOf(group, 'Btch');
}

/** Who paid a part of an entry says nothing of who paid the rest. */
function requireWhole(entry: XmlElement, detail: XmlElement | undefined, total: Amount): void {
  const stated = detail === undefined ? undefined : childOf(detail, 'Amt');
  if (stated !== undefined && amountFrom(stated.text.trim()) !== total) {
    throw new StatementError(
      'totals_differ',
      `the transaction of the entry at line ${entry.line} is a part of it`,
    );
  }
}

/** A batch that shows some of its payments alone would be taken for those it shows. */
function requireBatchCount(group: XmlElement): void {
  const batch = batchOf(group);
  const stated = batch === undefined ? '' : childText(batch, 'NbOfTxs');
  const shown = childrenOf(group, 'TxDtls').length;
  if (stated !== '' && shown > 0 && stated !== String(shown)) {
    throw new StatementError(
      'totals_differ',
      `the batch at line ${group.line} counts ${stated}, shown are ${shown}`,
    );
  }
}

/** An entry of nothing moves nothing, and is no evidence of anything. */
function movedIn(element: XmlElement, currency: string): Amount {
  const amount = amountIn(element, currency);
  if (amount === 0n) {
    throw new StatementError('malformed_value', `<${element.name}> at line ${element.line} is of nothing`);
  }
  return amount;
}

function referenceIn(element: XmlElement, name: string): string | null {
  const text = childText(element, name).slice(0, 35);
  return NO_REFERENCE.has(text) ? null : text;
}

function describe(
  detail: XmlElement | undefined,
  direction: 'credit' | 'debit',
): Pick<StatementLine, 'endToEndId' | 'paymentReference' | 'counterparty'> {
  if (detail === undefined) {
    return {
      endToEndId: null,
      paymentReference: null,
      counterparty: { name: null, account: null, bank: null, remittance: '' },
    };
  }
  const remittance = childOf(detail, 'RmtInf');
  const structured =
    remittance === undefined
      ? []
      : childrenOf(remittance, 'Strd').map((each) => {
          const reference = childOf(each, 'CdtrRefInf');
          return reference === undefined ? '' : childText(reference, 'Ref');
        });
  const written =
    remittance === undefined ? [] : childrenOf(remittance, 'Ustrd').map((each) => each.text.trim());
  const said = [...structured, ...written].filter((text) => text !== '');
  const references = childOf(detail, 'Refs');
  const parties = childOf(detail, 'RltdPties');
  const side = direction === 'credit' ? 'Dbtr' : 'Cdtr';
  return {
    endToEndId: references === undefined ? null : referenceIn(references, 'EndToEndId'),
    paymentReference: findPaymentReference([...said, written.join('')]) ?? null,
    counterparty: {
      name: parties === undefined ? null : nameIn(parties, side),
      account: parties === undefined ? null : accountIn(parties, `${side}Acct`),
      bank: bankIn(detail, `${side}Agt`),
      remittance: said.join(' ').slice(0, TEXT_MAX),
    },
  };
}

/** Version 02 has the name in the party, version 08 in the party's own choice. */
function nameIn(parties: XmlElement, party: string): string | null {
  const found = childOf(parties, party);
  if (found === undefined) {
    return null;
  }
  const chosen = childOf(found, 'Pty');
  return (
    (childText(found, 'Nm') || (chosen === undefined ? '' : childText(chosen, 'Nm'))).slice(0, 140) || null
  );
}

function accountIn(parties: XmlElement, account: string): string | null {
  const id = childOf(childOf(parties, account) ?? parties, 'Id');
  const other = id === undefined ? undefined : childOf(id, 'Othr');
  const text =
    id === undefined ? '' : childText(id, 'IBAN') || (other === undefined ? '' : childText(other, 'Id'));
  return text.slice(0, 64) || null;
}

/** Version 02 calls it BIC, version 08 BICFI; what is no BIC is nothing. */
function bankIn(detail: XmlElement, agent: string): string | null {
  const agents = childOf(detail, 'RltdAgts');
  const bank = agents === undefined ? undefined : childOf(agents, agent);
  const institution = bank === undefined ? undefined : childOf(bank, 'FinInstnId');
  const text =
    institution === undefined ? '' : childText(institution, 'BICFI') || childText(institution, 'BIC');
  return BIC.test(text) ? text : null;
}

function directionOf(element: XmlElement): 'credit' | 'debit' {
  const indicator = childText(element, 'CdtDbtInd');
  if (indicator !== 'CRDT' && indicator !== 'DBIT') {
    throw new StatementError('malformed_value', `<${element.name}> at line ${element.line} has no direction`);
  }
  return indicator === 'CRDT' ? 'credit' : 'debit';
}

function amountIn(element: XmlElement, currency: string): Amount {
  const amount = childOf(element, 'Amt') ?? amountDetailOf(element);
  if (amount === undefined) {
    throw new StatementError('incomplete', `<${element.name}> at line ${element.line} has no amount`);
  }
  if (amount.attributes.Ccy !== currency) {
    throw new StatementError('wrong_currency', `an amount at line ${amount.line} is not in ${currency}`);
  }
  return amountFrom(amount.text.trim());
}

/** Version 02 states the amount of one transaction of a batch here. */
function amountDetailOf(element: XmlElement): XmlElement | undefined {
  const details = childOf(element, 'AmtDtls');
  const transaction = details === undefined ? undefined : childOf(details, 'TxAmt');
  return transaction === undefined ? undefined : childOf(transaction, 'Amt');
}

function amountFrom(text: string): Amount {
  if (!AMOUNT.test(text)) {
    throw new StatementError('malformed_value', 'an amount is not a decimal with at most twelve digits');
  }
  return parseAmount(text.replace(/^0+(?=\d)/, ''));
}

/** A date, or the day of a date and time as the bank wrote it. */
function dateIn(entry: XmlElement, name: string): string {
  const date = childOf(entry, name);
  const text = date === undefined ? '' : childText(date, 'Dt') || childText(date, 'DtTm').slice(0, 10);
  // A day no month has is none: parsing either fails or moves on to the next month.
  const ms = Date.parse(`${text}T00:00:00Z`);
  if (!DATE.test(text) || Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(text)) {
    throw new StatementError('malformed_value', `entry at line ${entry.line} has no date ${name}`);
  }
  return text;
}

function required(element: XmlElement, name: string, maxLength: number): string {
  const text = childText(element, name);
  if (text === '' || text.length > maxLength) {
    throw new StatementError(
      'incomplete',
      `<${element.name}> has no ${name} of at most ${maxLength} characters`,
    );
  }
  return text;
}
