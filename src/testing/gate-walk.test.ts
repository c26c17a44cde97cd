/**
 * Every way money moves against every value a gate can have: what has to stop, stops, with the words a customer
 * may read, and what may go on, goes on. A financial or trading operation that is in none of the tables fails here.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, desc, eq } from 'drizzle-orm';
import { inboundEvents } from '../domains/funding/evidence/schema.ts';
import { signPayment, TEST_PROVIDER } from '../domains/funding/payment-providers.ts';
import { deposits } from '../domains/funding/schema.ts';
import { unallocatedReceipts } from '../domains/funding/work/schema.ts';
import { users } from '../domains/identity/schema.ts';
import { orders } from '../domains/trading/schema.ts';
import { present } from '../kernel/assert.ts';
import { type Id, newId } from '../kernel/id.ts';
import { isWrite } from '../platform/http/endpoint.ts';
import { driverCall } from './driver-call.ts';
import { done, REASON } from './drivers/driver.ts';
import { positionOf, setExits, tradeContract } from './drivers/positions.ts';
import { importSample } from './import-sample.ts';
import type { Answer } from './send.ts';
import { type GateWish, setGate } from './set-gate.ts';
import { until } from './until.ts';
import { type Member, startWorld, type World } from './world.ts';

type Move = 'money_in' | 'money_out' | 'trade' | 'reduce';

/** One person and one thing they, or somebody for them, are about to do. */
type Step = { readonly owner: Id; readonly act: () => Promise<Answer> };

type Way = {
  readonly moves: readonly Move[];
  readonly prepare: (world: World) => Promise<Step>;
  /** The one word it has, where it does not repeat the gate's. */
  readonly code?: string;
  /** What was done cannot be done again: each value of a gate meets one of its own. */
  readonly once?: true;
  /** Values that stop what is new, and not what was begun before them. */
  readonly passes?: readonly string[];
};

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  const { checks } = await world.reconcile();
  expect(checks.flatMap((check) => check.breaks)).toEqual([]);
  await world.close();
}, 60_000);

/** The call itself is what the gate stops. */
function byCall(name: string, ...moves: readonly Move[]): Way {
  return {
    moves,
    prepare: async (from) => {
      const { people, watched } = watch(from);
      const call = await driverCall(watched, name);
      return { owner: present(people.at(-1), name).userId, act: () => from.call(name, call) };
    },
  };
}

/** Asking writes no money; the vote that carries it out is what the gate stops. */
function byVote(name: string, ...moves: readonly Move[]): Way {
  return {
    moves,
    prepare: async (from) => {
      const { people, watched } = watch(from);
      const body = await done(from.call(name, await driverCall(watched, name)));
      const id = body.approvalId ?? body.approval?.id ?? body.id;
      const as = from.second.operations;
      const act = () => from.call('approveApproval', { as, params: { id }, body: REASON });
      return { owner: present(people.at(-1), name).userId, act };
    },
  };
}

function order(side: 'buy' | 'sell', limitPrice: string): Way {
  return {
    moves: [side === 'buy' ? 'trade' : 'reduce'],
    prepare: async (from) => {
      const as = await from.newCustomer({ USD: '1000', BTC: '1' });
      const terms = { symbol: 'BTC/USD', side, type: 'limit', quantity: '0.001', limitPrice };
      const body = { accountId: as.accountId, ...terms };
      return { owner: as.userId, act: () => from.call('placeOrder', { as, body }) };
    },
  };
}

/** The only member of a batch. */
const MEMBER: Way = {
  moves: ['trade'],
  prepare: async (from) => {
    const as = await from.newCustomer({ USD: '1000' });
    const terms = { symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '0.001', limitPrice: '50000' };
    const body = { orders: [{ accountId: as.accountId, ...terms }] };
    const act = async () => {
      const answer = await from.call('placeOrders', { as, body });
      return answer.status === 201 ? answerOf(answer.body.data[0].order) : answer;
    };
    return { owner: as.userId, act };
  },
};

