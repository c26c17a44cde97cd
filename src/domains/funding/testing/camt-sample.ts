/** A bank statement as banks write it, with sums that hold unless a test says otherwise. */
import { and, desc, eq, ne } from 'drizzle-orm';
import { amountOf, formatAmount, parseAmount, sumAmounts } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import type { Deps } from '../../../platform/context.ts';
import { bankAccounts, bankStatements } from '../evidence/schema.ts';

export type SamplePart = {
  readonly amount: string;
  readonly reference?: string;
  readonly unstructured?: string;
  readonly name?: string;
  readonly iban?: string;
  /** An account that has no IBAN. */
  readonly account?: string;
  readonly bic?: string;
  readonly endToEndId?: string;
  /** Of a part that goes the other way than its batch. */
  readonly partDirection?: 'CRDT' | 'DBIT';
};

export type SampleEntry = SamplePart & {
  readonly direction?: 'CRDT' | 'DBIT';
  readonly reversal?: boolean;
  /** The bank's own reference; one of its own unless given. */
  readonly bankReference?: string;
  readonly parts?: readonly SamplePart[];
  /** What a batch was ordered by, of which the bank shows no payment: its `PmtInfId`. */
  readonly order?: string;
};

export type SampleStatement = {
  readonly version: '02' | '08';
  readonly id: string;
  readonly iban: string;
  readonly currency: string;
  readonly opening: string;
  readonly closing?: string;
  /** The day of its balances, and of its entries unless they say another. */
  readonly day?: string;
  readonly entries: readonly SampleEntry[];
};

/** The client-money account of tests. */
export const SAMPLE_IBAN = 'MU64BOMM0101101030300200001MUR';

/** Where the last imported statement of an account ended: where the next one has to begin. */
export async function nextOpening({ db }: Pick<Deps, 'db'>, iban = SAMPLE_IBAN): Promise<string> {
  const [last] = await db.engine
    .select({ closing: bankStatements.closingBalance })
    .from(bankStatements)
    .innerJoin(bankAccounts, eq(bankAccounts.id, bankStatements.bankAccountId))
    .where(and(eq(bankAccounts.iban, iban), ne(bankStatements.standing, 'void')))
    .orderBy(desc(bankStatements.id))
    .limit(1);
  return formatAmount(last?.closing ?? 0n);
}

/** The file of a statement; what is not given is made up. */
export function camt053(given: Partial<SampleStatement>): string {
  const statement: SampleStatement = {
    version: '08',
    id: newId().slice(0, 35),
    iban: SAMPLE_IBAN,
    currency: 'USD',
    opening: '0',
    entries: [],
    ...given,
  };
  const { version, id, iban, currency, opening, entries, day = '2026-01-31' } = statement;
  const moved = sumAmounts(
    entries.map(({ amount, direction }) => (direction === 'DBIT' ? -parse(amount) : parse(amount))),
  );
  const closing = statement.closing ?? formatAmount(amountOf(parse(opening) + moved));
  return `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.${version}">
 <BkToCstmrStmt>
  <GrpHdr><MsgId>${id}</MsgId><CreDtTm>2026-01-31T20:00:00+04:00</CreDtTm></GrpHdr>
  <Stmt>
   <Id>${id}</Id><CreDtTm>2026-01-31T20:00:00+04:00</CreDtTm>
   <Acct><Id><IBAN>${iban}</IBAN></Id><Ccy>${currency}</Ccy></Acct>
   ${balance('OPBD', opening, currency, day)}${balance('CLBD', closing, currency, day)}
   ${summary(entries, moved, version)}
   ${entries.map((entry) => entryXml(entry, statement)).join('\n   ')}
  </Stmt>
 </BkToCstmrStmt>
</Document>
`;
}

function parse(text: string): bigint {
  const plain = text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
  return parseAmount(plain);
}

