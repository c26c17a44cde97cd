/**
 * What a random client asks for that moves money: deposits that a provider reports, withdrawals and what becomes of
 * them, transfers. Each tells the model what its answer said.
 */
import { expect } from 'bun:test';
import { signPayment, TEST_PROVIDER } from '../domains/funding/payment-providers.ts';
import { parseAmount } from '../kernel/amount.ts';
import { present } from '../kernel/assert.ts';
import { newId } from '../kernel/id.ts';
import { done } from './drivers/driver.ts';
import { bankBeneficiary } from './funding-desk.ts';
import type { MoneyModel } from './money-model.ts';
import type { Random } from './random.ts';
import type { Answer } from './send.ts';
import type { Member, OperationCall, World } from './world.ts';

const HOLDER = 'Anjali Ramgoolam';
export const REASON = { reason: 'Looked at it' };
/** How often what is busy is asked again. */
const PATIENCE = 200;
/** What a rule refuses when others were faster; anything else is no answer a client should get. */
const REFUSALS = new Set([200, 201, 202, 409, 422]);

export type Client = Member & {
  readonly otherAccountId: string;
  readonly beneficiaryId: string;
  /** That of US dollars in the first account. */
  readonly walletId: string;
};

export type Scene = {
  readonly world: World;
  readonly model: MoneyModel;
  readonly random: Random;
  readonly clients: readonly Client[];
  /** Whose money is taken back after it was spent, too. */
  readonly careless: Client;
};

export type Action = (scene: Scene) => Promise<void>;

/** A customer with these funds, a second account and somewhere to withdraw to. */
export async function newClient(world: World, funds: Readonly<Record<string, string>>): Promise<Client> {
  const as = await world.newCustomer(funds);
  const other = await done(world.call('createAccount', { as, body: { type: 'live', baseCurrency: 'USD' } }));
  const bank = { ...bankBeneficiary(), holderName: HOLDER };
  const beneficiary = await done(world.call('createBeneficiary', { as, body: bank }));
  const { data } = await done(world.call('listWallets', { as, params: { id: as.accountId } }));
  const wallet = (data as { id: string; asset: string }[]).find(({ asset }) => asset === 'USD');
  return {
    ...as,
    otherAccountId: other.id,
    beneficiaryId: beneficiary.id,
    walletId: present(wallet, 'the account has US dollars').id,
  };
}

export const deposit: Action = async (scene) => {
  const { world, model, random, clients, careless } = scene;
  const as = random.pick(clients);
  const accountId = random.pick([as.accountId, as.otherAccountId]);
  const amount = cents(random, 20_000);
  const body = { accountId, asset: 'USD', amount, method: 'card' };
  const { id, paymentReference } = await done(ask(world, 'createDeposit', { as, body }));
  const told = { paymentReference, amount };
  const { body: state } = await tell(scene, told, 'payment.cleared');
  expect(state.state).not.toBe('kept');
  model.moved(accountId, 'USD', parseAmount(amount));
  model.booked('deposit', id);
  model.count('deposit');
  if (as === careless && random.below(2) === 0) {
    const type = random.pick(['payment.refunded', 'payment.charged_back']);
    const back = await tell(scene, told, type);
    if (back.body.state === 'processed' || back.body.state === 'ignored') {
      model.moved(accountId, 'USD', -parseAmount(amount));
      model.count('takenBack');
    }
  }
};