/** An order that was accepted before is to give its place to another. */
const REPLACED: Way = {
  moves: ['trade'],
  prepare: async (from) => {
    const as = await from.newCustomer({ USD: '1000' });
    const terms = { symbol: 'BTC/USD', side: 'buy', type: 'limit', quantity: '0.001', limitPrice: '50000' };
    const { id } = await done(from.call('placeOrder', { as, body: { accountId: as.accountId, ...terms } }));
    const sent = { as, params: { id }, body: { limitPrice: '50001' } };
    return { owner: as.userId, act: () => from.call('replaceOrder', sent) };
  },
};

/** Somebody who is long says where they leave. */
const EXITS: Way = {
  moves: ['reduce'],
  prepare: async (from) => {
    // No consumer runs here: what they do about a gate that shut would keep the gate from being asked.
    const as = await from.newCustomer({ USD: '1000' });
    await tradeContract(from, as, await from.newCustomer({ USD: '1000' }));
    const id = await positionOf(from, as);
    return { owner: as.userId, act: () => setExits(from, as, id) };
  },
};

/** Two people put a journal of a fee into the books: charged to a customer, or given back to one. */
function feeJournal(change: 'charged' | 'given back', ...moves: readonly Move[]): Way {
  return {
    moves,
    once: true,
    prepare: async (from) => {
      const owner = await from.newCustomer({ USD: '10' });
      const reference = newId();
      if (change === 'given back') {
        const payer = await from.newCustomer({ USD: '10' });
        await done(voteOn(from, await proposeFee(from, payer, reference, '-1')));
      }
      const id = await proposeFee(from, owner, reference, change === 'charged' ? '-1' : '1');
      return { owner: owner.userId, act: () => voteOn(from, id) };
    },
  };
}

async function proposeFee(from: World, holder: Member, reference: string, amount: '1' | '-1'): Promise<Id> {
  const { data } = await done(from.call('listWallets', { as: holder, params: { id: holder.accountId } }));
  const wallet = (data as { id: string; asset: string }[]).find(({ asset }) => asset === 'USD');
  const entries = [
    { walletId: wallet?.id, amount },
    { house: { role: 'fees_earned', reference, asset: 'USD' }, amount: amount === '1' ? '-1' : '1' },
  ];
  const body = { kind: 'fee', description: 'Account fee', entries, ...REASON };
  const told = await done(from.call('requestJournal', { as: from.people.operations, body }));
  return told.approval.id;
}

async function voteOn(from: World, id: Id): Promise<Answer> {
  return from.call('approveApproval', { as: from.second.operations, params: { id }, body: REASON });
}

type Announced = { readonly as: Member; readonly id: Id; readonly paymentReference: string };

async function announce(from: World, method: string): Promise<Announced> {
  const as = await from.newCustomer();
  const body = { accountId: as.accountId, asset: 'USD', amount: '100', method };
  const { id, paymentReference } = await done(from.call('createDeposit', { as, body }));
  return { as, id, paymentReference };
}

async function importLine(from: World, reference?: string): Promise<Answer> {
  const named = reference === undefined ? {} : { reference };
  const entries = [{ amount: '100', name: 'Anjali Ramgoolam', ...named }];
  return importSample(from, entries);
}

/** What became of the money: nobody refuses a bank or a provider, so its place says whether a gate was asked. */
async function placeOf(from: World, { id }: Announced, answer: Answer): Promise<Answer> {
  const [deposit] = await from.deps.db.engine.select().from(deposits).where(eq(deposits.id, id));
  const [receipt] = await from.deps.db.engine
    .select()
    .from(unallocatedReceipts)
    .where(eq(unallocatedReceipts.depositId, id));
  const [event] = await from.deps.db.engine
    .select()
    .from(inboundEvents)
    .where(and(eq(inboundEvents.depositId, id), eq(inboundEvents.state, 'kept')));
  const code = event?.reason ?? receipt?.reason ?? deposit?.status;
  return { ...answer, body: deposit?.status === 'cleared' ? {} : { code } };
}

/** The bank's statement shows the money of a deposit. */
const STATEMENT_LINE: Way = {
  moves: ['money_in'],
  code: 'not_accepted',
  once: true,
  prepare: async (from) => {
    const deposit = await announce(from, 'bank_transfer');
    const act = async () => placeOf(from, deposit, await importLine(from, deposit.paymentReference));
    return { owner: deposit.as.userId, act };
  },
};

