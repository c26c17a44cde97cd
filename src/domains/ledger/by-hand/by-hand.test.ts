import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { approvals, auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, type Person, startFundingDesk } from '../../../testing/funding-desk.ts';
import { accounts } from '../../accounts/schema.ts';
import { findEntry } from '../find-entry.ts';
import { journalReversals, journals, ledgerEntries, lots, wallets } from '../schema.ts';
import { customerWallet } from '../wallets.ts';

let desk: FundingDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  mlro = await desk.newStaff('mlro');
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const BANK = { role: 'client_money_bank', reference: 'main', asset: 'USD' };
const FEES = { role: 'fees_earned', reference: 'main', asset: 'USD' };
const SUSPENSE = { role: 'suspense', reference: 'differences', asset: 'USD' };

function ask(journal: object, person: Person = desk.operations, key: string = newId()) {
  const body = { kind: 'adjustment', description: 'A posting of a test', reason: 'A test asks', ...journal };
  return desk.request(person, 'POST', '/v1/journals', { body, key });
}

const taking = (walletId: string, amount: string) => ({
  entries: [
    { walletId, amount: `-${amount}` },
    { house: SUSPENSE, amount },
  ],
});

const giving = (walletId: string, amount: string) => ({
  entries: [
    { house: SUSPENSE, amount: `-${amount}` },
    { walletId, amount },
  ],
});

const vote = (approvalId: string, person = desk.operations2) =>
  desk.request(person, 'POST', `/v1/approvals/${approvalId}/approve`, { body: { reason: 'Looked at it' } });

/** Asks, has another person agree, and says which journal was posted. */
async function post(journal: object): Promise<string> {
  const asked = await ask(journal);
  expect([asked.status, asked.body.code]).toEqual([202, undefined]);
  const { id, subjectId } = asked.body.approval as { readonly id: string; readonly subjectId: string };
  const voted = await vote(id, mlro);
  expect([voted.status, voted.body.code]).toEqual([200, undefined]);
  expect(voted.body.status === 'executed' || (await vote(id)).status === 200).toBe(true);
  return subjectId;
}

const reverse = (journalId: string) =>
  desk.request(desk.operations, 'POST', `/v1/journals/${journalId}/reverse`, {
    body: { reason: 'Posted in error' },
  });

async function undo(journalId: string): Promise<void> {
  const asked = await reverse(journalId);
  expect([asked.status, asked.body.code]).toEqual([202, undefined]);
  const { id, quorum } = asked.body.approval;
  expect(quorum === 1 || (await vote(id, mlro)).status === 200).toBe(true);
  expect((await vote(id)).status).toBe(200);
}

async function walletOf(person: Person, asset: string): Promise<string> {
  const owner = { userId: person.userId, accountId: person.accountId, book: 'live' } as const;
  const wallet = await transact(desk.system, 'engine', (tx) => customerWallet(tx, desk.system, owner, asset));
  return wallet.id;
}

async function funded(asset: string, amount: string) {
  const person = await desk.newCustomer();
  await desk.fund(person, asset, amount);
  return { person, walletId: await walletOf(person, asset) };
}

const totalOf = async (walletId: string) => {
  const [row] = await desk.deps.db.engine.select().from(wallets).where(eq(wallets.id, walletId));
  return formatAmount(present(row, 'the wallet is there').total);
};

const houseTotal = async (role: string, asset = 'USD', reference = 'main') => {
  const { body } = await desk.request(desk.operations, 'GET', `/v1/house-wallets?limit=100&role=${role}`);
  const rows = body.data as { houseRole: string; asset: string; houseReference: string; total: string }[];
  return rows.find((row) => row.houseRole === role && row.asset === asset && row.houseReference === reference)
    ?.total;
};

const entriesOf = async (journalId: string) => {
  const rows = await desk.deps.db.engine
    .select()
    .from(ledgerEntries)
    .where(eq(ledgerEntries.journalId, journalId))
    .orderBy(ledgerEntries.id);
  return rows.map((row) => [row.walletId, formatAmount(row.amount)]);
};

const journalOf = async (id: string) => {
  const [row] = await desk.deps.db.engine.select().from(journals).where(eq(journals.id, id));
  return row;
};

