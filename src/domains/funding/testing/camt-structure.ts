/**
 * The public structure of camt.053 as far as samples use it: for each element its children in their order,
 * with how often each may stand there, and for each that holds text what that text may be. An element that is in
 * neither table is a fault.
 * @source ISO 20022 message definitions camt.053.001.02 and camt.053.001.08
 */
import type { XmlElement } from '../../../platform/xml/read-xml.ts';

/** `Name` once, `Name?` at most once, `Name+` once or more, `Name*` any number; `a|b` one of them. */
type Content = readonly string[];
type Structure = Readonly<Record<string, Content>>;

const SHARED: Structure = {
  Document: ['BkToCstmrStmt'],
  'Acct/Id': ['IBAN|Othr'],
  'DbtrAcct/Id': ['IBAN|Othr'],
  'CdtrAcct/Id': ['IBAN|Othr'],
  Othr: ['Id', 'SchmeNm?', 'Issr?'],
  Bal: ['Tp', 'CdtLine*', 'Amt', 'CdtDbtInd', 'Dt', 'Avlbty*'],
  'Bal/Tp': ['CdOrPrtry', 'SubTp?'],
  CdOrPrtry: ['Cd|Prtry'],
  'Bal/Dt': ['Dt|DtTm'],
  BookgDt: ['Dt|DtTm'],
  ValDt: ['Dt|DtTm'],
  BkTxCd: ['Domn?', 'Prtry?'],
  Prtry: ['Cd', 'Issr?'],
  TxsSummry: ['TtlNtries?', 'TtlCdtNtries?', 'TtlDbtNtries?', 'TtlNtriesPerBkTxCd*'],
  TtlCdtNtries: ['NbOfNtries?', 'Sum?'],
  TtlDbtNtries: ['NbOfNtries?', 'Sum?'],
  NtryDtls: ['Btch?', 'TxDtls*'],
  RltdPties: [
    'InitgPty?',
    'Dbtr?',
    'DbtrAcct?',
    'UltmtDbtr?',
    'Cdtr?',
    'CdtrAcct?',
    'UltmtCdtr?',
    'TradgPty?',
    'Prtry*',
  ],
  DbtrAcct: ['Id', 'Tp?', 'Ccy?', 'Nm?'],
  CdtrAcct: ['Id', 'Tp?', 'Ccy?', 'Nm?'],
  RmtInf: ['Ustrd*', 'Strd*'],
  Strd: ['RfrdDocInf*', 'RfrdDocAmt?', 'CdtrRefInf?', 'Invcr?', 'Invcee?', 'AddtlRmtInf*'],
  CdtrRefInf: ['Tp?', 'Ref?'],
  DbtrAgt: ['FinInstnId', 'BrnchId?'],
  CdtrAgt: ['FinInstnId', 'BrnchId?'],
};

const PARTY: Content = ['Nm?', 'PstlAdr?', 'Id?', 'CtryOfRes?', 'CtctDtls?'];

const AGENTS: Content = [
  'DbtrAgt?',
  'CdtrAgt?',
  'IntrmyAgt1?',
  'IntrmyAgt2?',
  'IntrmyAgt3?',
  'RcvgAgt?',
  'DlvrgAgt?',
  'IssgAgt?',
  'SttlmPlc?',
  'Prtry*',
];