/** A payment provider says that it has the money of a deposit. */
const PAYMENT_EVENT: Way = {
  moves: ['money_in'],
  code: 'not_accepted',
  once: true,
  prepare: async (from) => {
    const deposit = await announce(from, 'card');
    const { paymentReference } = deposit;
    const sum = { amount: '100', currency: 'USD', method: 'card', payerName: 'Anjali Ramgoolam' };
    const data = { ...sum, paymentReference, providerReference: `pay_${newId()}` };
    const event = { id: newId(), type: 'payment.cleared', occurredAt: from.deps.clock.realNow(), data };
    const body = new Uint8Array(Buffer.from(JSON.stringify(event), 'utf8'));
    const timestamp = String(Math.floor(from.deps.clock.realMs() / 1_000));
    const headers = {
      'content-type': 'application/json',
      'webhook-timestamp': timestamp,
      'webhook-signature': signPayment(TEST_PROVIDER, timestamp, body),
    };
    const act = async () => {
      const sent = { params: { provider: 'test' }, body, headers };
      return placeOf(from, deposit, await done(from.call('receivePaymentEvent', sent)).then(answerOf));
    };
    return { owner: deposit.as.userId, act };
  },
};

function answerOf(body: Answer['body']): Answer {
  return { status: 200, headers: new Headers(), body };
}

/** An order that was accepted and rests in the book meets its trade, which somebody else's order brings. */
function restingOrder(side: 'buy' | 'sell'): Way {
  return {
    moves: [side === 'buy' ? 'trade' : 'reduce'],
    once: true,
    code: 'restricted',
    passes: ['terms not accepted'],
    prepare: async (from) => {
      const [owner, other] = [
        await from.newCustomer({ USD: '10000', ETH: '1' }),
        await from.newCustomer({ USD: '10000', ETH: '1' }),
      ];
      const terms = { symbol: 'ETH/USD', type: 'limit', quantity: '0.01', limitPrice: '3000' };
      const place = (as: Member, towards: 'buy' | 'sell') =>
        done(from.call('placeOrder', { as, body: { accountId: as.accountId, side: towards, ...terms } }));
      const { id } = await place(owner, side);
      const act = async () => {
        const met = await place(other, side === 'buy' ? 'sell' : 'buy');
        const [now, theirs] = await ended(from, id, met.id);
        await from.call('cancelOrder', { as: other, params: { id: met.id } });
        const traded = now.status === 'filled' && theirs.status === 'filled';
        return answerOf(traded ? {} : { code: now.cancelReason ?? now.status });
      };
      return { owner: owner.userId, act };
    },
  };
}

/** The two orders once the resting one is no longer in the book. */
async function ended(from: World, restingId: Id, metId: Id) {
  const read = async (id: Id) =>
    present((await from.deps.db.engine.select().from(orders).where(eq(orders.id, id)))[0], 'it was placed');
  await until(async () => ['filled', 'cancelled'].includes((await read(restingId)).status));
  return [await read(restingId), await read(metId)] as const;
}

/** Money that nobody announced, in the customer's own name, is given to their account. */
const ALLOCATED: Way = {
  moves: ['money_in'],
  prepare: async (from) => {
    const owner = await from.newCustomer();
    const { lines } = await done(importLine(from));
    const params = { id: lines[0].receiptId as string };
    const body = { accountId: owner.accountId, ...REASON };
    const sent = { as: from.people.operations, params, body };
    const { approval } = await done(from.call('allocateReceipt', sent));
    return { owner: owner.userId, act: () => voteOn(from, approval.id) };
  },
};

/** Money that names a customer's deposit and was not accepted goes back to whoever paid it. */
const RETURNED: Way = {
  moves: [],
  once: true,
  prepare: async (from) => {
    const deposit = await announce(from, 'bank_transfer');
    await setGate(from.system, deposit.as.userId, { screening: 'open' });
    await done(importLine(from, deposit.paymentReference));
    const [receipt] = await from.deps.db.engine
      .select()
      .from(unallocatedReceipts)
      .where(and(eq(unallocatedReceipts.depositId, deposit.id), eq(unallocatedReceipts.status, 'open')))
      .orderBy(desc(unallocatedReceipts.id));
    const params = { id: present(receipt, 'it was not accepted').id };
    const sent = { as: from.people.operations, params, body: REASON };
    const { approval } = await done(from.call('returnReceipt', sent));
    return { owner: deposit.as.userId, act: () => voteOn(from, approval.id) };
  },
};

