/**
 * The built-in provider: people carry an ISO 20022 file to their bank and its report back.
 * @source ISO 20022 pain.001.001.09, pain.002.001.10
 */
import { type Amount, DECIMAL_PATTERN, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { childOf, childrenOf, childText, readXml, type XmlElement } from '../../../platform/xml/read-xml.ts';
import { XmlError } from '../../../platform/xml/xml-error.ts';
import {
  type PaymentInstruction,
  type PaymentOutcome,
  type PaymentParty,
  type PaymentReport,
  PaymentReportError,
  type PayoutProvider,
} from './payout-provider.ts';

const NAMESPACE = 'urn:iso:std:iso:20022:tech:xsd:pain.001.001.09';
const REPORT_LIMITS = { maxBytes: 2 * 1024 * 1024, maxDepth: 24, maxElements: 50_000 };
const MAX_TEXT = 35;

/**
 * What each status means; any other, now or in a later version, is not known. Until it has settled the payer's account
 * a bank answers with the steps it has come to, in this order: they are no end, and nothing to look into.
 * @source ISO 20022 external code set, ExternalPaymentTransactionStatus1Code
 */
const OUTCOMES: ReadonlyMap<string, PaymentOutcome> = new Map([
  ['RCVD', 'pending'],
  ['PDNG', 'pending'],
  ['ACTC', 'pending'],
  ['ACCP', 'pending'],
  ['ACSP', 'pending'],
  // The payer's account, and the payee's too.
  ['ACSC', 'completed'],
  ['ACCC', 'completed'],
  ['RJCT', 'failed'],
]);

export const manualPayouts: PayoutProvider = { name: 'manual', fileOf, readReport };

function fileOf(instruction: PaymentInstruction): Uint8Array {
  const count = element('NbOfTxs', `${instruction.payments.length}`);
  const sum = element('CtrlSum', formatAmount(instruction.controlSum));
  const header = group(
    'GrpHdr',
    element('MsgId', instruction.messageId),
    element('CreDtTm', instruction.createdAt),
    count,
    sum,
    group('InitgPty', element('Nm', instruction.firmName)),
  );
  const { debtor } = instruction;
  const payment = group(
    'PmtInf',
    element('PmtInfId', instruction.messageId),
    element('PmtMtd', 'TRF'),
    ...(instruction.batchBooking === undefined ? [] : [element('BtchBookg', `${instruction.batchBooking}`)]),
    count,
    sum,
    group('ReqdExctnDt', element('Dt', instruction.executionDate)),
    group('Dbtr', element('Nm', debtor.name)),
    accountOf('DbtrAcct', debtor),
    agentOf('DbtrAgt', debtor),
    ...instruction.payments.map((one) => transfer(one, instruction.currency)),
  );
  const body = group('CstmrCdtTrfInitn', header, payment);
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="${NAMESPACE}">${body}</Document>\n`,
    'utf8',
  );
}

function transfer(payment: PaymentInstruction['payments'][number], currency: string): string {
  const { endToEndId, amount, creditor } = payment;
  return group(
    'CdtTrfTxInf',
    group('PmtId', element('EndToEndId', endToEndId)),
    group('Amt', `<InstdAmt Ccy="${escaped(currency)}">${formatAmount(amount)}</InstdAmt>`),
    agentOf('CdtrAgt', creditor),
    group('Cdtr', element('Nm', creditor.name)),
    accountOf('CdtrAcct', creditor),
  );
}

function accountOf(name: string, { iban }: PaymentParty): string {
  return group(name, group('Id', element('IBAN', iban)));
}

function agentOf(name: string, { bic }: PaymentParty): string {
  return group(name, group('FinInstnId', element('BICFI', bic)));
}

function group(name: string, ...children: readonly string[]): string {
  return `<${name}>${children.join('')}</${name}>`;
}

function element(name: string, text: string): string {
  return `<${name}>${escaped(text)}</${name}>`;
}

/** Characters XML has no place for are left out; the others cannot end their element. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function readReport(bytes: Uint8Array): PaymentReport {
  const report = required(documentOf(bytes), 'CstmrPmtStsRpt');
  const group = required(report, 'OrgnlGrpInfAndSts');
  if (!childText(group, 'OrgnlMsgNmId').startsWith('pain.001.001.')) {
    throw new PaymentReportError('it answers no credit transfer');
  }
  const infos = childrenOf(report, 'OrgnlPmtInfAndSts');
  const transactions = infos.flatMap((info) => childrenOf(info, 'TxInfAndSts'));
  const wholes = [childText(group, 'GrpSts'), ...infos.map((info) => childText(info, 'PmtInfSts'))];
  if (transactions.length === 0 && wholes.every((said) => said === '')) {
    throw new PaymentReportError('it says nothing of any payment');
  }
  refuseContradiction(childText(group, 'GrpSts'), transactions);
  const originalMessageId = textOf(group, 'OrgnlMsgId');
  for (const info of infos) {
    // The one payment block of a file bears the file's own name.
    if (textOf(info, 'OrgnlPmtInfId') !== originalMessageId) {
      throw new PaymentReportError('it is about another payment block');
    }
    refuseContradiction(childText(info, 'PmtInfSts'), childrenOf(info, 'TxInfAndSts'));
  }
  return {
    messageId: textOf(required(report, 'GrpHdr'), 'MsgId'),
    originalMessageId,
    originalCount: countIn(childText(group, 'OrgnlNbOfTxs')),
    originalSum: amountFrom(childText(group, 'OrgnlCtrlSum')),
    rest: endOf(wholes),
    payments: transactions.map((one) => {
      const instructed = instructedOf(one);
      return {
        endToEndId: textOf(one, 'OrgnlEndToEndId'),
        outcome: outcomeOf(textOf(one, 'TxSts')),
        amount: amountFrom(instructed?.text.trim() ?? ''),
        currency: instructed?.attributes.Ccy ?? null,
        bankReference: childText(one, 'AcctSvcrRef').slice(0, MAX_TEXT) || null,
      };
    }),
  };
}

/** What is said of all is true of each: a bank that says otherwise has to be asked. */
function refuseContradiction(said: string, transactions: readonly XmlElement[]): void {
  const end = endSaid(said);
  if (end !== null && transactions.some((one) => outcomeOf(childText(one, 'TxSts')) !== end)) {
    throw new PaymentReportError(`it is ${said} as a whole and not in every part`);
  }
}

/** The one payment block of a file is the whole of it: both may say its end, and must say the same. */
function endOf(wholes: readonly string[]): PaymentReport['rest'] {
  const ends = new Set(wholes.map(endSaid).filter((end) => end !== null));
  if (ends.size > 1) {
    throw new PaymentReportError('it says two ends of the whole');
  }
  const [end] = ends;
  return end ?? null;
}

function endSaid(said: string): PaymentReport['rest'] {
  const outcome = outcomeOf(said);
  return outcome === 'completed' || outcome === 'failed' ? outcome : null;
}

function instructedOf(transaction: XmlElement): XmlElement | undefined {
  const reference = childOf(transaction, 'OrgnlTxRef');
  const amount = reference === undefined ? undefined : childOf(reference, 'Amt');
  return amount === undefined ? undefined : childOf(amount, 'InstdAmt');
}

function countIn(text: string): number | null {
  if (text !== '' && !/^\d{1,15}$/.test(text)) {
    throw new PaymentReportError('its count is no number');
  }
  return text === '' ? null : Number.parseInt(text, 10);
}

function amountFrom(text: string): Amount | null {
  if (text !== '' && !DECIMAL_PATTERN.test(text)) {
    throw new PaymentReportError('an amount is no decimal');
  }
  return text === '' ? null : parseAmount(text);
}

function outcomeOf(status: string): PaymentOutcome {
  return OUTCOMES.get(status) ?? 'unknown';
}

function documentOf(bytes: Uint8Array): XmlElement {
  try {
    // Nothing is emitted on the way: the tree is small and read as a whole.
    const root = readXml(bytes, 0, () => undefined, REPORT_LIMITS);
    if (root.name !== 'Document' || !/:pain\.002\.001\.\d{2}$/.test(root.attributes.xmlns ?? '')) {
      throw new PaymentReportError('it is no pain.002 document');
    }
    return root;
  } catch (error) {
    throw error instanceof XmlError ? new PaymentReportError(error.code) : error;
  }
}

function required(parent: XmlElement, name: string): XmlElement {
  const child = childOf(parent, name);
  if (child === undefined) {
    throw new PaymentReportError(`it has no ${name}`);
  }
  return child;
}

function textOf(parent: XmlElement, name: string): string {
  const text = required(parent, name).text.trim();
  if (text === '' || text.length > MAX_TEXT) {
    throw new PaymentReportError(`its ${name} is no identifier`);
  }
  return text;
}
