import { SAMPLE_IBAN } from '../../domains/funding/testing/camt-sample.ts';
import { executionDay } from '../../domains/funding/testing/execution-day.ts';
import { bankBeneficiary } from '../funding-desk.ts';
import { importSample } from '../import-sample.ts';
import type { Answer } from '../send.ts';
import type { World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';

const HOLDER = 'Anjali Ramgoolam';

export const payoutDrivers: Drivers = {
  listFundingLimits: async (world) => world.call('listFundingLimits', { as: await world.newCustomer() }),
  proposeFundingLimit: async (world) => {
    const body = {
      kycLevel: 'standard',
      asset: 'USD',
      direction: 'deposit',
      method: 'bank_transfer',
      windowHours: 24,
      maximum: '100000',
      ...REASON,
    };
    return world.call('proposeFundingLimit', { as: world.people.compliance_officer, body });
  },
  quoteWithdrawal: async (world) => {
    const as = await world.newCustomer({ USD: '500' });
    const bank = { ...bankBeneficiary(), holderName: HOLDER };
    const { id: beneficiaryId } = await done(world.call('createBeneficiary', { as, body: bank }));
    return world.call('quoteWithdrawal', { as, query: { asset: 'USD', amount: '100', beneficiaryId } });
  },
  markWithdrawalUnknown: async (world) => {
    const params = await processing(world);
    return world.call('markWithdrawalUnknown', { as: world.people.operations, params, body: REASON });
  },
  resolveWithdrawal: async (world) => {
    const params = await processing(world);
    const as = world.people.operations;
    await done(world.call('markWithdrawalUnknown', { as, params, body: REASON }));
    return world.call('resolveWithdrawal', { as, params, body: { outcome: 'failed', ...REASON } });
  },
  listFees: async (world) => world.call('listFees', { as: await world.newCustomer() }),
  proposeFees: async (world) => {
    await freeToPropose(world, 'fee_schedule.set');
    const params = { tier: 'enhanced' };
    const body = {
      fees: [{ direction: 'withdrawal', method: 'bank_transfer', asset: 'EUR', fixed: '1' }],
      ...REASON,
    };
    return world.call('proposeFees', { as: world.people.compliance_officer, params, body });
  },
  listPayoutAccounts: async (world) => world.call('listPayoutAccounts', { as: world.people.auditor }),
  proposePayoutAccount: async (world) => {
    await freeToPropose(world, 'payout_account.set');
    const account = { holderName: 'Plimsoll clients', iban: SAMPLE_IBAN, bic: 'BOMMMUPL', ...REASON };
    const params = { asset: 'USD' };
    return world.call('proposePayoutAccount', { as: world.people.operations, params, body: account });
  },
  quoteDeposit: async (world) => {
    const query = { asset: 'USD', amount: '100', method: 'bank_transfer' };
    return world.call('quoteDeposit', { as: await world.newCustomer(), query });
  },
  listDepositAccounts: async (world) => world.call('listDepositAccounts', { as: world.people.auditor }),
  proposeDepositAccount: async (world) => {
    await freeToPropose(world, 'deposit_account.set');
    const account = {
      holderName: 'Plimsoll clients',
      iban: SAMPLE_IBAN,
      bic: 'BOMMMUPL',
      bankName: 'Bank One',
    };
    const params = { asset: 'USD' };
    const body = { ...account, ...REASON };
    return world.call('proposeDepositAccount', { as: world.people.operations, params, body });
  },
  listRepayments: async (world) => {
    await refunded(world);
    return world.call('listRepayments', { as: world.people.auditor, query: { limit: '1' } });
  },
  getRepayment: async (world) => {
    const params = await refunded(world);
    return world.call('getRepayment', { as: world.people.auditor, params });
  },
  resolveRepayment: async (world) => {
    const params = await refunded(world);
    const file = { asset: 'USD', repaymentIds: [params.id], executionDate: executionDay(world.deps) };
    const as = world.people.operations;
    const { id } = await done(world.call('createPayoutFile', { as, body: file }));
    await done(world.call('downloadPayoutFile', { as, params: { id } }));
    const body = { outcome: 'completed', transactionReference: 'FT26012345678', ...REASON };
    return world.call('resolveRepayment', { as, params, body });
  },
  giveUpRepayment: async (world) => {
    const params = await refunded(world);
    return world.call('giveUpRepayment', { as: world.people.operations, params, body: REASON });
  },
  createPayoutFile: async (world) => payoutFile(world, (await approved(world)).id),
  listPayoutFiles: async (world) => {
    await done(payoutFile(world, (await approved(world)).id));
    return world.call('listPayoutFiles', { as: world.people.auditor });
  },
  getPayoutFile: async (world) => {
    const { id } = await done(payoutFile(world, (await approved(world)).id));
    return world.call('getPayoutFile', { as: world.people.auditor, params: { id } });
  },
  downloadPayoutFile: async (world) => {
    const { id } = await done(payoutFile(world, (await approved(world)).id));
    return world.call('downloadPayoutFile', { as: world.people.operations, params: { id } });
  },
  voidPayoutFile: async (world) => {
    const params = { id: (await done(payoutFile(world, (await approved(world)).id))).id };
    return world.call('voidPayoutFile', { as: world.people.operations, params, body: REASON });
  },
  listPayoutConflicts: async (world) => {
    await conflict(world);
    return world.call('listPayoutConflicts', { as: world.people.auditor });
  },
  listPayoutSubmissions: async (world) => world.call('listPayoutSubmissions', { as: world.people.auditor }),
  closePayoutConflict: async (world) => {
    const params = await conflict(world);
    return world.call('closePayoutConflict', { as: world.people.operations, params, body: REASON });
  },
  importStatusReport: async (world) => {
    const withdrawal = await approved(world);
    const { id, messageId } = await fetchedFile(world, withdrawal.id);
    const reference = withdrawal.id.replaceAll('-', '').toUpperCase();
    const body = Buffer.from(statusReport(messageId, [[reference, 'ACSC']]));
    const headers = { 'content-type': 'application/xml' };
    return world.call('importStatusReport', { as: world.second.operations, params: { id }, body, headers });
  },
};

/** A deposit that came over the bank and that two people sent back. @shape its repayment */
async function refunded(world: World): Promise<{ readonly id: string }> {
  const as = await world.newCustomer();
  const body = { accountId: as.accountId, asset: 'USD', amount: '100', method: 'bank_transfer' };
  const { id, paymentReference: reference } = await done(world.call('createDeposit', { as, body }));
  const bank = { iban: 'DE89370400440532013000', bic: 'COBADEFF' };
  await done(importSample(world, [{ amount: '100', reference, name: HOLDER, ...bank }]));
  const asked = { as: world.people.operations, params: { id }, body: REASON };
  const { approval } = await done(world.call('refundDeposit', asked));
  const params = { id: approval.id };
  await done(world.call('approveApproval', { as: world.second.operations, params, body: REASON }));
  const query = { status: 'payable', limit: '1' };
  const { data } = await done(world.call('listRepayments', { as: world.people.operations, query }));
  return { id: data[0].id };
}

/** A pain.002 about a file: what became of each payment. */
export function statusReport(
  messageId: string,
  payments: readonly (readonly [string, string])[],
  reportId = `REPORT-${messageId.slice(-20)}`,
  group = '',
): string {
  const whole = group === '' ? '' : `<GrpSts>${group}</GrpSts>`;
  const lines = payments.map(
    ([reference, status]) =>
      `<TxInfAndSts><OrgnlEndToEndId>${reference}</OrgnlEndToEndId><TxSts>${status}</TxSts></TxInfAndSts>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>${reportId}</MsgId><CreDtTm>2026-12-01T10:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>${messageId}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>${whole}</OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>${messageId}</OrgnlPmtInfId>${lines.join('')}</OrgnlPmtInfAndSts>
</CstmrPmtStsRpt></Document>`;
}

/** A file that the bank may have. */
async function fetchedFile(world: World, withdrawalId: string) {
  const made = await done(payoutFile(world, withdrawalId));
  await done(world.call('downloadPayoutFile', { as: world.people.operations, params: { id: made.id } }));
  return made;
}

/** What a bank said against a payout that it had settled before. */
async function conflict(world: World): Promise<{ readonly id: string }> {
  const withdrawal = await approved(world);
  const { id, messageId } = await fetchedFile(world, withdrawal.id);
  const reference = withdrawal.id.replaceAll('-', '').toUpperCase();
  for (const said of ['ACSC', 'RJCT']) {
    const body = Buffer.from(statusReport(messageId, [[reference, said]], `${said}-${messageId.slice(-20)}`));
    const headers = { 'content-type': 'application/xml' };
    const call = { as: world.second.operations, params: { id }, body, headers };
    await done(world.call('importStatusReport', call));
  }
  const query = { status: 'open' };
  const { data } = await done(world.call('listPayoutConflicts', { as: world.people.auditor, query }));
  const found = (data as readonly { readonly id: string; readonly withdrawalId: string }[]).find(
    (each) => each.withdrawalId === withdrawal.id,
  );
  return { id: found?.id ?? '' };
}

/** There is one of each at a time: whatever waits is rejected by somebody who did not propose it. */
async function freeToPropose(world: World, action: string): Promise<void> {
  const query = { action, status: 'pending' };
  const { data } = await done(world.call('listApprovals', { as: world.people.auditor, query }));
  for (const { id } of data as readonly { readonly id: string }[]) {
    for (const as of [world.people.admin, world.second.admin]) {
      await world.call('rejectApproval', { as, params: { id }, body: REASON });
    }
  }
}

function payoutFile(world: World, withdrawalId: string): Promise<Answer> {
  const body = { asset: 'USD', withdrawalIds: [withdrawalId], executionDate: executionDay(world.deps) };
  return world.call('createPayoutFile', { as: world.people.operations, body });
}

/** A withdrawal whose payout has begun. */
async function processing(world: World): Promise<{ readonly id: string }> {
  const params = await approved(world);
  await done(world.call('processWithdrawal', { as: world.people.operations, params }));
  return params;
}

async function approved(world: World): Promise<{ readonly id: string }> {
  const as = await world.newCustomer({ USD: '500' });
  const bank = { ...bankBeneficiary(), holderName: HOLDER };
  const { id: beneficiaryId } = await done(world.call('createBeneficiary', { as, body: bank }));
  const body = { accountId: as.accountId, asset: 'USD', amount: '100', beneficiaryId };
  const { id } = await done(world.call('createWithdrawal', { as, body }));
  const params = { id };
  const officer = world.people.compliance_officer;
  await done(world.call('approveWithdrawal', { as: officer, params, body: REASON }));
  return params;
}