/** What a bank, a provider or the book brings has no caller to refuse: the money or the order goes elsewhere. */
const WAYS: Readonly<Record<string, Way>> = {
  createDeposit: byCall('createDeposit', 'money_in'),
  clearDeposit: byVote('clearDeposit', 'money_in'),
  createWithdrawal: byCall('createWithdrawal', 'money_out'),
  approveWithdrawal: byCall('approveWithdrawal', 'money_out'),
  processWithdrawal: byCall('processWithdrawal', 'money_out'),
  createPayoutFile: byCall('createPayoutFile', 'money_out'),
  downloadPayoutFile: { ...byCall('downloadPayoutFile', 'money_out'), code: 'payout_file_stopped' },
  createTransfer: byCall('createTransfer', 'money_in', 'money_out'),
  captureHold: byVote('captureHold', 'money_out'),
  createConversionQuote: byCall('createConversionQuote', 'trade'),
  createConversion: byCall('createConversion', 'trade'),
  placeOrders: MEMBER,
  setPositionExits: EXITS,
  replaceOrder: REPLACED,
  'placeOrder buy': order('buy', '50000'),
  'placeOrder sell': order('sell', '90000'),
  'placeOrder that rests to buy': restingOrder('buy'),
  'placeOrder that rests to sell': restingOrder('sell'),
  importBankStatement: STATEMENT_LINE,
  receivePaymentEvent: PAYMENT_EVENT,
  allocateReceipt: ALLOCATED,
  allocateInboundEvent: byVote('allocateInboundEvent', 'money_in'),
  'requestJournal that charges': { ...feeJournal('charged', 'money_out'), code: 'holder_restricted' },
  'requestJournal that credits': { ...feeJournal('given back', 'money_in'), code: 'holder_restricted' },
};

/**
 * What moves money and goes on whatever the gate is, because two people agree to it and the customer gains nothing
 * they could use: a payer has their money back, a wrong posting is undone.
 */
const GOES_ON: Readonly<Record<string, Way>> = {
  returnReceipt: RETURNED,
  reverseJournal: { ...byVote('reverseJournal'), once: true },
};

/** What is about a customer's money and asks no gate; and why that is right. */
const NOT_ASKED: Readonly<Record<string, string>> = {
  cancelWithdrawal: 'the money stays where it is',
  rejectWithdrawal: 'the money stays where it is',
  cancelOrder: 'what is reserved is set free',
  cancelOrders: 'what is reserved is set free',
  removePositionExits: 'what was to be sold stays; it is as a cancel',
  completeWithdrawal: 'the money has left; the books say so',
  failWithdrawal: 'the money came back',
  markWithdrawalUnknown: 'nobody knows; nothing moves',
  resolveWithdrawal: 'evidence says what happened',
  resolveRepayment: 'evidence says what happened; the file that pays it asks',
  giveUpRepayment: 'what was to leave stays, and is nobody’s',
  resolveVenueOrder: 'evidence says what happened',
  takeOverPosition: 'a liquidation, which only what lets nothing be reduced stops (takeover.test.ts)',
  importStatusReport: 'the bank says what became of what has left',
  fundPaperAccount: 'play money, which never becomes money',
  placeHold: 'takes from what they can do, and gives to nobody',
  releaseHold: 'what is reserved is set free',
  failDeposit: 'nothing came',
  cancelDeposit: 'nothing came',
  refundDeposit: 'the money goes back to where it came from',
  chargeBackDeposit: 'the bank has taken it already',
  explainStatementDebit:
    'the bank has taken it already; what it charged is the firm’s debt, and no customer’s',
  explainReceipt: 'money that is no customer’s',
  endDispute: 'frees what a dispute held; nothing moves',
  closeInboundEvent: 'a message is put away; nothing moves',
  closePayoutConflict: 'a message is put away; nothing moves',
  voidBankStatement: 'what a wrong statement booked is undone by two people, whatever became of its customer',
  voidPayoutFile: 'an instruction is given up; nothing moves',
  resolveReconciliationBreak: 'says what a difference was; nothing moves',
  explainReconciliationBreak: 'says what a difference was; nothing moves',
};