const STRUCTURES: Readonly<Record<'02' | '08', Structure>> = {
  '02': {
    ...SHARED,
    BkToCstmrStmt: ['GrpHdr', 'Stmt+'],
    GrpHdr: ['MsgId', 'CreDtTm', 'MsgRcpt?', 'MsgPgntn?', 'AddtlInf?'],
    Stmt: [
      'Id',
      'ElctrncSeqNb?',
      'LglSeqNb?',
      'CreDtTm',
      'FrToDt?',
      'CpyDplctInd?',
      'RptgSrc?',
      'Acct',
      'RltdAcct?',
      'Intrst*',
      'Bal+',
      'TxsSummry?',
      'Ntry*',
      'AddtlStmtInf?',
    ],
    Acct: ['Id', 'Tp?', 'Ccy?', 'Nm?', 'Ownr?', 'Svcr?'],
    TtlNtries: ['NbOfNtries?', 'Sum?', 'TtlNetNtryAmt?', 'CdtDbtInd?'],
    Ntry: [
      'NtryRef?',
      'Amt',
      'CdtDbtInd',
      'RvslInd?',
      'Sts',
      'BookgDt?',
      'ValDt?',
      'AcctSvcrRef?',
      'Avlbty*',
      'BkTxCd',
      'ComssnWvrInd?',
      'AddtlInfInd?',
      'AmtDtls?',
      'Chrgs*',
      'TechInptChanl?',
      'Intrst*',
      'NtryDtls*',
      'AddtlNtryInf?',
    ],
    TxDtls: [
      'Refs?',
      'AmtDtls?',
      'Avlbty*',
      'BkTxCd?',
      'Chrgs*',
      'Intrst*',
      'RltdPties?',
      'RltdAgts?',
      'Purp?',
      'RltdRmtInf*',
      'RmtInf?',
      'RltdDts?',
      'AddtlTxInf?',
    ],
    AmtDtls: ['InstdAmt?', 'TxAmt?', 'CntrValAmt?', 'AnncdPstngAmt?', 'PrtryAmt*'],
    TxAmt: ['Amt', 'CcyXchg?'],
    Refs: [
      'MsgId?',
      'AcctSvcrRef?',
      'PmtInfId?',
      'InstrId?',
      'EndToEndId?',
      'TxId?',
      'MndtId?',
      'ChqNb?',
      'ClrSysRef?',
      'Prtry?',
    ],
    Dbtr: PARTY,
    Cdtr: PARTY,
    RltdAgts: AGENTS,
    FinInstnId: ['BIC?', 'ClrSysMmbId?', 'Nm?', 'PstlAdr?', 'Othr?'],
  },
  '08': {
    ...SHARED,
    BkToCstmrStmt: ['GrpHdr', 'Stmt+', 'SplmtryData*'],
    GrpHdr: ['MsgId', 'CreDtTm', 'MsgRcpt?', 'MsgPgntn?', 'OrgnlBizQry?', 'AddtlInf?'],
    Stmt: [
      'Id',
      'StmtPgntn?',
      'ElctrncSeqNb?',
      'RptgSeq?',
      'LglSeqNb?',
      'CreDtTm?',
      'FrToDt?',
      'CpyDplctInd?',
      'RptgSrc?',
      'Acct',
      'RltdAcct?',
      'Intrst*',
      'Bal+',
      'TxsSummry?',
      'Ntry*',
      'AddtlStmtInf?',
    ],
    Acct: ['Id', 'Tp?', 'Ccy?', 'Nm?', 'Prxy?', 'Ownr?', 'Svcr?'],
    TtlNtries: ['NbOfNtries?', 'Sum?', 'TtlNetNtry?'],
    TtlNetNtry: ['Amt', 'CdtDbtInd'],
    Ntry: [
      'NtryRef?',
      'Amt',
      'CdtDbtInd',
      'RvslInd?',
      'Sts',
      'BookgDt?',
      'ValDt?',
      'AcctSvcrRef?',
      'Avlbty*',
      'BkTxCd',
      'ComssnWvrInd?',
      'AddtlInfInd?',
      'AmtDtls?',
      'Chrgs?',
      'TechInptChanl?',
      'Intrst?',
      'CardTx?',
      'NtryDtls*',
      'AddtlNtryInf?',
    ],
    Sts: ['Cd|Prtry'],
    TxDtls: [
      'Refs?',
      'Amt?',
      'CdtDbtInd?',
      'AmtDtls?',
      'Avlbty*',
      'BkTxCd?',
      'Chrgs?',
      'Intrst?',
      'RltdPties?',
      'RltdAgts?',
      'LclInstrm?',
      'Purp?',
      'RltdRmtInf*',
      'RmtInf?',
      'RltdDts?',
      'AddtlTxInf?',
    ],
    Refs: [
      'MsgId?',
      'AcctSvcrRef?',
      'PmtInfId?',
      'InstrId?',
      'EndToEndId?',
      'UETR?',
      'TxId?',
      'MndtId?',
      'ChqNb?',
      'ClrSysRef?',
      'Prtry*',
    ],
    Dbtr: ['Pty|Agt'],
    Cdtr: ['Pty|Agt'],
    Pty: PARTY,
    RltdAgts: ['InstgAgt?', 'InstdAgt?', ...AGENTS],
    FinInstnId: ['BICFI?', 'ClrSysMmbId?', 'LEI?', 'Nm?', 'PstlAdr?', 'Othr?'],
  },
};

