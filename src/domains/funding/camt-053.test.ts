import { describe, expect, test } from 'bun:test';
import { formatAmount } from '../../kernel/amount.ts';
import { readXml } from '../../platform/xml/read-xml.ts';
import { parseStatement } from './camt-053.ts';
import { StatementError } from './camt-error.ts';
import { newPaymentReference } from './payment-reference.ts';
import { camt053, type SampleStatement } from './testing/camt-sample.ts';
import { structureFaults } from './testing/camt-structure.ts';

const REFERENCE = newPaymentReference();

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'utf8'));
const read = (statement: Partial<SampleStatement>) => parseStatement(bytes(camt053(statement)));

function faultOf(text: string): string {
  try {
    parseStatement(bytes(text));
  } catch (error) {
    if (error instanceof StatementError) {
      return error.fault;
    }
    throw error;
  }
  return 'accepted';
}

const CREDIT = {
  amount: '100.50',
  reference: REFERENCE,
  name: 'Anaïs Ramgoolam',
  iban: 'DE89370400440532013000',
};

describe('a statement', () => {
  test.each(['02', '08'] as const)(
    'of version %s tells of every line whose, how much and when',
    (version) => {
      const statement = read({
        version,
        id: 'STMT-7',
        opening: '10.00',
        entries: [CREDIT, { amount: '4', direction: 'DBIT', name: 'Landlord' }],
      });
      expect(statement).toMatchObject({ reference: 'STMT-7', currency: 'USD', entryCount: 2 });
      expect(formatAmount(statement.closingBalance)).toBe('106.5');
      expect(
        statement.lines.map(({ amount, ...line }) => ({ ...line, amount: formatAmount(amount) })),
      ).toMatchObject([
        {
          position: 1,
          direction: 'credit',
          amount: '100.5',
          reversal: false,
          bookingDate: '2026-01-30',
          valueDate: '2026-01-31',
          paymentReference: REFERENCE,
          counterparty: { name: 'Anaïs Ramgoolam', account: 'DE89370400440532013000' },
        },
        {
          position: 2,
          direction: 'debit',
          amount: '4',
          paymentReference: null,
          counterparty: { name: 'Landlord' },
        },
      ]);
    },
  );

  test.each(['02', '08'] as const)(
    'of version %s tells the bank of the other side, where it is one',
    (version) => {
      const bankOf = (bic?: string) =>
        read({ version, entries: [{ amount: '1', account: '00123', ...(bic === undefined ? {} : { bic }) }] })
          .lines[0]?.counterparty;
      expect(bankOf('BKIDAEAD')).toMatchObject({ account: '00123', bank: 'BKIDAEAD' });
      expect(bankOf('NOTABIC')?.bank).toBeNull();
      expect(bankOf()?.bank).toBeNull();
    },
  );

  test('finds a reference among other words, and none where two are written', () => {
    const [spaced, other] = [REFERENCE.replaceAll(/(.{4})/g, '$1 '), newPaymentReference()];
    const found = (unstructured: string) =>
      read({ entries: [{ amount: '1', unstructured }] }).lines[0]?.paymentReference;
    expect(found(`Deposit ${spaced} thank you`)).toBe(REFERENCE);
    expect(found(`${REFERENCE} or ${other}`)).toBeNull();
    expect(found(`${REFERENCE.slice(0, -1)}Z`)).toBeNull();
  });

  test('takes a batch apart, and only where its parts add up', () => {
    const parts = [{ amount: '1.25' }, { amount: '2.75', reference: REFERENCE }];
    expect(
      read({ entries: [{ amount: '4', parts }] }).lines.map((line) => formatAmount(line.amount)),
    ).toEqual(['1.25', '2.75']);
    expect(faultOf(camt053({ entries: [{ amount: '5', parts }] }))).toBe('totals_differ');
  });

  test('takes no batch for the payments of it that are shown', () => {
    const counted = (count: number) =>
      camt053({ entries: [{ amount: '4', parts: [{ amount: '4', reference: REFERENCE }] }] }).replace(
        '<NtryDtls>',
        `<NtryDtls><Btch><NbOfTxs>${count}</NbOfTxs></Btch>`,
      );
    expect(faultOf(counted(10))).toBe('totals_differ');
    expect(faultOf(counted(1))).toBe('accepted');
  });

  test('takes a batch apart whose parts go both ways, as where the bank kept its charge', () => {
    const parts = [{ amount: '4' }, { amount: '0.5', partDirection: 'DBIT' as const }];
    const lines = read({ entries: [{ amount: '3.5', parts }] }).lines;
    expect(lines.map(({ direction, amount }) => [direction, formatAmount(amount)])).toEqual([
      ['credit', '4'],
      ['debit', '0.5'],
    ]);
    expect(faultOf(camt053({ entries: [{ amount: '4.5', parts }] }))).toBe('totals_differ');
  });

  test('tells the end-to-end id of a payment, and none where the bank wrote that there is none', () => {
    const entries = ['PAY-1', 'NOTPROVIDED'].map((endToEndId) => ({ amount: '1', endToEndId }));
    expect(read({ entries }).lines.map((line) => line.endToEndId)).toEqual(['PAY-1', null]);
  });

  test('opens where it says so, or else where the one before closed', () => {
    const both = camt053({ opening: '7' }).replace(
      '<Bal>',
      '<Bal><Tp><CdOrPrtry><Cd>PRCD</Cd></CdOrPrtry></Tp><Amt Ccy="USD">9</Amt><CdtDbtInd>CRDT</CdtDbtInd>' +
        '<Dt><Dt>2026-01-30</Dt></Dt></Bal><Bal>',
    );
    expect(formatAmount(parseStatement(bytes(both)).openingBalance)).toBe('7');
    expect(
      formatAmount(parseStatement(bytes(camt053({ opening: '7' }).replace('OPBD', 'PRCD'))).openingBalance),
    ).toBe('7');
  });

  test('of an overdrawn account is below zero', () => {
    const { openingBalance, closingBalance } = read({ opening: '-3', entries: [{ amount: '1' }] });
    expect([formatAmount(openingBalance), formatAmount(closingBalance)]).toEqual(['-3', '-2']);
  });
});

