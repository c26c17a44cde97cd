import { ok, refused, UnexpectedAnswer } from './client.ts';
import type { Journey, Step } from './journey.ts';
import { CUSTOMER, person } from './journey-identity.ts';

const DEPOSIT = '5000';
const WITHDRAWAL = '1000';

/** The bank account of the journey's customer; an IBAN from the registry's own examples. */
const BANK = {
  kind: 'bank',
  label: 'Home',
  iban: 'MU17BOMM0101101030300200000MUR',
  bic: 'BOMMMUPL',
} as const;

const credit: readonly Step[] = [
  {
    title: 'The customer announces a deposit; a replayed key has one effect',
    run: async (journey) => {
      const first = await announce(journey, DEPOSIT);
      const again = await announce(journey, DEPOSIT);
      const other = announceAnswer(journey, '1');
      if (first.id !== again.id) {
        throw new UnexpectedAnswer('the replayed key made a second deposit');
      }
      await refused(other, 422, 'idempotency_key_reused');
      journey.depositId = first.id;
      return `reference ${first.paymentReference}; replay answered the same, another body was refused`;
    },
  },
  {
    title: 'Operations asks to clear it; the same person cannot approve',
    run: async (journey) => {
      const operations = await person(journey, 'operations');
      const asked = await ok(
        operations.POST('/v1/deposits/{id}/clear', {
          params: { path: { id: journey.depositId } },
          body: { reason: 'Seen on the bank statement' },
        }),
      );
      const id = 'approval' in asked ? asked.approval.id : '';
      await refused(
        operations.POST('/v1/approvals/{id}/approve', {
          params: { path: { id } },
          body: { reason: 'I asked for it myself' },
        }),
        403,
        'self_approval',
      );
      const operations2 = await person(journey, 'operations2');
      await ok(
        operations2.POST('/v1/approvals/{id}/approve', {
          params: { path: { id } },
          body: { reason: 'Statement checked' },
        }),
      );
      return 'self_approval refused, a second person approved';
    },
  },
  {
    title: 'The money is in the wallet',
    run: async (journey) => {
      const wallet = await walletOf(journey, 'USD');
      if (wallet.available !== DEPOSIT) {
        throw new UnexpectedAnswer(`the wallet holds ${wallet.available} USD, not ${DEPOSIT}: a fee was set`);
      }
      return `${wallet.available} USD available`;
    },
  },
];

const payout: readonly Step[] = [
  {
    title: 'The customer names a bank account of their own',
    run: async (journey) => {
      const { api } = journey.customer;
      const holderName = `${CUSTOMER.firstName} ${CUSTOMER.lastName}`;
      await refused(
        api.POST('/v1/beneficiaries', { body: { ...BANK, holderName: 'Somebody Else' } }),
        422,
        'beneficiary_name_mismatch',
      );
      const beneficiary = await ok(api.POST('/v1/beneficiaries', { body: { ...BANK, holderName } }));
      return `account ending ${beneficiary.hint}; another holder's name was refused`;
    },
  },
  {
    title: 'A withdrawal of more than there is is refused',
    run: async (journey) => {
      await refused(withdraw(journey, '49000', 'too-much'), 422, 'insufficient_funds');
      return 'insufficient_funds';
    },
  },
  {
    title: 'A withdrawal is requested and reserves the money',
    run: async (journey) => {
      const before = await walletOf(journey, 'USD');
      const withdrawal = await ok(withdraw(journey, WITHDRAWAL, 'payout'));
      const after = await walletOf(journey, 'USD');
      if (after.total !== before.total || after.reserved === before.reserved) {
        throw new UnexpectedAnswer('the money was not reserved');
      }
      return `${withdrawal.status}, ${after.reserved} USD reserved`;
    },
  },
  {
    title: 'Two people approve what a basic level asks; a third pays it out',
    run: async (journey) => {
      const mine = await ok(journey.customer.api.GET('/v1/withdrawals'));
      const path = { id: mine.data[0]?.id ?? '' };
      const body = { reason: 'Destination and balance checked' };
      await refused(
        journey.customer.api.POST('/v1/withdrawals/{id}/approve', { params: { path }, body }),
        403,
        'forbidden',
      );
      const [operations, operations2, compliance] = [
        await person(journey, 'operations'),
        await person(journey, 'operations2'),
        await person(journey, 'compliance'),
      ];
      await ok(operations.POST('/v1/withdrawals/{id}/approve', { params: { path }, body }));
      await refused(
        operations2.POST('/v1/withdrawals/{id}/process', { params: { path } }),
        409,
        'withdrawal_status_conflict',
      );
      await ok(compliance.POST('/v1/withdrawals/{id}/approve', { params: { path }, body }));
      await ok(operations2.POST('/v1/withdrawals/{id}/process', { params: { path } }));
      const paid = await ok(
        operations2.POST('/v1/withdrawals/{id}/complete', {
          params: { path },
          body: { transactionReference: `FT-${journey.runId}` },
        }),
      );
      return `${paid.status}; the customer's own approval was forbidden, and one was not enough`;
    },
  },
  {
    title: 'A cancelled withdrawal and a rejected one set the money free',
    run: async (journey) => {
      const before = await walletOf(journey, 'USD');
      const cancelled = await ok(withdraw(journey, '100', 'cancelled'));
      await ok(
        journey.customer.api.POST('/v1/withdrawals/{id}/cancel', { params: { path: { id: cancelled.id } } }),
      );
      const rejected = await ok(withdraw(journey, '100', 'rejected'));
      await ok(
        (await person(journey, 'operations')).POST('/v1/withdrawals/{id}/reject', {
          params: { path: { id: rejected.id } },
          body: { reason: 'The customer called and changed their mind' },
        }),
      );
      const after = await walletOf(journey, 'USD');
      if (after.available !== before.available) {
        throw new UnexpectedAnswer(`available is ${after.available} instead of ${before.available}`);
      }
      return `${after.available} USD available, as before`;
    },
  },
];

export const fundingSteps = { credit, payout };

/** A wallet of the journey's customer. */
export async function walletOf(journey: Journey, asset: string) {
  const { data } = await ok(
    journey.customer.api.GET('/v1/accounts/{id}/wallets', {
      params: { path: { id: journey.customer.accountId } },
    }),
  );
  const wallet = data.find((candidate) => candidate.asset === asset);
  if (wallet === undefined || !('available' in wallet)) {
    throw new UnexpectedAnswer(`there is no ${asset} wallet of the present`);
  }
  return wallet;
}

function announceAnswer(journey: Journey, amount: string) {
  return journey.customer.api.POST('/v1/deposits', {
    params: { header: { 'Idempotency-Key': `journey-${journey.runId}-deposit` } },
    body: { accountId: journey.customer.accountId, asset: 'USD', amount, method: 'bank_transfer' },
  });
}

function announce(journey: Journey, amount: string) {
  return ok(announceAnswer(journey, amount));
}

async function withdraw(journey: Journey, amount: string, label: string) {
  const { data } = await ok(journey.customer.api.GET('/v1/beneficiaries'));
  const beneficiaryId = data[0]?.id ?? '';
  const asked = { asset: 'USD', amount, beneficiaryId };
  const quote = await ok(
    journey.customer.api.GET('/v1/funding/withdrawal-quote', { params: { query: asked } }),
  );
  return journey.customer.api.POST('/v1/withdrawals', {
    params: { header: { 'Idempotency-Key': `journey-${journey.runId}-${label}` } },
    body: {
      accountId: journey.customer.accountId,
      ...asked,
      expectedFee: quote.fee,
    },
  });
}