/** What has the category and moves no money of anybody’s. */
const MOVES_NOTHING: Readonly<Record<string, string>> = {
  createBeneficiary: 'names where money may go; each payout asks',
  deleteBeneficiary: 'names it no more',
  labelWallet: 'a label',
  setAccountMargin: 'says what orders may ask; what loosens it asks the gate itself',
  assignReceipt: 'says who works on it',
  assignStatementDebit: 'says who works on it',
  runReconciliation: 'holds books against evidence',
  signOffReconciliation: 'holds books against evidence',
  changeReconciliationBreak: 'says who works on it',
  importCustodyReport: 'evidence of what the firm holds',
  voidCustodyReport: 'evidence that was wrong is given up; nothing moves',
  requestFeeSweep: 'the firm’s own, between its own wallets',
  proposeFxRate: 'terms of the firm, by two',
  withdrawFxRate: 'terms of the firm',
  proposeRiskLimit: 'terms of the firm, by two',
  withdrawRiskLimit: 'terms of the firm, by two',
  tripCircuitBreaker: 'takes from what anybody can do',
  liftCircuitBreaker: 'terms of the firm, by two',
  setBreakerRule: 'terms of the firm',
  acknowledgeRiskAlert: 'says that somebody saw to it',
  proposeFundingLimit: 'terms of the firm, by two',
  proposeFees: 'terms of the firm, by two',
  proposeFeeTiers: 'terms of the firm, by two',
  setClearingPeriod: 'terms of the firm, by two',
  addBankAccount: 'accounts of the firm, by two',
  proposePayoutAccount: 'accounts of the firm, by two',
  proposeDepositAccount: 'accounts of the firm, by two',
  haltInstrument: 'is about no customer: it stops everybody alike',
  resumeInstrument: 'is about no customer; each order asks',
  proposeMarketHours: 'is about no customer; each order asks',
  addMarketHolidays: 'is about no customer: it stops everybody alike',
  removeMarketHoliday: 'is about no customer; each order asks',
  acceptPriceLevel: 'is about no customer; each order asks',
  proposeReferencePrice: 'is about no customer; each order asks',
};

type State = {
  readonly name: string;
  readonly wish: GateWish;
  readonly user?: 'suspended' | 'closed';
  readonly refuses: (moves: readonly Move[]) => string | null;
};

const OPEN: GateWish = {
  kycStatus: 'approved',
  kycLevel: 'standard',
  screening: 'clear',
  restriction: 'none',
  agreementsCurrent: true,
};

const always = (code: string) => () => code;
const unless = (allowed: readonly Move[]) => (moves: readonly Move[]) =>
  moves.every((move) => allowed.includes(move)) ? null : 'account_restricted';

const STATES: readonly State[] = [
  { name: 'kyc not started', wish: { kycStatus: 'not_started' }, refuses: always('kyc_not_approved') },
  { name: 'kyc pending', wish: { kycStatus: 'pending' }, refuses: always('kyc_not_approved') },
  { name: 'kyc rejected', wish: { kycStatus: 'rejected' }, refuses: always('kyc_not_approved') },
  {
    name: 'kyc to be handed in again',
    wish: { kycStatus: 'resubmission_required' },
    refuses: always('kyc_not_approved'),
  },
  { name: 'no level', wish: { kycLevel: 'none' }, refuses: always('kyc_not_approved') },
  { name: 'not screened', wish: { screening: 'none' }, refuses: always('under_review') },
  { name: 'an open alert', wish: { screening: 'open' }, refuses: always('under_review') },
  { name: 'no money out', wish: { restriction: 'no_out' }, refuses: unless(['money_in', 'trade', 'reduce']) },
  { name: 'reducing only', wish: { restriction: 'reduce_only' }, refuses: unless(['money_in', 'reduce']) },
  { name: 'frozen', wish: { restriction: 'frozen' }, refuses: unless([]) },
  {
    name: 'terms not accepted',
    wish: { agreementsCurrent: false },
    refuses: (moves) =>
      moves.some((move) => move === 'trade' || move === 'reduce') ? 'agreements_outdated' : null,
  },
  { name: 'suspended', wish: {}, user: 'suspended', refuses: always('account_restricted') },
  { name: 'confirmed', wish: { screening: 'confirmed' }, refuses: always('account_restricted') },
];