const TEXT_35 = /^.{1,35}$/su;
const TEXT_140 = /^.{1,140}$/su;
/** At most eighteen digits, as many of them decimals as follow. */
const decimal = (decimals: number) =>
  new RegExp(`^(?=(?:\\D*\\d){1,18}\\D*$)\\d+(?:\\.\\d{1,${decimals}})?$`);
const DAY = String.raw`\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])`;
const INSTANT = new RegExp(`^${DAY}T[0-2]\\d:[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:Z|[+-][01]\\d:[0-5]\\d)?$`);
const BALANCE = /^(?:XPCD|OPAV|ITAV|CLAV|FWAV|CLBD|ITBD|OPBD|PRCD|INFO)$/;

/** What an element that holds text may say: its data type in the message definition, with its codes. */
const TEXTS: Readonly<Record<string, RegExp>> = {
  MsgId: TEXT_35,
  'Stmt/Id': TEXT_35,
  'Othr/Id': /^.{1,34}$/su,
  CreDtTm: INSTANT,
  DtTm: INSTANT,
  'Dt/Dt': new RegExp(`^${DAY}$`),
  'BookgDt/Dt': new RegExp(`^${DAY}$`),
  'ValDt/Dt': new RegExp(`^${DAY}$`),
  IBAN: /^[A-Z]{2}\d{2}[a-zA-Z0-9]{1,30}$/,
  Ccy: /^[A-Z]{3}$/,
  'CdOrPrtry/Cd': BALANCE,
  'Prtry/Cd': TEXT_35,
  Amt: decimal(5),
  CdtDbtInd: /^(?:CRDT|DBIT)$/,
  RvslInd: /^(?:true|false|1|0)$/,
  AcctSvcrRef: TEXT_35,
  EndToEndId: TEXT_35,
  NbOfNtries: /^\d{1,15}$/,
  Sum: decimal(17),
  TtlNetNtryAmt: decimal(17),
  Nm: TEXT_140,
  Ustrd: TEXT_140,
  Ref: TEXT_35,
  /** @source ISO 9362 */
  BIC: /^[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?$/,
  BICFI: /^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/,
  Sts: /^(?:BOOK|PDNG|INFO)$/,
  'Sts/Cd': /^(?:BOOK|PDNG|INFO|FUTR)$/,
};

/** Amounts of version 08’s net of all entries are plain numbers; all others say their currency. */
const NO_CURRENCY = 'TtlNetNtry/Amt';

/** Where a document leaves the public structure of its version. @shape empty where it does not */
export function structureFaults(version: '02' | '08', document: XmlElement): readonly string[] {
  return faultsOf(STRUCTURES[version], document, '');
}

function faultsOf(structure: Structure, element: XmlElement, parent: string): readonly string[] {
  const place = `${parent}/${element.name}`;
  const content = structure[place] ?? structure[element.name];
  const names = element.children.map((child) => child.name);
  if (content === undefined) {
    return names.length > 0 ? [`<${element.name}> holds ${names.join()}`] : textFaults(element, place);
  }
  const pattern = content.map((part) => {
    const [, choice = '', often = ''] = /^(.*?)([?*+]?)$/.exec(part) ?? [];
    return `(?:(?:${choice}) )${often}`;
  });
  const fits = new RegExp(`^${pattern.join('')}$`).test(names.map((name) => `${name} `).join(''));
  return [
    ...(fits ? [] : [`<${element.name}> holds ${names.join()}, not ${content.join()}`]),
    ...(element.text.trim() === '' ? [] : [`<${element.name}> holds text`]),
    ...element.children.flatMap((child) => faultsOf(structure, child, element.name)),
  ];
}

function textFaults({ name, text, attributes }: XmlElement, place: string): readonly string[] {
  const type = TEXTS[place] ?? TEXTS[name];
  const currency = name === 'Amt' && place !== NO_CURRENCY ? (attributes.Ccy ?? '') : undefined;
  return [
    ...(type?.test(text) === true ? [] : [`<${place}> says ${text}`]),
    ...(currency === undefined || TEXTS.Ccy?.test(currency) === true ? [] : [`<${place}> is in ${currency}`]),
  ];
}
