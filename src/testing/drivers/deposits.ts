import { signPayment, TEST_PROVIDER } from '../../domains/funding/payment-providers.ts';
import { newId } from '../../kernel/id.ts';
import { importSample, takeSample } from '../import-sample.ts';
import type { Answer } from '../send.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';

/** What customers of the drivers are called. */
const HOLDER = 'Anjali Ramgoolam';

export const depositEvidenceDrivers: Drivers = {
  listBankAccounts: async (world) => world.call('listBankAccounts', { as: world.people.operations }),
  addBankAccount: async (world) => {
    const account = { iban: 'DE89370400440532013000', currency: 'EUR', houseReference: 'euro', name: 'Euro' };
    return world.call('addBankAccount', { as: world.people.operations, body: { ...account, ...REASON } });
  },
  importBankStatement: async (world) => takeSample(world, [{ amount: '5', name: 'Nobody We Know' }]),
  voidBankStatement: async (world) => {
    const { paymentReference: reference } = await announce(world);
    const { id } = await done(importSample(world, [{ amount: '100', reference, name: HOLDER }]));
    return world.call('voidBankStatement', { as: world.people.operations, params: { id }, body: REASON });
  },
  listBankStatements: async (world) => {
    await receipt(world);
    return world.call('listBankStatements', { as: world.people.auditor });
  },
  getBankStatement: async (world) => {
    const { id } = await done(importSample(world, []));
    return world.call('getBankStatement', { as: world.people.auditor, params: { id } });
  },
  downloadBankStatement: async (world) => {
    const { id } = await done(importSample(world, []));
    return world.call('downloadBankStatement', { as: world.people.auditor, params: { id } });
  },
  listUnallocatedReceipts: async (world) => {
    await receipt(world);
    return world.call('listUnallocatedReceipts', { as: world.people.auditor });
  },
  getUnallocatedReceipt: async (world) => {
    const params = await receipt(world);
    return world.call('getUnallocatedReceipt', { as: world.people.auditor, params });
  },
  allocateReceipt: async (world) => {
    const params = await receipt(world);
    const { accountId } = await world.newCustomer();
    return world.call('allocateReceipt', {
      as: world.people.operations,
      params,
      body: { accountId, ...REASON },
    });
  },
  returnReceipt: async (world) => {
    const params = await receipt(world);
    return world.call('returnReceipt', { as: world.people.operations, params, body: REASON });
  },
  explainReceipt: async (world) => {
    const params = await receipt(world);
    const house = { role: 'fees_earned', reference: 'bank-interest' };
    const body = { explanation: 'house', house, ...REASON };
    return world.call('explainReceipt', { as: world.people.operations, params, body });
  },
  receivePaymentEvent: async (world) =>
    tell(world, (await announce(world)).paymentReference, 'payment.processing'),
  listInboundEvents: async (world) => {
    await done(tell(world, 'RF00', 'payment.cleared'));
    return world.call('listInboundEvents', { as: world.people.auditor, query: { state: 'kept' } });
  },
  getInboundEvent: async (world) => {
    const params = await keptEvent(world);
    return world.call('getInboundEvent', { as: world.people.auditor, params });
  },
  allocateInboundEvent: async (world) => {
    const params = await keptEvent(world);
    const { accountId } = await world.newCustomer();
    const body = { accountId, ...REASON };
    return world.call('allocateInboundEvent', { as: world.people.operations, params, body });
  },
  closeInboundEvent: async (world) => {
    const params = await keptEvent(world);
    return world.call('closeInboundEvent', { as: world.people.operations, params, body: REASON });
  },
  endDispute: async (world) => {
    const { id: depositId, paymentReference } = await announce(world);
    const names = { providerReference: `pay_${newId()}`, disputeReference: newId() };
    await done(tell(world, paymentReference, 'payment.cleared', names));
    await done(tell(world, paymentReference, 'payment.dispute_opened', names));
    const as = world.people.operations;
    const kept = await done(world.call('listInboundEvents', { as, query: { state: 'kept', depositId } }));
    return world.call('endDispute', { as, params: { id: kept.data[0].id }, body: REASON });
  },
  assignReceipt: async (world) => {
    const params = await receipt(world);
    const as = world.people.operations;
    return world.call('assignReceipt', { as, params, body: { assigneeId: as.userId } });
  },
  listStatementDebits: async (world) => {
    await debit(world);
    return world.call('listStatementDebits', { as: world.people.auditor, query: { status: 'open' } });
  },
  getStatementDebit: async (world) => {
    const params = await debit(world);
    return world.call('getStatementDebit', { as: world.people.auditor, params });
  },
  assignStatementDebit: async (world) => {
    const params = await debit(world);
    const as = world.people.operations;
    return world.call('assignStatementDebit', { as, params, body: { assigneeId: as.userId } });
  },
  explainStatementDebit: async (world) => {
    const params = await debit(world);
    const body = { explanation: 'bank_charge', ...REASON };
    return world.call('explainStatementDebit', { as: world.people.operations, params, body });
  },
  listDebts: async (world) => world.call('listDebts', { as: world.people.auditor }),
  listClearingPeriods: async (world) => world.call('listClearingPeriods', { as: world.people.auditor }),
  setClearingPeriod: async (world) => {
    const body = { method: 'blink', days: 1, ...REASON };
    return world.call('setClearingPeriod', { as: world.people.compliance_officer, body });
  },
  listBankHolidays: async (world) => world.call('listBankHolidays', { as: world.people.auditor }),
  setBankHoliday: async (world) => {
    const body = { currency: 'USD', day: '2026-12-25', name: 'Christmas', observed: true, ...REASON };
    return world.call('setBankHoliday', { as: world.people.compliance_officer, body });
  },
  refundDeposit: async (world) => takeBack(world, 'refundDeposit'),
  chargeBackDeposit: async (world) => takeBack(world, 'chargeBackDeposit'),
};