describe('a sample', () => {
  const entries = [
    { ...CREDIT, endToEndId: 'PAY-1', unstructured: 'Thank you' },
    { amount: '4', direction: 'DBIT' as const, name: 'Landlord', reversal: true },
    { amount: '3', parts: [{ amount: '1' }, { amount: '2', reference: REFERENCE }] },
  ];

  test.each(['02', '08'] as const)(
    'of version %s has the public structure, and is read as written',
    (version) => {
      const file = bytes(camt053({ version, id: 'STMT-8', opening: '12.5', entries }));
      expect(
        structureFaults(
          version,
          readXml(file, 0, () => undefined),
        ),
      ).toEqual([]);
      const told = parseStatement(file);
      // Written again from what was read, it has the same structure and is read as the same.
      const again = camt053({
        version,
        id: told.reference,
        opening: formatAmount(told.openingBalance),
        entries: told.lines.map(({ amount, direction, reversal, counterparty, ...line }) => ({
          amount: formatAmount(amount),
          direction: direction === 'credit' ? ('CRDT' as const) : ('DBIT' as const),
          reversal,
          ...(counterparty.remittance === '' ? {} : { unstructured: counterparty.remittance }),
          ...(line.bankReference === null ? {} : { bankReference: line.bankReference }),
          ...(line.endToEndId === null ? {} : { endToEndId: line.endToEndId }),
          ...(counterparty.name === null ? {} : { name: counterparty.name }),
          ...(counterparty.account === null ? {} : { iban: counterparty.account }),
          ...(counterparty.bank == null ? {} : { bic: counterparty.bank }),
        })),
      });
      expect(
        structureFaults(
          version,
          readXml(bytes(again), 0, () => undefined),
        ),
      ).toEqual([]);
      // A batch comes back as the entries it was made of.
      expect(parseStatement(bytes(again))).toEqual({ ...told, entryCount: told.lines.length });
    },
  );

  test('of one version has not the structure of the other', () => {
    const file = readXml(bytes(camt053({ version: '02', entries })), 0, () => undefined);
    expect(structureFaults('08', file)).not.toEqual([]);
  });

  test.each([
    ['an amount of six decimals', '>100.50<', '>100.500001<'],
    ['an amount with a comma', '>100.50<', '>100,50<'],
    ['an amount in no currency', '<Amt Ccy="USD">100.50<', '<Amt Ccy="dollars">100.50<'],
    ['a direction of its own', '<CdtDbtInd>DBIT<', '<CdtDbtInd>OUT<'],
    ['a balance of its own', '<Cd>CLBD<', '<Cd>LAST<'],
    ['a state of its own', '<Cd>BOOK<', '<Cd>DONE<'],
    ['a day that no month has', '<Dt>2026-01-30<', '<Dt>2026-13-30<'],
    ['a count in words', '<NbOfNtries>2<', '<NbOfNtries>two<'],
    ['an account that is none', '<IBAN>DE89', '<IBAN>89'],
    ['an element nobody knows', '<Ref>', '<Ref2>'],
  ])('says that %s is outside the public structure', (_, from, to) => {
    const sample = camt053({ entries: [CREDIT, { amount: '4', direction: 'DBIT' }] });
    const closed = to.startsWith('<Ref2') ? sample.replaceAll('</Ref>', '</Ref2>') : sample;
    const read = (text: string) =>
      structureFaults(
        '08',
        readXml(bytes(text), 0, () => undefined),
      );
    expect(read(sample)).toEqual([]);
    expect(read(closed.replaceAll(from, to))).not.toEqual([]);
  });
});