const lotsOf = async (walletId: string) => {
  const rows = await desk.deps.db.engine
    .select()
    .from(lots)
    .where(eq(lots.walletId, walletId))
    .orderBy(lots.acquiredAt, lots.id);
  return rows
    .filter((lot) => lot.quantityOpen > 0n)
    .map((lot) => [
      formatAmount(lot.quantityOpen),
      lot.cost === null ? null : formatAmount(lot.cost),
      lot.acquiredAt,
    ]);
};

describe('a journal by hand', () => {
  test('is posted by the last vote, as it was shown, and cites the approval', async () => {
    const { walletId } = await funded('USD', '100');
    const entries = [
      { walletId, amount: '-30' },
      { house: FEES, amount: '30' },
    ];
    const { body } = await ask({ kind: 'fee', entries, valueDate: '2026-01-31' });
    const { id, subjectId } = body.approval;
    expect([await totalOf(walletId), await journalOf(subjectId)]).toEqual(['100', undefined]);
    expect((await vote(id, desk.operations)).body.code).toBe('self_approval');
    expect((await vote(id)).status).toBe(200);
    expect(await totalOf(walletId)).toBe('70');
    expect(await journalOf(subjectId)).toMatchObject({
      kind: 'fee',
      approvalId: id,
      referenceType: 'approval',
      referenceId: id,
      valueDate: '2026-01-31',
    });
    const rows = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, subjectId));
    expect(rows.map((row) => row.eventType)).toEqual(['journal.posted', 'journal.posted']);
  });

  test('is asked for once under one key, however often it is sent', async () => {
    const { walletId } = await funded('USD', '10');
    const journal = {
      kind: 'fee',
      entries: [
        { walletId, amount: '-1' },
        { house: FEES, amount: '1' },
      ],
    };
    const key = newId();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(journal, desk.operations, key)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.approval.id}`)).size).toBe(1);
  });

  const walletsOfTwo = async () => {
    const [ann, bob] = [await funded('USD', '50'), await funded('USD', '50')];
    return { ann: ann.walletId, bob: bob.walletId };
  };
  type Two = { readonly ann: string; readonly bob: string };

  test.each<[string, (two: Two) => object]>([
    [
      'journal_unbalanced',
      ({ ann }) => ({
        entries: [
          { walletId: ann, amount: '-5' },
          { house: SUSPENSE, amount: '4' },
        ],
      }),
    ],
    [
      'journal_misfit',
      ({ ann, bob }) => ({
        kind: 'transfer',
        entries: [
          { walletId: ann, amount: '-5' },
          { walletId: bob, amount: '5' },
        ],
      }),
    ],
    [
      'journal_misfit',
      ({ ann }) => ({
        kind: 'fee',
        entries: [
          { walletId: ann, amount: '-5' },
          { house: SUSPENSE, amount: '5' },
        ],
      }),
    ],
    [
      'journal_misfit',
      () => ({
        kind: 'transfer',
        entries: [
          { house: FEES, amount: '-5' },
          { house: { role: 'firm_money', reference: 'fees', asset: 'USD' }, amount: '5' },
        ],
      }),
    ],
    [
      'insufficient_funds',
      ({ ann }) => ({
        entries: [
          { walletId: ann, amount: '-50.01' },
          { house: SUSPENSE, amount: '50.01' },
        ],
      }),
    ],
    [
      'journal_wallet_unknown',
      () => ({
        entries: [
          { walletId: newId(), amount: '-5' },
          { house: SUSPENSE, amount: '5' },
        ],
      }),
    ],
    [
      'unknown_asset',
      () => ({
        entries: [
          { house: { ...SUSPENSE, asset: 'XXX' }, amount: '-5' },
          { house: SUSPENSE, amount: '5' },
        ],
      }),
    ],
    [
      'house_balance_wrong_side',
      ({ ann }) => ({
        kind: 'dividend',
        dividend: { asset: 'AAPL', recordDate: '2026-01-01', paymentDate: '2026-01-02' },
        entries: [
          { house: { role: 'dividends_payable', reference: 'none-came', asset: 'USD' }, amount: '-5' },
          { walletId: ann, amount: '5' },
        ],
      }),
    ],
    [
      'journal_lots_wrong',
      ({ ann }) => ({
        entries: [
          { walletId: ann, amount: '-5', costFrom: ann },
          { house: SUSPENSE, amount: '5' },
        ],
      }),
    ],
    [
      'validation_failed',
      ({ ann }) => ({
        kind: 'interest',
        entries: [
          { house: BANK, amount: '-5' },
          { walletId: ann, amount: '5' },
        ],
      }),
    ],
    [
      'validation_failed',
      ({ ann }) => ({
        kind: 'deposit',
        entries: [
          { house: BANK, amount: '-5' },
          { walletId: ann, amount: '5' },
        ],
      }),
    ],
    [
      'validation_failed',
      ({ ann }) => ({
        entries: [
          { walletId: ann, amount: '-1.123456789' },
          { house: SUSPENSE, amount: '1' },
        ],
      }),
    ],
    [
      'validation_failed',
      ({ ann }) => ({
        entries: [
          { walletId: ann, amount: '-1' },
          { walletId: ann, amount: '1' },
        ],
      }),
    ],
    [
      'value_date_too_late',
      ({ ann }) => ({
        valueDate: '2199-01-01',
        entries: [
          { walletId: ann, amount: '-1' },
          { house: SUSPENSE, amount: '1' },
        ],
      }),
    ],
    [
      'validation_failed',
      ({ ann }) => ({
        valueDate: '0000-01-01',
        entries: [
          { walletId: ann, amount: '-1' },
          { house: SUSPENSE, amount: '1' },
        ],
      }),
    ],
  ])('is refused with %s before anybody is asked', async (code, journal) => {
    const two = await walletsOfTwo();
    const answer = await ask(journal(two));
    expect([answer.body.code, answer.status]).toEqual([code, 422]);
    expect([await totalOf(two.ann), await totalOf(two.bob)]).toEqual(['50', '50']);
  });

  test('counts a wallet that is named twice once', async () => {
    const payable = { role: 'dividends_payable', reference: newId(), asset: 'USD' };
    const dividend = { asset: 'AAPL', recordDate: '2026-01-10', paymentDate: '2026-01-31' };
    await post({
      kind: 'dividend',
      dividend,
      entries: [
        { house: BANK, amount: '-5' },
        { house: payable, amount: '5' },
      ],
    });
    const { body } = await desk.request(
      desk.operations,
      'GET',
      '/v1/house-wallets?limit=100&role=dividends_payable',
    );
    const rows = body.data as { readonly id: string; readonly houseReference: string }[];
    const walletId = rows.find((row) => row.houseReference === payable.reference)?.id;
    const holder = await funded('USD', '1');
    const twice = await ask({
      kind: 'dividend',
      dividend,
      entries: [
        { house: payable, amount: '-4' },
        { walletId, amount: '-4' },
        { walletId: holder.walletId, amount: '8' },
      ],
    });
    expect(twice.body.code).toBe('house_balance_wrong_side');
  });

  test('is refused at the vote when the money has gone since, and the vote with it', async () => {
    const { walletId } = await funded('USD', '10');
    const taken = {
      entries: [
        { walletId, amount: '-6' },
        { house: SUSPENSE, amount: '6' },
      ],
    };
    const [first, second] = [await ask(taken), await ask(taken)];
    expect((await vote(first.body.approval.id)).status).toBe(200);
    const late = await vote(second.body.approval.id);
    expect([late.status, late.body.code]).toEqual([422, 'insufficient_funds']);
    const [row] = await desk.deps.db.engine
      .select()
      .from(approvals)
      .where(eq(approvals.id, second.body.approval.id));
    expect([row?.status, await totalOf(walletId)]).toEqual(['pending', '4']);
  });

  test('is neither asked for nor agreed by somebody whose wallet it moves', async () => {
    const insider = await desk.newStaff('customer', 'operations');
    await desk.changeGate(insider, { kycStatus: 'approved', kycLevel: 'standard', screening: 'clear' });
    const walletId = await walletOf(insider, 'USD');
    await post({
      entries: [
        { house: SUSPENSE, amount: '-10' },
        { walletId, amount: '10' },
      ],
    });
    const entries = [
      { walletId, amount: '5' },
      { house: SUSPENSE, amount: '-5' },
    ];
    const asStaff: Person = { ...insider, actor: { ...insider.actor, kind: 'staff' } as Person['actor'] };
    expect((await ask({ entries }, asStaff)).body.code).toBe('self_action');
    const { body } = await ask({ entries });
    expect((await vote(body.approval.id, asStaff)).body.code).toBe('self_approval');
    const { walletId: other } = await funded('USD', '10');
    const both = {
      entries: [
        ...entries,
        { walletId: other, amount: '1' },
        { house: { ...SUSPENSE, reference: 'more' }, amount: '-1' },
      ],
    };
    const shared = await ask(both);
    expect((await vote(shared.body.approval.id, asStaff)).body.code).toBe('self_approval');
    expect(await totalOf(walletId)).toBe('10');
  });

  test('credits nobody whose gate is shut, but what is theirs as holders', async () => {
    const { person, walletId } = await funded('USD', '10');
    await desk.changeGate(person, { restriction: 'frozen' });
    const gift = await ask({
      entries: [
        { house: SUSPENSE, amount: '-5' },
        { walletId, amount: '5' },
      ],
    });
    expect((await vote(gift.body.approval.id)).body.code).toBe('holder_restricted');
    const interest = { ratePercent: '2.5', dayCount: 'actual/365', from: '2026-01-01', until: '2026-02-01' };
    const posted = await post({
      kind: 'interest',
      interest,
      entries: [
        { house: BANK, amount: '-0.02' },
        { walletId, amount: '0.02' },
      ],
    });
    expect(await totalOf(walletId)).toBe('10.02');
    // Its terms and the decision it rests on are there to be read, not only kept.
    const { body: read } = await desk.request(desk.operations, 'GET', `/v1/journals/${posted}`);
    expect(read).toMatchObject({ kind: 'interest', metadata: { interest }, approvalId: read.referenceId });
  });

  test('takes nothing from who may not pay out, unless the MLRO is among those who agree', async () => {
    const { person, walletId } = await funded('USD', '10');
    await desk.changeGate(person, { restriction: 'frozen' });
    const { body } = await ask(taking(walletId, '4'));
    expect((await vote(body.approval.id)).body.code).toBe('holder_restricted');
    expect([await totalOf(walletId), (await vote(body.approval.id, mlro)).status]).toEqual(['10', 200]);
    expect(await totalOf(walletId)).toBe('6');
    const { body: other } = await ask(taking(walletId, '6'));
    await desk.changeGate(person, { restriction: 'no_out' });
    expect((await vote(other.approval.id)).body.code).toBe('holder_restricted');
    await desk.changeGate(person, { restriction: 'none' });
    expect((await vote(other.approval.id)).status).toBe(200);
  });

  test('has as many people look at what it takes from customers, and gives them, as a withdrawal of it would', async () => {
    const [one, two] = [await funded('USD', '150000'), await funded('USD', '6000')];
    const quorum = async (journal: object) => (await ask(journal)).body.approval.quorum;
    expect(await quorum(taking(one.walletId, '10000'))).toBe(1);
    const entries = [one, two].map(({ walletId }) => ({ walletId, amount: '-6000' }));
    expect(await quorum({ entries: [...entries, { house: SUSPENSE, amount: '12000' }] })).toBe(2);
    const { body } = await ask(taking(one.walletId, '100000.01'));
    const { id } = body.approval;
    expect(body.approval.quorum).toBe(2);
    expect((await vote(id)).body.status).toBe('pending');
    expect((await vote(id, desk.compliance)).body.code).toBe('mlro_vote_required');
    expect([await totalOf(one.walletId), (await vote(id, mlro)).body.status]).toEqual(['150000', 'executed']);
    expect(await totalOf(one.walletId)).toBe('49999.99');
    const given = await ask(giving(one.walletId, '50000'));
    expect(given.body.approval.quorum).toBe(2);
  });

  test('is agreed to by nobody it names, whoever of those who agree comes last', async () => {
    const [other, own] = [await funded('USD', '30000'), await funded('USD', '10')];
    const inside: Person = {
      ...own.person,
      actor: { ...own.person.actor, kind: 'staff', roles: ['operations', 'customer'] } as Person['actor'],
    };
    const entries = [
      { walletId: other.walletId, amount: '-12000' },
      { walletId: own.walletId, amount: '-5' },
      { house: SUSPENSE, amount: '12005' },
    ];
    const { id, quorum, subjectUserId } = (await ask({ entries })).body.approval;
    expect([quorum, subjectUserId]).toEqual([2, null]);
    expect((await vote(id, inside)).body.status).toBe('pending');
    expect((await vote(id, mlro)).body.code).toBe('self_approval');
    expect([await totalOf(other.walletId), await totalOf(own.walletId)]).toEqual(['30000', '10']);
    // Nor, once others posted it, to having it back.
    const journalId = await post({ entries });
    const undoing = (await reverse(journalId)).body.approval;
    expect([undoing.quorum, undoing.subjectUserId]).toEqual([2, null]);
    expect((await vote(undoing.id, inside)).body.status).toBe('pending');
    expect((await vote(undoing.id, mlro)).body.code).toBe('self_approval');
    expect([await totalOf(other.walletId), await totalOf(own.walletId)]).toEqual(['18000', '5']);
  });

  test('credits no account that is frozen but what is due to it, and one that is closed nothing', async () => {
    const { person, walletId } = await funded('USD', '10');
    const gift = async (more: object = {}) => {
      const entries = [
        { house: { ...BANK }, amount: '-0.01' },
        { walletId, amount: '0.01' },
      ];
      const { body } = await ask({ entries, ...more });
      return (await vote(body.approval.id)).body.code;
    };
    const days = { ratePercent: '1', dayCount: 'actual/365', from: '2026-01-01', until: '2026-02-01' };
    const due = { kind: 'interest', interest: days };
    const become = (status: 'active' | 'frozen' | 'closed') =>
      desk.deps.db.engine
        .update(accounts)
        .set({ status, closedAt: status === 'closed' ? desk.deps.clock.now() : null })
        .where(eq(accounts.id, person.accountId));
    await become('frozen');
    expect([await gift(), await gift(due)]).toEqual(['holder_restricted', undefined]);
    await become('closed');
    expect([await gift(), await gift(due)]).toEqual(['holder_restricted', 'holder_restricted']);
    await become('active');
    expect([await gift(), await totalOf(walletId)]).toEqual([undefined, '10.02']);
  });
});

describe('income', () => {
  test('comes in gross, and goes out net of the tax that is kept for the authority', async () => {
    const { walletId } = await funded('USD', '1');
    const payable = { role: 'dividends_payable', reference: 'AAPL-2026-01', asset: 'USD' };
    const tax = { role: 'taxes_withheld', reference: 'irs', asset: 'USD' };
    const dividend = { asset: 'AAPL', recordDate: '2026-01-10', paymentDate: '2026-01-31', perUnit: '0.24' };
    await post({
      kind: 'dividend',
      dividend,
      entries: [
        { house: BANK, amount: '-24' },
        { house: payable, amount: '24' },
      ],
    });
    const paid = await post({
      kind: 'dividend',
      dividend,
      entries: [
        { house: payable, amount: '-24' },
        { house: tax, amount: '3.6' },
        { walletId, amount: '20.4' },
      ],
    });
    expect([
      await totalOf(walletId),
      await houseTotal('dividends_payable', 'USD', 'AAPL-2026-01'),
      await houseTotal('taxes_withheld', 'USD', 'irs'),
    ]).toEqual(['21.4', '0', '3.6']);
    expect((await journalOf(paid))?.metadata).toEqual({ dividend });
    await post({
      kind: 'transfer',
      entries: [
        { house: tax, amount: '-3.6' },
        { house: BANK, amount: '3.6' },
      ],
    });
    expect(await houseTotal('taxes_withheld', 'USD', 'irs')).toBe('0');
  });
});

describe('a corporate action', () => {
  const custody = (asset: string) => ({ role: 'custody', reference: 'main', asset });
  const bought = async (person: Person, walletId: string, amount: string, cost: string) =>
    post({
      entries: [
        { walletId, amount, cost: { amount: cost, currency: 'USD' } },
        { house: custody('AAPL'), amount: `-${amount}` },
      ],
    }).then(() => person);

  async function holder() {
    const person = await desk.newCustomer();
    const walletId = await walletOf(person, 'AAPL');
    await bought(person, walletId, '1', '100.00000001');
    await bought(person, walletId, '2', '300');
    return { person, walletId, before: await lotsOf(walletId) };
  }

  test('that splits keeps the cost and the date of each lot', async () => {
    const { walletId, before } = await holder();
    const corporateAction = { type: 'split', effectiveDate: '2026-01-31', ratio: '3:1' };
    const split = await post({
      kind: 'corporate_action',
      corporateAction,
      entries: [
        { walletId, amount: '6', costFrom: walletId },
        { house: custody('AAPL'), amount: '-6' },
      ],
    });
    expect(await lotsOf(walletId)).toEqual([
      ['3', '100.00000001', before[0]?.[2] ?? null],
      ['6', '300', before[1]?.[2] ?? null],
    ]);
    await undo(split);
    expect([await totalOf(walletId), await lotsOf(walletId)]).toEqual(['3', before]);
  });

  test('that merges two assets carries cost over, to the last fraction', async () => {
    const { person, walletId, before } = await holder();
    const into = await walletOf(person, 'BTC');
    const corporateAction = { type: 'merger', effectiveDate: '2026-01-31', ratio: '1:3' };
    const vanish = [
      { walletId, amount: '-3' },
      { house: custody('AAPL'), amount: '3' },
    ];
    const nothing = await ask({ kind: 'corporate_action', corporateAction, entries: vanish });
    expect(nothing.body.code).toBe('journal_misfit');
    await post({
      kind: 'corporate_action',
      corporateAction,
      entries: [
        ...vanish,
        { walletId: into, amount: '1', costFrom: walletId },
        { house: custody('BTC'), amount: '-1' },
      ],
    });
    expect(await lotsOf(walletId)).toEqual([]);
    expect(await lotsOf(into)).toEqual([
      ['0.33333333', '100.00000001', before[0]?.[2] ?? null],
      ['0.66666667', '300', before[1]?.[2] ?? null],
    ]);
  });

  test('whose units were used since cannot be undone', async () => {
    const { walletId } = await holder();
    const corporateAction = { type: 'stock_dividend', effectiveDate: '2026-01-31' };
    const given = await post({
      kind: 'corporate_action',
      corporateAction,
      entries: [
        { walletId, amount: '1' },
        { house: custody('AAPL'), amount: '-1' },
      ],
    });
    await post({
      entries: [
        { walletId, amount: '-3.5' },
        { house: custody('AAPL'), amount: '3.5' },
      ],
    });
    await post({
      entries: [
        { walletId, amount: '3.5', cost: { amount: '1', currency: 'USD' } },
        { house: custody('AAPL'), amount: '-3.5' },
      ],
    });
    const { body } = await reverse(given);
    expect((await vote(body.approval.id, mlro)).body.status).toBe('pending');
    expect((await vote(body.approval.id)).body.code).toBe('journal_lots_used');
  });
});

describe('a reversal', () => {
  async function posted(valueDate = '2026-01-15') {
    const { walletId } = await funded('USD', '100');
    const entries = [
      { walletId, amount: '-30' },
      { house: SUSPENSE, amount: '30' },
    ];
    return { walletId, journalId: await post({ entries, valueDate }) };
  }

  test('mirrors every entry, cites the original, keeps its value date', async () => {
    const { walletId, journalId } = await posted();
    const leg = { journalId, walletId, amount: parseAmount('-30') };
    const found = () => transact(desk.system, 'engine', (tx) => findEntry(tx, leg));
    expect(await found()).toEqual({ referenceType: 'approval' });
    await undo(journalId);
    // Nothing can be explained by what was undone.
    expect(await found()).toBeUndefined();
    const [kept] = await desk.deps.db.engine
      .select()
      .from(journalReversals)
      .where(eq(journalReversals.journalId, journalId));
    const reversalId = present(kept, 'the reversal is listed').reversalId;
    const original = await entriesOf(journalId);
    expect(await entriesOf(reversalId)).toEqual(
      original.map(([wallet = '', amount = '']) => [
        wallet,
        amount.startsWith('-') ? amount.slice(1) : `-${amount}`,
      ]),
    );
    expect(await journalOf(reversalId)).toMatchObject({
      kind: 'reversal',
      reversesId: journalId,
      valueDate: '2026-01-15',
    });
    expect(await totalOf(walletId)).toBe('100');
    expect((await reverse(journalId)).body.code).toBe('journal_reversed');
    expect((await reverse(reversalId)).body.code).toBe('journal_not_reversible');
  });

  test('that takes from a customer passes the votes of any taking by hand', async () => {
    const { person, walletId } = await funded('USD', '1');
    const undoing = async (amount: string) => reverse(await post(giving(walletId, amount)));
    const { body } = await undoing('100001');
    expect([body.approval.quorum, (await vote(body.approval.id)).body.status]).toEqual([2, 'pending']);
    expect((await vote(body.approval.id, desk.compliance)).body.code).toBe('mlro_vote_required');
    expect(await totalOf(walletId)).toBe('100002');
    const other = await undoing('1');
    await desk.changeGate(person, { restriction: 'frozen' });
    expect((await vote(other.body.approval.id)).body.code).toBe('holder_restricted');
    expect((await vote(other.body.approval.id, mlro)).body.status).toBe('executed');
  });

  test('happens once, however many ask and agree at a time', async () => {
    const { walletId, journalId } = await posted();
    const asked = await Promise.all([reverse(journalId), reverse(journalId), reverse(journalId)]);
    const open = asked.filter(({ status }) => status === 202);
    expect([open.length, ...asked.map(({ body }) => body.code).filter(Boolean)]).toEqual([
      1,
      'approval_pending_exists',
      'approval_pending_exists',
    ]);
    const id = open[0]?.body.approval.id as string;
    const votes = await Promise.all([vote(id), vote(id, desk.compliance), vote(id)]);
    expect(votes.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await totalOf(walletId)).toBe('100');
  });

  test('is refused where the money is gone, and for what a domain undoes itself', async () => {
    const { walletId } = await funded('USD', '10');
    const given = await post(giving(walletId, '5'));
    await post(taking(walletId, '15'));
    expect((await reverse(given)).body.code).toBe('insufficient_funds');
    const [deposit] = await desk.deps.db.engine.select().from(journals).where(eq(journals.kind, 'deposit'));
    expect((await reverse(present(deposit, 'a deposit was booked').id)).body.code).toBe(
      'journal_not_reversible',
    );
    expect((await reverse(newId())).status).toBe(404);
  });
});

describe('a sweep of fees', () => {
  const sweep = (amount: string, more: object = {}) =>
    desk.request(desk.operations, 'POST', '/v1/fee-sweeps', {
      body: { asset: 'USD', amount, feesReference: 'sweeps', reason: 'Fees of a test', ...more },
      key: newId(),
    });
  const fees = { ...FEES, reference: 'sweeps' };

  test('takes what was earned out of client money into the firm’s own, and no more', async () => {
    const { walletId } = await funded('USD', '100');
    await post({
      kind: 'fee',
      entries: [
        { walletId, amount: '-8' },
        { house: fees, amount: '8' },
      ],
    });
    expect((await sweep('8.01')).body.code).toBe('sweep_exceeds_fees');
    const dust = await sweep('7.999');
    expect([dust.body.code, dust.body.errors[0].pointer]).toEqual(['amount_too_precise', '/amount']);
    const bank = Number(await houseTotal('client_money_bank'));
    const { body } = await sweep('8');
    expect((await sweep('1')).body.code).toBe('approval_pending_exists');
    expect((await vote(body.approval.id, desk.operations)).body.code).toBe('self_approval');
    expect((await vote(body.approval.id)).status).toBe(200);
    expect([
      await houseTotal('fees_earned', 'USD', 'sweeps'),
      Number(await houseTotal('client_money_bank')) - bank,
      await houseTotal('firm_account'),
      await houseTotal('firm_money', 'USD', 'fees'),
    ]).toEqual(['0', 8, '-8', '8']);
    expect((await sweep('1')).body.code).toBe('sweep_exceeds_fees');
    const [swept] = await desk.deps.db.engine
      .select()
      .from(journals)
      .where(eq(journals.approvalId, body.approval.id));
    await undo(present(swept, 'the sweep was posted').id);
    expect([await houseTotal('fees_earned', 'USD', 'sweeps'), await houseTotal('firm_account')]).toEqual([
      '8',
      '0',
    ]);
  });

  test('is refused while clients would be left with less than they are owed', async () => {
    const { walletId } = await funded('EUR', '100');
    const euros = (row: object) => ({ ...row, asset: 'EUR' });
    await post({
      kind: 'fee',
      entries: [
        { walletId, amount: '-8' },
        { house: euros(fees), amount: '8' },
      ],
    });
    // The bank took 3: what is held is what is owed and five of the fees.
    await post({
      entries: [
        { house: euros(BANK), amount: '3' },
        { house: euros({ ...SUSPENSE, reference: 'bank-fault' }), amount: '-3' },
      ],
    });
    expect((await sweep('6', { asset: 'EUR' })).body.code).toBe('sweep_leaves_shortfall');
    expect((await sweep('5', { asset: 'EUR' })).status).toBe(202);
  });
});
