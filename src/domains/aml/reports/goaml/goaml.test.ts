import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { amountOf } from '../../../../kernel/amount.ts';
import type { Id } from '../../../../kernel/id.ts';
import { parseInstant } from '../../../../kernel/time.ts';
import { parseGoaml } from '../../../../platform/http/goaml.ts';
import { buildReport, type ReportedActivity, type ReportSources } from './build-report.ts';
import { checkGoaml } from './check-goaml.ts';
import type { Client } from './client-nodes.ts';
import { localValue } from './local-value.ts';
import { renderNow, renderReport } from './render-report.ts';
import { GOAML, MAX_TRANSACTIONS } from './structure.ts';
import { type GoamlNode, writeGoaml } from './write-goaml.ts';

const USER = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' as Id;
const ACCOUNT = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a002' as Id;
const SETTINGS = parseGoaml(
  JSON.stringify({
    rentityId: 4711,
    institution: 'Plimsoll Ltd',
    branch: 'Port Louis',
    reportingPerson: { firstName: 'Mira', lastName: 'Officer' },
    location: { street: '1 Harbour Street', city: 'Port Louis', country: 'MU' },
  }),
);

const CLIENT: Client = {
  userId: USER,
  firstName: 'Anjali',
  lastName: 'Ramgoolam',
  gender: 'female',
  birthDate: '1990-04-12',
  birthPlace: undefined,
  nationality: 'MUS',
  address: { street: '12 Royal Road', city: 'Curepipe', postalCode: '74213', country: 'MUS' },
  occupation: 'Engineer',
  sourceOfFunds: 'Salary',
  identifiers: [{ type: 'passport', number: 'P1234567', country: 'MUS' }],
  company: null,
};

const deposit = (index: number): ReportedActivity => ({
  id: `0199c4b2-7d4e-7c11-9a6b-${String(index).padStart(12, '0')}` as Id,
  source: 'funding.deposits',
  sourceId: `deposit-${index}`,
  kind: 'deposit',
  userId: USER,
  accountId: ACCOUNT,
  occurredAt: parseInstant('2026-03-02T19:30:00Z'),
  asset: 'USD',
  amount: amountOf(12_345_670_000n),
  counterpartyCountry: null,
  toAccountId: null,
});

const SOURCES: ReportSources = {
  settings: SETTINGS,
  report: {
    reference: 'STR-2026-000012',
    code: 'STR',
    submittedAt: parseInstant('2026-03-04T21:00:00Z'),
    amends: null,
    narrative: 'Payments in and out within hours, without a trade',
    action: '',
    indicators: ['STRUCT', 'RAPID'],
  },
  clients: new Map([[USER, CLIENT]]),
  accounts: new Map([
    [
      ACCOUNT,
      {
        id: ACCOUNT,
        userId: USER,
        name: 'Main',
        currency: 'USD',
        status: 'frozen',
        openedAt: parseInstant('2026-01-05T08:00:00Z'),
        closedAt: null,
      },
    ],
  ]),
  holdings: [{ userId: USER, accountId: ACCOUNT, asset: 'USD', balance: amountOf(500_000_000n) }],
  activities: [
    deposit(1),
    {
      ...deposit(2),
      source: 'funding.withdrawals',
      sourceId: 'withdrawal-2',
      kind: 'withdrawal_requested',
      asset: 'MUR',
      amount: amountOf(100_050_000_000n),
    },
    {
      ...deposit(3),
      source: 'ledger.transfers',
      sourceId: 'transfer-3',
      kind: 'transfer',
      toAccountId: ACCOUNT,
    },
  ],
  parties: new Map([
    [
      'funding.withdrawals withdrawal-2',
      {
        source: 'funding.withdrawals',
        sourceId: 'withdrawal-2',
        name: 'Ravi Payee',
        account: 'MU17BOMM0101101030300200000MUR',
        bic: 'BOMMMUPL',
        reference: 'PO-1',
        status: 'completed',
      },
    ],
  ]),
  rates: [{ asset: 'USD', rate: '45.5', isInverse: false, asOf: parseInstant('2026-03-01T00:00:00Z') }],
  localAmounts: {},
};

