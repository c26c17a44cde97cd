/** What no hand may do to client money, however many people agree. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { amountOf, formatAmount, parseAmount, ZERO } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, startFundingDesk } from '../../../testing/funding-desk.ts';
import { postJournals } from '../post-journals.ts';
import { wallets } from '../schema.ts';
import { customerWallet, findClearingWallet, houseWallet } from '../wallets.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const BANK = { role: 'client_money_bank', reference: 'main', asset: 'USD' };
const FEES = { role: 'fees_earned', reference: 'main', asset: 'USD' };
const SUSPENSE = { role: 'suspense', reference: 'differences', asset: 'USD' };

function ask(journal: object) {
  const body = { kind: 'adjustment', description: 'A posting of a test', reason: 'A test asks', ...journal };
  return desk.request(desk.operations, 'POST', '/v1/journals', { body, key: newId() });
}

const vote = (approvalId: string) =>
  desk.request(desk.operations2, 'POST', `/v1/approvals/${approvalId}/approve`, {
    body: { reason: 'Looked at it' },
  });

async function post(journal: object): Promise<string> {
  const asked = await ask(journal);
  expect([asked.status, asked.body.detail]).toEqual([202, undefined]);
  const { id, subjectId } = asked.body.approval as { readonly id: string; readonly subjectId: string };
  const voted = await vote(id);
  expect([voted.status, voted.body.detail]).toEqual([200, undefined]);
  return subjectId;
}

const reverse = (journalId: string) =>
  desk.request(desk.operations, 'POST', `/v1/journals/${journalId}/reverse`, {
    body: { reason: 'Posted in error' },
  });

async function undo(journalId: string): Promise<void> {
  const asked = await reverse(journalId);
  expect([asked.status, asked.body.code]).toEqual([202, undefined]);
  expect((await vote(asked.body.approval.id)).status).toBe(200);
}

async function funded(asset: string, amount: string) {
  const person = await desk.newCustomer();
  await desk.fund(person, asset, amount);
  const owner = { userId: person.userId, accountId: person.accountId, book: 'live' } as const;
  const wallet = await transact(desk.system, 'engine', (tx) => customerWallet(tx, desk.system, owner, asset));
  return { walletId: wallet.id };
}

test('one person’s request opens no wallet of the house; two people open the one that was agreed, and who asked for the same name posts to it', async () => {
  const reference = newId().slice(0, 18);
  const named = [
    { house: { role: 'firm_account', reference, asset: 'USD' }, amount: '-5' },
    { house: { role: 'firm_money', reference, asset: 'USD' }, amount: '5' },
  ];
  const opened = () =>
    desk.deps.db.engine.select().from(wallets).where(eq(wallets.houseReference, reference));
  const asked = await ask({ kind: 'transfer', entries: named });
  const rival = await ask({ kind: 'transfer', entries: named });
  expect([asked.status, rival.status]).toEqual([202, 202]);
  expect(await opened()).toEqual([]);
  expect((await vote(asked.body.approval.id)).status).toBe(200);
  const made = (await opened()).map(({ houseRole, total }) => `${houseRole} ${formatAmount(total)}`);
  expect(new Set(made)).toEqual(new Set(['firm_account -5', 'firm_money 5']));
  // It names the wallets the first one opened, by what they are; its own ids for them were never anybody's.
  const late = await vote(rival.body.approval.id);
  expect([late.status, late.body.detail]).toEqual([200, undefined]);
  const both = (await opened()).map(({ houseRole, total }) => `${houseRole} ${formatAmount(total)}`);
  expect(new Set(both)).toEqual(new Set(['firm_account -10', 'firm_money 10']));
  expect(both).toHaveLength(2);
});

describe('client money', () => {
  const firm = (amount: string) => [
    { house: { role: 'firm_account', reference: 'main', asset: 'USD' }, amount: `-${amount}` },
    { house: { role: 'firm_money', reference: 'capital', asset: 'USD' }, amount },
  ];

  test('is not taken for the firm while clients would be short of it, whatever the journal is called', async () => {
    await funded('USD', '1000');
    const taken = (from: object, amount: string) => [
      { house: from, amount: `-${amount}` },
      { house: BANK, amount },
      ...firm(amount),
    ];
    const position = { role: 'fx_position', reference: 'main', asset: 'USD' };
    const hidden = { ...SUSPENSE, reference: newId() };
    const asked = [
      await ask({ kind: 'transfer', entries: taken(position, '1000') }),
      await ask({ kind: 'adjustment', entries: taken(hidden, '1000') }),
    ];
    expect(asked.map(({ status, body }) => [status, body.code])).toEqual([
      [422, 'sweep_leaves_shortfall'],
      [422, 'sweep_leaves_shortfall'],
    ]);
  });

  test('that was over when it was asked for and is so no more stays where it is', async () => {
    const { walletId } = await funded('EUR', '100');
    const euro = (role: string, amount: string) => ({
      house: { role, reference: 'late', asset: 'EUR' },
      amount,
    });
    const take = (amount: string) => [
      euro('market_maker', `-${amount}`),
      { house: { ...BANK, asset: 'EUR' }, amount },
      euro('firm_account', `-${amount}`),
      euro('firm_money', amount),
    ];
    const surplus = await post({
      entries: [{ walletId, amount: '-40' }, euro('market_maker', '40')],
    });
    const { body } = await ask({ kind: 'transfer', entries: take('40') });
    await undo(surplus);
    const late = await vote(body.approval.id);
    expect([late.status, late.body.code]).toEqual([422, 'sweep_leaves_shortfall']);
  });

  test('keeps what the firm put in until clients are whole without it', async () => {
    const put = await post({
      kind: 'transfer',
      entries: [
        { house: { ...BANK, asset: 'EUR' }, amount: '-7' },
        { house: { role: 'fx_position', reference: 'short', asset: 'EUR' }, amount: '7' },
        { house: { role: 'firm_account', reference: 'main', asset: 'EUR' }, amount: '7' },
        { house: { role: 'firm_money', reference: 'capital', asset: 'EUR' }, amount: '-7' },
      ],
    });
    const lost = await post({
      entries: [
        { house: { ...SUSPENSE, asset: 'EUR', reference: 'lost' }, amount: '-500' },
        { house: { ...BANK, asset: 'EUR' }, amount: '500' },
      ],
    });
    expect((await reverse(put)).body.code).toBe('sweep_leaves_shortfall');
    await undo(lost);
    await undo(put);
  });

  test('pays fees to the firm through their own sweep alone', async () => {
    const { walletId } = await funded('USD', '10');
    await post({
      kind: 'fee',
      entries: [
        { walletId, amount: '-2' },
        { house: FEES, amount: '2' },
      ],
    });
    const asked = await ask({
      kind: 'transfer',
      entries: [{ house: FEES, amount: '-2' }, { house: BANK, amount: '2' }, ...firm('2')],
    });
    expect([asked.body.code, asked.body.detail]).toEqual([
      'journal_misfit',
      expect.stringContaining('/v1/fee-sweeps'),
    ]);
  });

  /** What a venue owes the firm, or is owed, as its own executions book it. */
  async function onItsWay(amount: string) {
    const reference = `venue:${newId()}`;
    const { walletId } = await funded('USD', '100');
    await transact(desk.system, 'engine', async (tx) => {
      const house = { role: 'clearing', reference, book: 'live', asset: 'USD' } as const;
      const { id } = await houseWallet(tx, desk.system, house);
      const owed = parseAmount(amount);
      await postJournals(tx, desk.system, [
        {
          book: 'live',
          kind: 'trade',
          referenceType: 'test',
          referenceId: newId(),
          description: 'A trade',
          entries: [
            { walletId: id, amount: owed },
            { walletId, amount: amountOf(-owed) },
          ],
        },
      ]);
    });
    return { role: 'clearing', reference, asset: 'USD' };
  }

  test('is not hidden with a provider or venue: by hand nothing is on its way', async () => {
    const unknown = { role: 'clearing', reference: 'payments-acme', asset: 'USD' };
    const hide = (clearing: object, amount = '1000', kind = 'transfer') =>
      ask({
        kind,
        entries: [
          { house: BANK, amount },
          { house: clearing, amount: `-${amount}` },
        ],
      });
    expect((await hide(unknown)).body.code).toBe('journal_wallet_unknown');
    expect((await hide(unknown, '1000', 'adjustment')).body.code).toBe('journal_wallet_unknown');
    const [owes, owed] = [await onItsWay('-30'), await onItsWay('30')];
    const codes = [
      await hide(owes, '5'),
      await hide(owes, '5', 'adjustment'),
      await hide(owed, '5'),
      await hide(owed, '31'),
      await ask({
        kind: 'dividend',
        dividend: { asset: 'AAPL', recordDate: '2026-01-10', paymentDate: '2026-01-31' },
        entries: [
          { house: owes, amount: '-5' },
          { house: { role: 'dividends_payable', reference: 'AAPL', asset: 'USD' }, amount: '5' },
        ],
      }),
    ].map(({ body }) => body.code);
    expect(codes).toEqual(Array(5).fill('journal_misfit'));
  });

  test('that a venue delivers is settled by hand, and what it owes the firm makes good', async () => {
    const owes = await onItsWay('-30');
    const delivered = [
      { house: { role: 'custody', reference: 'main', asset: 'USD' }, amount: '-10' },
      { house: owes, amount: '10' },
    ];
    const settled = await post({ kind: 'transfer', entries: delivered });
    await undo(settled);
    const good = (own: string) => ({
      kind: 'transfer',
      entries: [
        { house: BANK, amount: '-30' },
        { house: owes, amount: '30' },
        { house: { role: 'firm_account', reference: 'main', asset: 'USD' }, amount: own },
        { house: { role: 'firm_money', reference: 'capital', asset: 'USD' }, amount: `-${own}` },
      ],
    });
    expect((await ask(good('0.01'))).body.code).toBe('journal_misfit');
    await post(good('30'));
    const after = await transact(desk.system, 'engine', (tx) => findClearingWallet(tx, owes));
    expect(formatAmount(after?.total ?? ZERO)).toBe('0');
  });
});