async function receipt(world: World): Promise<{ readonly id: string }> {
  const { lines } = await done(importSample(world, [{ amount: '5', name: 'Nobody We Know' }]));
  return { id: lines[0].receiptId };
}

async function debit(world: World): Promise<{ readonly id: string }> {
  const { lines } = await done(
    importSample(world, [{ amount: '5', direction: 'DBIT', name: 'Bank charges' }]),
  );
  return { id: lines[0].debitId };
}

type Deposit = { readonly id: string; readonly paymentReference: string; readonly as: Member };

async function announce(world: World): Promise<Deposit> {
  const as = await world.newCustomer();
  const body = { accountId: as.accountId, asset: 'USD', amount: '100', method: 'card' };
  return { ...(await done(world.call('createDeposit', { as, body }))), as };
}

function tell(world: World, paymentReference: string, type: string, names: object = {}): Promise<Answer> {
  const sum = { amount: '100', currency: 'USD', method: 'card', payerName: HOLDER };
  const payment = { ...sum, paymentReference, providerReference: `pay_${newId()}`, ...names };
  const event = { id: newId(), type, occurredAt: world.deps.clock.realNow(), data: payment };
  const body = new Uint8Array(Buffer.from(JSON.stringify(event), 'utf8'));
  const timestamp = String(Math.floor(world.deps.clock.realMs() / 1_000));
  const headers = {
    'content-type': 'application/json',
    'webhook-timestamp': timestamp,
    'webhook-signature': signPayment(TEST_PROVIDER, timestamp, body),
  };
  return world.call('receivePaymentEvent', { params: { provider: 'test' }, body, headers });
}

/** Of a payment that nobody announced. */
async function keptEvent(world: World): Promise<{ readonly id: string }> {
  await done(tell(world, 'RF00', 'payment.cleared'));
  const query = { state: 'kept', limit: '1' };
  const { data } = await done(world.call('listInboundEvents', { as: world.people.auditor, query }));
  return { id: data[0].id };
}

async function takeBack(world: World, operationId: string): Promise<Answer> {
  const { id, paymentReference } = await announce(world);
  await done(tell(world, paymentReference, 'payment.cleared'));
  return world.call(operationId, { as: world.people.operations, params: { id }, body: REASON });
}