const written = (sources: ReportSources) => writeGoaml(buildReport(sources));
const text = (sources: ReportSources) => new TextDecoder().decode(written(sources));
const codes = (document: string) =>
  checkGoaml(new TextEncoder().encode(document), null).map(({ path, code }) => `${path} ${code}`);

describe('a report', () => {
  test.each([
    ['transactions', SOURCES],
    ['activity', { ...SOURCES, activities: [] }],
    [
      'legal-person',
      {
        ...SOURCES,
        activities: [],
        clients: new Map([
          [USER, { ...CLIENT, company: { name: 'Lantern & Sons', number: 'C-1', country: 'MUS' } }],
        ]),
      },
    ],
  ] as const)('with %s is written as it was by hand', async (name, sources) => {
    const golden = Bun.file(new URL(`golden/${name}.xml`, import.meta.url));
    expect(text(sources)).toBe(await golden.text());
    expect(checkGoaml(written(sources), null)).toEqual([]);
  });

  test('says local time, rupees of two decimals and the rate', () => {
    const document = text(SOURCES);
    // 19:30 UTC is 23:30 in Mauritius; 21:00 UTC is the day after.
    expect(document).toContain('<date_transaction>2026-03-02T23:30:00</date_transaction>');
    expect(document).toContain('<submission_date>2026-03-05T01:00:00</submission_date>');
    expect(document).toContain('<amount_local>5617.28</amount_local>');
    expect(document).toContain('<foreign_exchange_rate>45.5</foreign_exchange_rate>');
    expect(document).toContain('<amount_local>1000.50</amount_local>');
  });

  test('that amends another cites it', () => {
    const report = { ...SOURCES.report, amends: 'FIU-2026-1' };
    const document = text({ ...SOURCES, report });
    expect(document).toContain('<fiu_ref_number>FIU-2026-1</fiu_ref_number>');
    expect(codes(document)).toEqual([]);
  });

  test('of as many transactions as there may be is whole, and of one more is not', () => {
    const many = (count: number) => ({
      ...SOURCES,
      activities: Array.from({ length: count }, (_, index) => deposit(index)),
    });
    expect(checkGoaml(written(many(MAX_TRANSACTIONS)), null)).toEqual([]);
    expect(checkGoaml(written(many(MAX_TRANSACTIONS + 1)), null)).not.toEqual([]);
  }, 60_000);
});

describe('a report of many transactions', () => {
  const many = {
    ...SOURCES,
    activities: Array.from({ length: 2_000 }, (_, index) => deposit(index)),
  };

  test('is written and read back while the process serves whatever else there is', async () => {
    let served = false;
    setTimeout(() => {
      served = true;
    }, 0);
    const rendered = await renderReport(many);
    expect(served).toBe(true);
    expect(rendered.findings).toEqual([]);
    expect(Buffer.compare(rendered.bytes, renderNow(many).bytes)).toBe(0);
  });

  test('is told what is wrong with it like any other, and two at once do not mix', async () => {
    const silent = { ...many, report: { ...many.report, narrative: 'Another', indicators: [] } };
    const [whole, other] = await Promise.all([renderReport(many), renderReport(silent)]);
    expect(whole.findings).toEqual([]);
    expect(other.findings).toEqual(renderNow(silent).findings);
    expect(other.findings).not.toEqual([]);
  });

  test('that cannot be written is a fault of the program and leaves nobody waiting', async () => {
    const broken = { ...many, settings: { ...SETTINGS, location: null } } as unknown as ReportSources;
    expect(await renderReport(broken).catch((error: Error) => error.message)).toContain('TypeError');
  });
});

