/**
 * Every way money moves against every value a gate can have: what has to stop, stops, with the words a customer
 * may read, and what may go on, goes on. An operation that moves money and is in neither table fails here.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { users } from '../domains/identity/schema.ts';
import { present } from '../kernel/assert.ts';
import type { Id } from '../kernel/id.ts';
import { isWrite } from '../platform/http/endpoint.ts';
import { driverCall } from './driver-call.ts';
import { done, REASON } from './drivers/driver.ts';
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
  'placeOrder buy': order('buy', '50000'),
  'placeOrder sell': order('sell', '90000'),
};

/** What is about money and asks no gate; and why that is right. */
const NOT_ASKED: Readonly<Record<string, string>> = {
  cancelWithdrawal: 'the money stays where it is',
  rejectWithdrawal: 'the money stays where it is',
  cancelOrder: 'what is reserved is set free',
  cancelOrders: 'what is reserved is set free',
  completeWithdrawal: 'the money has left; the books say so',
  failWithdrawal: 'the money came back',
  markWithdrawalUnknown: 'nobody knows; nothing moves',
  resolveWithdrawal: 'evidence says what happened',
  importStatusReport: 'the bank says what became of what has left',
  placeHold: 'takes from what they can do, and gives to nobody',
  releaseHold: 'what is reserved is set free',
  failDeposit: 'nothing came',
  refundDeposit: 'the money goes back to where it came from',
  chargeBackDeposit: 'the bank has taken it already',
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

describe.each(Object.entries(WAYS))('%s', (_name, { moves, prepare, code }) => {
  const stopping = STATES.filter(({ refuses }) => refuses(moves) !== null);

  test(`is stopped by each of ${stopping.map(({ name }) => name).join(', ')}, and by nothing once the gate is open`, async () => {
    const { owner, act } = await prepare(world);
    for (const { wish, user = 'active', refuses, name } of stopping) {
      if (wish.screening === 'confirmed') {
        continue;
      }
      await setGate(world.system, owner, { ...OPEN, ...wish });
      await standing(owner, user);
      // Who is suspended may be shut out before any gate is asked.
      const word = wordOf(await act());
      const due = user === 'suspended' && word === 'credential_invalid' ? word : (code ?? refuses(moves));
      expect([name, word]).toEqual([name, due]);
    }
    await standing(owner, 'active');
    await setGate(world.system, owner, OPEN);
    let answer = await act();
    // A session is asked for again within a second.
    await until(async () => {
      answer = wordOf(answer) === 'credential_invalid' ? await act() : answer;
      return wordOf(answer) !== 'credential_invalid';
    });
    expect([answer.status < 300, wordOf(answer)]).toEqual([true, null]);
  });

  test('is stopped by a confirmed match', async () => {
    const { owner, act } = await prepare(world);
    await setGate(world.system, owner, { ...OPEN, screening: 'confirmed' });
    expect(wordOf(await act())).toBe(code ?? 'account_restricted');
  });

  test.each(STATES.filter(({ refuses }) => refuses(moves) === null))(
    'goes on with $name',
    async ({ wish }) => {
      const { owner, act } = await prepare(world);
      await setGate(world.system, owner, { ...OPEN, ...wish });
      const answer = await act();
      expect([answer.status < 300, wordOf(answer)]).toEqual([true, null]);
    },
  );
});

test('every operation that moves a customer’s money is one of them, or says why it asks no gate', () => {
  const known = new Set([...Object.keys(WAYS).map((name) => name.split(' ')[0]), ...Object.keys(NOT_ASKED)]);
  const moving = world.operations.filter(
    (operation) =>
      isWrite(operation) &&
      /^\/v1\/(deposits|withdrawals|payout-files|transfers|conversions|orders|holds)/.test(operation.path),
  );
  expect(moving.map(({ operationId }) => operationId).filter((name) => !known.has(name))).toEqual([]);
  expect(moving.length).toBeGreaterThan(12);
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
