import { afterAll, beforeAll, expect, test } from 'bun:test';
import { parseAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import { bankBeneficiary } from '../../../testing/funding-desk.ts';
import { houseWallet, postJournals } from '../../ledger/index.ts';
import { type ReconciliationDesk, startReconciliationDesk } from './testing/reconciliation-desk.ts';

let desk: ReconciliationDesk;

beforeAll(async () => {
  desk = await startReconciliationDesk(import.meta.file);
});

afterAll(async () => {
  await desk.close();
});

const REASON = { reason: 'Looked at it' };

test('a line of a whole file that went to one account is no booked line before compliance said what it was', async () => {
  const bank = await desk.newBank();
  const post = (path: string, body: object, person = desk.operations) =>
    desk.request(person, 'POST', path, { body, key: newId() });
  const account = { holderName: 'Plimsoll clients', iban: bank.iban, bic: 'COBADEFF', ...REASON };
  const proposed = await desk.request(desk.operations, 'PUT', '/v1/payout-accounts/USD', { body: account });
  expect((await desk.vote(proposed.body.approval.id)).status).toBe(200);
  const person = await desk.newCustomer();
  await desk.fund(person, 'USD', '100');
  await transact(desk.system, 'engine', async (tx) => {
    const house = { role: 'client_money_bank', book: 'live', asset: 'USD' } as const;
    const main = await houseWallet(tx, desk.system, { ...house, reference: 'main' });
    const own = await houseWallet(tx, desk.system, { ...house, reference: bank.reference });
    const entries = [
      { walletId: main.id, amount: parseAmount('100') },
      { walletId: own.id, amount: parseAmount('-100') },
    ];
    const moved = { referenceType: 'test', referenceId: newId(), description: 'Between client accounts' };
    await postJournals(tx, desk.system, [{ ...moved, book: 'live', kind: 'transfer', entries }]);
  });
  const payee = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const { accountId } = person;
  const wish = { accountId, asset: 'USD', amount: '31', beneficiaryId: payee.body.id };
  const { id } = (await post('/v1/withdrawals', wish, person)).body;
  await post(`/v1/withdrawals/${id}/approve`, REASON, desk.compliance);
  const file = { asset: 'USD', withdrawalIds: [id], executionDate: desk.today() };
  const made = (await post('/v1/payout-files', file)).body;
  await desk.request(desk.operations, 'GET', `/v1/payout-files/${made.id}/download`);
  await post(`/v1/withdrawals/${id}/complete`, { transactionReference: 'FT 1' });
  const stranger = { name: 'Somebody', iban: 'GB29NWBK60161331926819' };
  const entry = { amount: '31', direction: 'DBIT', endToEndId: made.messageId, ...stranger } as const;
  const statement = await desk.statement(bank, { opening: '100', day: desk.today(), entries: [entry] });
  const { id: lineId, debitId } = statement.lines[0];
  const unbooked = async () =>
    desk.breakIn(await desk.run(), 'statement_line_unbooked', `statement line ${lineId}`);
  expect(await unbooked()).toMatchObject({ amount: '-31' });
  const path = `/v1/statement-debits/${debitId}/explain`;
  const asked = await post(path, { explanation: 'payout_file', payoutFileId: made.id, ...REASON });
  expect((await desk.vote(asked.body.approval.id, desk.compliance)).status).toBe(200);
  expect(await unbooked()).toBeUndefined();
});