describe.each(Object.entries(WAYS))('%s', (_name, { moves, prepare, code, once, passes = [] }) => {
  const isStopped = ({ name, refuses }: State) => refuses(moves) !== null && !passes.includes(name);
  const stopping = STATES.filter(isStopped);

  test(`is stopped by each of ${stopping.map(({ name }) => name).join(', ')}, and by nothing once the gate is open`, async () => {
    let step = await prepare(world);
    for (const { wish, user = 'active', refuses, name } of stopping) {
      if (wish.screening === 'confirmed') {
        continue;
      }
      const { owner, act } = step;
      await setGate(world.system, owner, { ...OPEN, ...wish });
      await standing(owner, user);
      // Who is suspended may be shut out before any gate is asked.
      const word = wordOf(await act());
      const due = user === 'suspended' && word === 'credential_invalid' ? word : (code ?? refuses(moves));
      expect([name, word]).toEqual([name, due]);
      if (once === true) {
        await standing(owner, 'active');
        await setGate(world.system, owner, OPEN);
        step = await prepare(world);
      }
    }
    const { owner, act } = step;
    await standing(owner, 'active');
    await setGate(world.system, owner, OPEN);
    let answer = await act();
    // A session is asked for again within a second.
    await until(async () => {
      answer = wordOf(answer) === 'credential_invalid' ? await act() : answer;
      return wordOf(answer) !== 'credential_invalid';
    });
    expect([answer.status < 300, wordOf(answer)]).toEqual([true, null]);
  }, 60_000);

  test('is stopped by a confirmed match', async () => {
    const { owner, act } = await prepare(world);
    await setGate(world.system, owner, { ...OPEN, screening: 'confirmed' });
    expect(wordOf(await act())).toBe(code ?? 'account_restricted');
  });

  test.each(STATES.filter((state) => !isStopped(state)))('goes on with $name', async ({ wish }) => {
    const { owner, act } = await prepare(world);
    await setGate(world.system, owner, { ...OPEN, ...wish });
    const answer = await act();
    expect([answer.status < 300, wordOf(answer)]).toEqual([true, null]);
  });
});

describe.each(Object.entries(GOES_ON))('%s', (_name, { prepare }) => {
  test.each([...STATES])('goes on with $name', async ({ wish, user }: State) => {
    const { owner, act } = await prepare(world);
    await setGate(world.system, owner, { ...OPEN, ...wish });
    await standing(owner, user ?? 'active');
    const answer = await act();
    expect([answer.status < 300, wordOf(answer)]).toEqual([true, null]);
    await standing(owner, 'active');
    if (wish.screening !== 'confirmed') {
      await setGate(world.system, owner, OPEN);
    }
  });
});

test('every financial and trading operation is a way that is walked, or says why it asks no gate', () => {
  const tables = [WAYS, GOES_ON, NOT_ASKED, MOVES_NOTHING];
  const named = tables.flatMap((table) => Object.keys(table)).map((name) => name.split(' ')[0] ?? '');
  const moving = world.operations.filter(
    (operation) =>
      isWrite(operation) && (operation.category === 'financial' || operation.category === 'trading'),
  );
  const names = moving.map(({ operationId }) => operationId);
  expect(names.filter((name) => !named.includes(name))).toEqual([]);
  // A file of payouts leaves by being read, and that is walked too.
  expect(named.filter((name) => !names.includes(name) && name !== 'downloadPayoutFile')).toEqual([]);
  expect(names.length).toBeGreaterThan(50);
});

async function standing(owner: Id, status: 'active' | 'suspended' | 'closed'): Promise<void> {
  await world.deps.db.engine.update(users).set({ status }).where(eq(users.id, owner));
}

/** The word of a refusal; orders are stored with theirs. */
function wordOf({ body }: Answer): string | null {
  return body?.code ?? body?.rejectionReason ?? null;
}

function watch(from: World): { readonly people: Member[]; readonly watched: World } {
  const people: Member[] = [];
  const keep = (member: Member): Member => {
    people.push(member);
    return member;
  };
  const watched: World = {
    ...from,
    newCustomer: async (funds, member) => keep(await from.newCustomer(funds, member)),
  };
  return { people, watched };
}