export const withdrawal: Action = async (scene) => {
  const { world, model, random, clients } = scene;
  const as = random.pick(clients);
  const { accountId, beneficiaryId } = as;
  const amount = cents(random, 60_000);
  const body = { accountId, beneficiaryId, asset: 'USD', amount };
  const asked = await ask(world, 'createWithdrawal', { as, body });
  if (asked.status !== 201) {
    model.count('withdrawalRefused');
    return;
  }
  const params = { id: asked.body.id as string };
  const { people } = world;
  const officer = { as: people.compliance_officer, params, body: REASON };
  const operations = { as: people.operations, params };
  // Whoever is first decides: all of them are asked at once.
  const way = random.below(5);
  if (way === 0) {
    await Promise.all([
      ask(world, 'cancelWithdrawal', { as, params }),
      ask(world, 'approveWithdrawal', officer),
      ask(world, 'rejectWithdrawal', { ...officer, as: world.second.compliance_officer }),
    ]);
    model.count('withdrawalContested');
    return;
  }
  await askEagerly(scene, 'approveWithdrawal', officer);
  await askEagerly(scene, 'processWithdrawal', operations);
  if (way === 1) {
    await ask(world, 'markWithdrawalUnknown', { ...operations, body: REASON });
    model.count('withdrawalUnknown');
    return;
  }
  if (way === 2) {
    const failing = await ask(world, 'failWithdrawal', { ...operations, body: REASON });
    const approval = { id: failing.body.approval.id as string };
    await askEagerly(scene, 'approveApproval', {
      as: world.second.operations,
      params: approval,
      body: REASON,
    });
    model.count('withdrawalFailed');
    return;
  }
  const completed = await askEagerly(scene, 'completeWithdrawal', {
    ...operations,
    body: { transactionReference: `FT${params.id}` },
  });
  expect([completed.status, completed.body.status]).toEqual([200, 'completed']);
  model.moved(accountId, 'USD', -(parseAmount(amount) + parseAmount(completed.body.fee ?? '0')));
  model.booked('withdrawal', params.id);
  model.count('withdrawal');
};

export const transfer: Action = async ({ world, model, random, clients }) => {
  const as = random.pick(clients);
  const both = [as.accountId, as.otherAccountId];
  const [fromAccountId = '', toAccountId = ''] = random.below(2) === 0 ? both : both.toReversed();
  const amount = cents(random, 30_000);
  const body = { fromAccountId, toAccountId, asset: 'USD', amount };
  const answer = await ask(world, 'createTransfer', { as, body });
  if (answer.status !== 201) {
    model.count('transferRefused');
    return;
  }
  model.moved(fromAccountId, 'USD', -parseAmount(amount));
  model.moved(toAccountId, 'USD', parseAmount(amount));
  model.booked('transfer', answer.body.id);
  model.count('transfer');
};

/** Asks, with patience where the system is busy, and accepts what a race may end in. */
export async function ask(world: World, operationId: string, call: OperationCall): Promise<Answer> {
  const key = newId();
  const headers = world.operation(operationId).idempotency === undefined ? {} : { 'idempotency-key': key };
  for (let attempt = 1; ; attempt += 1) {
    const answer = await world.call(operationId, { ...call, headers: { ...call.headers, ...headers } });
    if (answer.status !== 503 || attempt === PATIENCE) {
      expect({
        operationId,
        status: answer.status,
        body: answer.body,
        taken: REFUSALS.has(answer.status),
      }).toEqual({ operationId, status: answer.status, body: answer.body, taken: true });
      return answer;
    }
    await Bun.sleep(50);
  }
}

/** Once, or as often at once as somebody nervous would. */
export async function askEagerly(
  { world, random }: Pick<Scene, 'world' | 'random'>,
  operationId: string,
  call: OperationCall,
): Promise<Answer> {
  const answers = await Promise.all(
    Array.from({ length: 1 + random.below(3) }, () => ask(world, operationId, call)),
  );
  return answers.find((answer) => answer.status < 300) ?? present(answers[0], 'one was asked');
}

/** The provider tells it once or several times at once: the same event, signed. */
async function tell(
  scene: Scene,
  { paymentReference, amount }: { readonly paymentReference: string; readonly amount: string },
  type: string,
): Promise<Answer> {
  const { world } = scene;
  const data = {
    paymentReference,
    providerReference: `pay_${paymentReference}`,
    amount,
    currency: 'USD',
    method: 'card',
    payerName: HOLDER,
  };
  const event = { id: newId(), type, occurredAt: world.deps.clock.realNow(), data };
  const body = new Uint8Array(Buffer.from(JSON.stringify(event), 'utf8'));
  const timestamp = String(Math.floor(world.deps.clock.realMs() / 1_000));
  return askEagerly(scene, 'receivePaymentEvent', {
    params: { provider: 'test' },
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-timestamp': timestamp,
      'webhook-signature': signPayment(TEST_PROVIDER, timestamp, body),
    },
  });
}

/** @units cents up to `below` */
export function cents(random: Random, below: number): string {
  const amount = 1 + random.below(below);
  return `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, '0')}`;
}