function summary(entries: readonly SampleEntry[], moved: bigint, version: string): string {
  const sum = entries.reduce((all, { amount }) => all + parse(amount), 0n);
  const amount = formatAmount(moved < 0n ? -moved : moved);
  const direction = `<CdtDbtInd>${moved < 0n ? 'DBIT' : 'CRDT'}</CdtDbtInd>`;
  const net =
    version === '02'
      ? `<TtlNetNtryAmt>${amount}</TtlNetNtryAmt>${direction}`
      : `<TtlNetNtry><Amt>${amount}</Amt>${direction}</TtlNetNtry>`;
  return (
    `<TxsSummry><TtlNtries><NbOfNtries>${entries.length}</NbOfNtries><Sum>${formatAmount(sum)}</Sum>${net}` +
    `</TtlNtries></TxsSummry>`
  );
}

function balance(code: string, amount: string, currency: string, day: string): string {
  const below = amount.startsWith('-');
  return (
    `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="${currency}">${amount.replace('-', '')}</Amt>` +
    `<CdtDbtInd>${below ? 'DBIT' : 'CRDT'}</CdtDbtInd><Dt><Dt>${day}</Dt></Dt></Bal>`
  );
}

function entryXml(entry: SampleEntry, { version, currency, day }: SampleStatement): string {
  const direction = entry.direction ?? 'CRDT';
  const status = version === '02' ? 'BOOK' : '<Cd>BOOK</Cd>';
  const details = (entry.parts ?? [entry]).map((part) =>
    detailXml(part, part.partDirection ?? direction, version, currency),
  );
  return (
    `<Ntry><Amt Ccy="${currency}">${entry.amount}</Amt><CdtDbtInd>${direction}</CdtDbtInd>` +
    `${entry.reversal ? '<RvslInd>true</RvslInd>' : ''}<Sts>${status}</Sts>` +
    `<BookgDt><Dt>${day ?? '2026-01-30'}</Dt></BookgDt><ValDt><Dt>${day ?? '2026-01-31'}</Dt></ValDt><AcctSvcrRef>${entry.bankReference ?? newId().slice(0, 35)}</AcctSvcrRef>` +
    '<BkTxCd><Prtry><Cd>TRANSFER</Cd></Prtry></BkTxCd>' +
    `<NtryDtls>${entry.order === undefined ? details.join('') : `<Btch><PmtInfId>${entry.order}</PmtInfId></Btch>`}</NtryDtls></Ntry>`
  );
}

function detailXml(part: SamplePart, direction: string, version: string, currency: string): string {
  const side = direction === 'CRDT' ? 'Dbtr' : 'Cdtr';
  const name = part.name === undefined ? '' : `<Nm>${part.name}</Nm>`;
  const party = version === '02' ? name : `<Pty>${name}</Pty>`;
  const amount = `<Amt Ccy="${currency}">${part.amount}</Amt>`;
  // Version 02 has no direction of a part, and its amount among the details.
  const sums =
    version === '02'
      ? `<AmtDtls><TxAmt>${amount}</TxAmt></AmtDtls>`
      : `${amount}<CdtDbtInd>${direction}</CdtDbtInd>`;
  const references =
    part.endToEndId === undefined ? '' : `<Refs><EndToEndId>${part.endToEndId}</EndToEndId></Refs>`;
  const other = part.account === undefined ? '' : `<Othr><Id>${part.account}</Id></Othr>`;
  const id = part.iban === undefined ? other : `<IBAN>${part.iban}</IBAN>`;
  const account = id === '' ? '' : `<${side}Acct><Id>${id}</Id></${side}Acct>`;
  const code = version === '02' ? 'BIC' : 'BICFI';
  const bank =
    part.bic === undefined
      ? ''
      : `<RltdAgts><${side}Agt><FinInstnId><${code}>${part.bic}</${code}></FinInstnId></${side}Agt></RltdAgts>`;
  const structured =
    part.reference === undefined ? '' : `<Strd><CdtrRefInf><Ref>${part.reference}</Ref></CdtrRefInf></Strd>`;
  const written = part.unstructured === undefined ? '' : `<Ustrd>${part.unstructured}</Ustrd>`;
  return (
    `<TxDtls>${references}${sums}<RltdPties><${side}>${party}</${side}>${account}</RltdPties>${bank}` +
    `<RmtInf>${written}${structured}</RmtInf></TxDtls>`
  );
}
