/**
 * The public structure of camt.053 as far as samples use it: for each element its children in their order,
 * with how often each may stand there. An element that is not listed holds text alone.
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
};

const PARTY: Content = ['Nm?', 'PstlAdr?', 'Id?', 'CtryOfRes?', 'CtctDtls?'];

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
  },
};

/** Where a document leaves the public structure of its version. @shape empty where it does not */
export function structureFaults(version: '02' | '08', document: XmlElement): readonly string[] {
  return faultsOf(STRUCTURES[version], document, '');
}

function faultsOf(structure: Structure, element: XmlElement, parent: string): readonly string[] {
  const content = structure[`${parent}/${element.name}`] ?? structure[element.name];
  const names = element.children.map((child) => child.name);
  if (content === undefined || (element.children.length === 0 && element.text.trim() !== '')) {
    return names.length > 0 ? [`<${element.name}> holds ${names.join()}`] : [];
  }
  const pattern = content.map((part) => {
    const [, choice = '', often = ''] = /^(.*?)([?*+]?)$/.exec(part) ?? [];
    return `(?:(?:${choice}) )${often}`;
  });
  const fits = new RegExp(`^${pattern.join('')}$`).test(names.map((name) => `${name} `).join(''));
  return [
    ...(fits ? [] : [`<${element.name}> holds ${names.join()}, not ${content.join()}`]),
    ...element.children.flatMap((child) => faultsOf(structure, child, element.name)),
  ];
}