describe('refuses whole', () => {
  const good = camt053({ entries: [CREDIT, { amount: '2', direction: 'DBIT' }] });

  test.each([
    ['nothing', '', 'unreadable'],
    ['what is cut off', good.slice(0, -40), 'unreadable'],
    ['a DOCTYPE', good.replace('<Document', '<!DOCTYPE x [<!ENTITY y "z">]><Document'), 'unreadable'],
    ['an entity nobody declared', good.replace('<Nm>', '<Nm>&y;'), 'unreadable'],
    ['JSON', '{"a":1}', 'unreadable'],
    ['another message', good.replaceAll('camt.053', 'camt.054'), 'not_a_statement'],
    ['another version', good.replace('053.001.08', '053.001.99'), 'not_a_statement'],
    ['two statements', good.replace('</Stmt>', '</Stmt><Stmt></Stmt>'), 'several_statements'],
    ['no IBAN', good.replace(/<IBAN>MU[^<]*<\/IBAN>/, '<Othr><Id>1</Id></Othr>'), 'incomplete'],
    ['an IBAN with a wrong digit', good.replace('MU64BOMM', 'MU00BOMM'), 'incomplete'],
    ['no closing balance', good.replace('CLBD', 'CLAV'), 'incomplete'],
    ['two closing balances', good.replace('OPBD', 'CLBD'), 'incomplete'],
    [
      'entries that miss the closing balance',
      good.replace('>2.00<', '>2.01<').replace('>2<', '>2.01<'),
      'totals_differ',
    ],
    ['a count that is wrong', good.replace('<NbOfNtries>2<', '<NbOfNtries>3<'), 'totals_differ'],
    ['one payment of several', good.replace('<TxDtls>', '<TxDtls><Amt Ccy="USD">1</Amt>'), 'totals_differ'],
    ['a sum that is wrong', good.replace('<Sum>102.5<', '<Sum>102.4<'), 'totals_differ'],
    ['a net that is wrong', good.replace('<Amt>98.5<', '<Amt>98.4<'), 'totals_differ'],
    ['an entry of nothing', camt053({ entries: [{ amount: '0.00' }] }), 'malformed_value'],
    ['a tag with a character no text may hold', good.replace('</Nm>', '</N\u0000m>'), 'unreadable'],
    ['another currency', good.replace(/(<Ntry>.*?)Ccy="USD"/s, '$1Ccy="EUR"'), 'wrong_currency'],
    ['an entry that is pending', good.replace('BOOK', 'PDNG'), 'not_booked'],
    ['an amount in words', good.replace('>100.50<', '>1e2<'), 'malformed_value'],
    ['a negative amount', good.replace('>100.50<', '>-100.50<'), 'malformed_value'],
    ['six decimals', good.replace('>100.50<', '>100.500001<'), 'malformed_value'],
    ['thirteen digits', good.replace('>100.50<', '>1000000000000<'), 'malformed_value'],
    [
      'the 31st of February',
      good.replace('<ValDt><Dt>2026-01-31', '<ValDt><Dt>2026-02-31'),
      'malformed_value',
    ],
    ['an entry without direction', good.replace('<CdtDbtInd>DBIT', '<CdtDbtInd>BOTH'), 'malformed_value'],
  ])('%s', (_name, text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  test('sums beyond what any column holds, as sums that differ', () => {
    const file = camt053({ entries: [{ amount: '999999999999' }], closing: '1' });
    const entry = /<Ntry>.*<\/Ntry>/s.exec(file)?.[0] ?? '';
    expect(faultOf(file.replace(entry, entry.repeat(3)))).toBe('totals_differ');
  });

  test('nested deeper than any statement, at once and not after minutes', () => {
    expect(faultOf(good.replace('<Stmt>', `${'<a>'.repeat(1_000)}<Stmt>`))).toBe('unreadable');
    expect(faultOf(`<?xml version="1.0"?>${'<a/>'.repeat(10)}`)).toBe('unreadable');
  });

  test('what is larger than a statement may be', () => {
    expect(faultOf(`${good}${' '.repeat(4 * 1024 * 1024)}`)).toBe('unreadable');
  });
});