describe('what is missing is told, and never made up', () => {
  const without = (...members: (keyof Client)[]) => {
    const client = { ...CLIENT, ...Object.fromEntries(members.map((name) => [name, undefined])) };
    return codes(text({ ...SOURCES, activities: [], clients: new Map([[USER, client]]) }));
  };
  const PERSON = '/report/activity/report_parties/report_party/person';

  test('of a person', () => {
    expect(without('birthDate')).toEqual([`${PERSON}/birthdate missing`]);
    expect(without('address')).toContain(`${PERSON}/residence missing`);
    expect(without('occupation')).toContain(`${PERSON}/occupation missing`);
    expect(without('nationality')).toContain(`${PERSON}/nationality1 missing`);
  });

  test('of a rate, unless somebody says what it was worth', () => {
    const poor = { ...SOURCES, activities: [deposit(1)], rates: [] };
    expect(codes(text(poor))).toContain('/report/transaction[1]/amount_local missing');
    const said = { ...poor, localAmounts: { [deposit(1).id]: '5000' } };
    expect(codes(text(said))).toEqual([]);
    expect(text(said)).toContain('<amount_local>5000.00</amount_local>');
  });

  test('of whom it is about, and of indicators', () => {
    const nobody = { ...SOURCES, activities: [], clients: new Map() };
    expect(codes(text(nobody))).toContain('/report/activity/report_parties/report_party missing');
    const silent = { ...SOURCES, report: { ...SOURCES.report, indicators: [] } };
    expect(codes(text(silent))).toEqual(['/report/report_indicators/indicator missing']);
  });

  test('and an indicator that the firm does not know is none', () => {
    const findings = checkGoaml(written(SOURCES), new Set(['STRUCT']));
    expect(findings).toEqual([{ path: '/report/report_indicators/indicator', code: 'not_a_code' }]);
  });
});

describe('a hostile name', () => {
  const named = (name: string) => ({
    ...SOURCES,
    activities: [],
    clients: new Map([[USER, { ...CLIENT, lastName: name }]]),
  });

  test.each([
    ['</last_name><x/>', '&lt;/last_name&gt;&lt;x/&gt;'],
    ['A & "B" \'C\'', 'A &amp; &quot;B&quot; &apos;C&apos;'],
    ['محمد علي', 'محمد علي'],
    ['李玉华', '李玉华'],
    ['tab\tline\nbell\u0007nul\u0000', 'tab line bellnul'],
    ['half \ud800 pair', 'half pair'],
    [']]><!DOCTYPE x>', ']]&gt;&lt;!DOCTYPE x&gt;'],
    ['\u0085\ufffe\uffffzed', 'zed'],
  ])('%p is written and read back', (name, expected) => {
    const document = text(named(name));
    expect(document).toContain(`<last_name>${expected}</last_name>`);
    expect(codes(document)).toEqual([]);
  });

  test('of nothing that can be written is missing, and one of 101 letters is too long', () => {
    const path = '/report/activity/report_parties/report_party/person/last_name';
    expect(codes(text(named('\u0000\u0007')))).toEqual([`${path} empty`]);
    expect(codes(text(named('x'.repeat(101))))).toEqual([`${path} too_long`]);
    expect(codes(text(named('x'.repeat(100))))).toEqual([]);
  });

  test('of any kind never changes what the document is made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), (name) => {
        const found = codes(text(named(name)));
        expect(found.filter((finding) => !/ (empty|too_long)$/.test(finding))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the order', () => {
  const lines = text(SOURCES).split('\n');
  /** The lines of an element's direct children, each with all that is in it. */
  function childrenAt(start: number): [number, number][] {
    const indent = (lines[start] ?? '').search(/\S/) + 2;
    const children: [number, number][] = [];
    for (let at = start + 1; (lines[at] ?? '').search(/\S/) >= indent; at += 1) {
      const first = at;
      if (!(lines[at] ?? '').includes('</')) {
        while (!((lines[at] ?? '').search(/\S/) === indent && (lines[at] ?? '').trim().startsWith('</'))) {
          at += 1;
        }
      }
      children.push([first, at]);
    }
    return children;
  }

  test('of any two neighbours of other names is checked', () => {
    let swapped = 0;
    for (const [index, line] of lines.entries()) {
      if (!/^\s*<[a-z_0-9]+>$/.test(line)) {
        continue;
      }
      const children = childrenAt(index);
      for (let at = 0; at + 1 < children.length; at += 1) {
        const [one, other] = [children[at], children[at + 1]];
        if (one === undefined || other === undefined || nameAt(one[0]) === nameAt(other[0])) {
          continue;
        }
        const turned = [
          ...lines.slice(0, one[0]),
          ...lines.slice(other[0], other[1] + 1),
          ...lines.slice(one[0], one[1] + 1),
          ...lines.slice(other[1] + 1),
        ];
        expect([turned[one[0]], codes(turned.join('\n'))]).not.toEqual([turned[one[0]], []]);
        swapped += 1;
      }
    }
    expect(swapped).toBeGreaterThan(100);
  });

  test('is the structure’s, whatever order the members were given in', () => {
    const turned = (node: GoamlNode): GoamlNode =>
      Object.fromEntries(
        Object.entries(node)
          .reverse()
          .map(([name, value]) => [
            name,
            typeof value === 'object' && !Array.isArray(value) ? turned(value as GoamlNode) : value,
          ]),
      );
    expect(new TextDecoder().decode(writeGoaml(turned(buildReport(SOURCES))))).toBe(text(SOURCES));
  });

  function nameAt(line: number): string {
    return /<([a-z_0-9]+)>/.exec(lines[line] ?? '')?.[1] ?? '';
  }
});

test.each([
  ['', '/ not_xml'],
  ['<report>', '/ not_xml'],
  ['<!DOCTYPE report><report/>', '/ not_xml'],
  ['<rapport/>', '/rapport unexpected'],
])('what is no report is none: %s', (document, finding) => {
  expect(codes(document)).toContain(finding);
});

test('a member that the structure does not have is a fault of the program', () => {
  expect(() => writeGoaml({ nothing: 'x' })).toThrow('report has no nothing');
});

test('every type that is named is there, and no name comes twice in one', () => {
  for (const [type, places] of Object.entries(GOAML)) {
    const names = places.flatMap(({ oneOf }) => oneOf.map(({ name }) => name));
    expect([type, names.length]).toEqual([type, new Set(names).size]);
  }
});

describe('what money was worth', () => {
  const moved = {
    asset: 'USD',
    amount: amountOf(10_000_000_000n),
    occurredAt: parseInstant('2026-03-02T00:00:00Z'),
  };
  const rate = (text: string, asOf: string, isInverse = false) => ({
    asset: 'USD',
    rate: text,
    isInverse,
    asOf: parseInstant(asOf),
  });

  test('is by the newest rate of that time', () => {
    const rates = [
      rate('47', '2026-03-03T00:00:00Z'),
      rate('46', '2026-03-02T00:00:00Z'),
      rate('45', '2026-01-01T00:00:00Z'),
    ];
    expect(localValue(moved, rates, undefined)).toEqual({ amount: '4600.00', rate: '46' });
    expect(localValue(moved, rates.slice(0, 1), undefined)).toBeNull();
  });

  test('is by a rate the other way round too, and rounded half up', () => {
    expect(localValue(moved, [rate('0.02', '2026-01-01T00:00:00Z', true)], undefined)).toEqual({
      amount: '5000.00',
      rate: '50',
    });
    const small = { ...moved, amount: amountOf(1_000_000n) };
    expect(localValue(small, [rate('0.5', '2026-01-01T00:00:00Z')], undefined)?.amount).toBe('0.01');
    expect(localValue({ ...moved, asset: 'MUR' }, [], undefined)).toEqual({ amount: '100.00', rate: '1' });
  });
});
