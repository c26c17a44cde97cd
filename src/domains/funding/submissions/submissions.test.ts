import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import type { PayoutProviders } from '../../../platform/http/payout-providers.ts';
import {
  BITCOIN_BENEFICIARY,
  type FundingDesk,
  HOLDER,
  OWN_WALLET,
  type Person,
  startFundingDesk,
} from '../../../testing/funding-desk.ts';
import { writeUnguarded } from '../../../testing/unguarded.ts';
import { keepEvent, settleEvent } from '../evidence/keep-event.ts';
import { inboundEvents } from '../evidence/schema.ts';
import { payoutReferenceOf } from '../payout-reference.ts';
import { countFilesAsFetched } from '../payouts/count-as-fetched.ts';
import { readReply } from '../providers/http-payouts.ts';
import { withdrawals } from '../schema.ts';
import { type Begun, carriedPayouts, LATER, LONG_AGO } from '../testing/carried-payouts.ts';
import { type PayoutProviderServer, startPayoutProvider } from '../testing/payout-provider.ts';
import { payoutSubmissions } from './schema.ts';
import { changeSubmission } from './submission-store.ts';
import { submitPayoutsJob } from './submit-payouts.ts';

const DAY_MS = 86_400_000;
const COINS = { payee: BITCOIN_BENEFICIARY, asset: 'BTC', amount: '0.001', ...OWN_WALLET };
const REASON = { reason: 'Looked at it' };

let desk: FundingDesk;
let provider: PayoutProviderServer;
type Carried = ReturnType<typeof carriedPayouts>;
let carried: Carried;
let payoutProviders: PayoutProviders;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  provider = await startPayoutProvider();
  payoutProviders = [{ name: 'test', url: provider.url, methods: ['mcb_juice', 'crypto'] }];
  Object.assign(desk.deps, { payoutProviders });
  carried = carriedPayouts(desk, provider);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await provider.stop();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

beforeEach(() => carried.reset());

const begun = (wish?: Parameters<Carried['begun']>[0]) => carried.begun(wish);
const run = () => carried.run();
const act = (person: Person, id: string, step: string, body?: object) => carried.act(person, id, step, body);
const statusOf = (payout: Begun) => carried.statusOf(payout);
const submissionOf = (payout: Begun) => carried.submissionOf(payout);
const eventsOf = (payout: Begun) => carried.eventsOf(payout);
const tell = (payout: Begun, told: Parameters<Carried['tell']>[1]) => carried.tell(payout, told);
const alarmsOf = (resourceId: string) => carried.alarmsOf(resourceId);
const toldOf = (payout: Begun) => carried.toldOf(payout);
const callsOf = (payout: Begun) => carried.callsOf(payout);

describe('a payout that a provider carries', () => {
  test('is told once its beginning is committed, asked about first, and booked by the provider’s word', async () => {
    const payout = await begun();
    expect(callsOf(payout)).toEqual([]);
    expect((await submissionOf(payout)).sentAt).toBeNull();
    await run();
    expect(callsOf(payout)).toEqual(['GET', 'POST']);
    expect(provider.taken.get(payout.reference)).toMatchObject({
      amount: '100',
      currency: 'USD',
      method: 'mcb_juice',
      destination: { kind: 'mobile_money', phone: '+23051234567', holderName: HOLDER },
    });
    expect([await statusOf(payout), (await submissionOf(payout)).said]).toEqual(['processing', 'accepted']);
    await run();
    expect(toldOf(payout)).toBe(1);
    const id = newId();
    const first = await tell(payout, { state: 'paid', id });
    const again = await tell(payout, { state: 'paid', id });
    const other = await tell(payout, { state: 'paid' });
    expect([first.body.state, again.body.state, other.body.state]).toEqual([
      'processed',
      'processed',
      'ignored',
    ]);
    expect(await statusOf(payout)).toBe('completed');
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '400', reserved: '0' });
    await run();
    expect(toldOf(payout)).toBe(1);
  });

  test('of coins takes along what travels with them', async () => {
    const payout = await begun(COINS);
    provider.answers = 'paid';
    await run();
    expect(provider.taken.get(payout.reference)).toMatchObject({
      amount: '0.001',
      destination: { chain: 'bitcoin' },
      travelRule: { originator: expect.anything() },
    });
    expect(await statusOf(payout)).toBe('completed');
  });

  test('may be paid before the answer to being told of it comes', async () => {
    const payout = await begun();
    provider.onTold = async () => {
      provider.onTold = undefined;
      expect((await tell(payout, { state: 'paid' })).body.state).toBe('processed');
    };
    await run();
    expect([await statusOf(payout), provider.taken.size > 0]).toEqual(['completed', true]);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '400', reserved: '0' });
  });

  test('is free again where the provider refuses it, and the refusal is kept', async () => {
    const payout = await begun();
    provider.answers = 'rejected';
    await run();
    expect(await statusOf(payout)).toBe('failed');
    expect(await eventsOf(payout)).toEqual([['payout.rejected', 'processed', null]]);
    expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '500', reserved: '0' });
    const late = await tell(payout, { state: 'paid' });
    expect([late.body.state, await statusOf(payout)]).toEqual(['kept', 'failed']);
    expect(await alarmsOf(payout.id)).toEqual(['payout_submission.contradicts']);
  });

  test('is told once more under its reference after a crash, and paid once', async () => {
    const untold = await begun();
    const told = await begun();
    // As a crash leaves them: one between the commit and the call, one between the call and its answer.
    for (const { id } of [untold, told]) {
      const sentAt = desk.deps.clock.now();
      const its = eq(payoutSubmissions.withdrawalId, id);
      await desk.deps.db.engine.update(payoutSubmissions).set({ sentAt }).where(its);
    }
    const { reference } = told;
    provider.taken.set(reference, {
      reference,
      amount: '100',
      currency: 'USD',
      method: 'mcb_juice',
      destination: {},
      state: 'accepted',
    });
    await run();
    expect([callsOf(untold), callsOf(told)]).toEqual([['GET', 'POST'], ['GET']]);
    expect([await statusOf(untold), await statusOf(told)]).toEqual(['processing', 'processing']);
    expect([(await submissionOf(untold)).said, (await submissionOf(told)).said]).toEqual([
      'accepted',
      'accepted',
    ]);
  });

  test('is told though another provider is silent, and that one is waited for once in a run', async () => {
    Object.assign(desk.deps, {
      payoutProviders: [
        { name: 'test', url: provider.url, methods: ['mcb_juice'] },
        { name: 'other', url: provider.url, methods: ['crypto'] },
      ],
      paymentSecrets: new Map([['other', ['plimsoll-test-payments']]]),
    });
    const silent = await nine();
    const payout = await begun(COINS);
    const isOthers = () => provider.taken.has(payout.reference);
    const waited: boolean[] = [];
    provider.onAsked = async (reference) => {
      const isOther = reference === payout.reference;
      // It stays silent for as long as the other one is not told, within the time that a call may take.
      for (let tries = 0; tries < 800 && !isOther && !isOthers(); tries += 1) {
        await Bun.sleep(10);
      }
      provider.answersQueries = isOther;
      waited.push(isOther || isOthers());
    };
    await run();
    expect([waited.every(Boolean), (await submissionOf(payout)).said]).toEqual([true, 'accepted']);
    expect(silent.flatMap(callsOf)).toHaveLength(8);
    Object.assign(desk.deps, { payoutProviders });
  });

  test('waits for the next run where its provider leaves most calls of a round unanswered, told or asked', async () => {
    const payouts = await nine();
    const callsBy = (wanted: string) => payouts.flatMap(callsOf).filter((method) => method === wanted);
    const answered = payouts.slice(0, 4).map(({ reference }) => reference);
    provider.onAsked = async (reference) => {
      provider.answersQueries = answered.includes(reference);
    };
    await run();
    expect(callsBy('GET')).toHaveLength(8);
    Object.assign(provider, { onAsked: undefined, answersQueries: true, fault: 'cut' });
    await run();
    expect([callsBy('GET').length, callsBy('POST').length]).toEqual([16, 8]);
  });

  test('waits for the next run once this one has lasted a minute', async () => {
    const payouts = await nine();
    const { clock } = desk.deps;
    let passedMs = 0;
    Object.assign(desk.deps, { clock: { ...clock, realMs: () => clock.realMs() + passedMs } });
    provider.onAsked = async () => {
      passedMs = 60_000;
    };
    await run();
    Object.assign(desk.deps, { clock });
    expect(payouts.flatMap(callsOf).filter((method) => method === 'POST')).toHaveLength(8);
  });

  /** One more than a round takes. */
  async function nine(): Promise<readonly Begun[]> {
    const payouts: Begun[] = [];
    for (let count = 0; count < 9; count += 1) {
      payouts.push(await begun());
    }
    return payouts;
  }

  test('runs at once tell the provider once', async () => {
    const payout = await begun();
    await carried.allDue();
    await Promise.all([submitPayoutsJob.run(desk.system), submitPayoutsJob.run(desk.system)]);
    expect(toldOf(payout)).toBe(1);
  });
});

describe('an answer that nobody understands', () => {
  test.each(['taken_and_cut', 'taken_and_500', 'garbage', 'other_amount'] as const)(
    'makes the payout unknown and is never followed by a second one: %s',
    async (fault) => {
      const payout = await begun();
      provider.fault = fault;
      await run();
      expect(await statusOf(payout)).toBe('unknown');
      expect(await desk.balance(payout.person, 'USD')).toEqual({ total: '500', reserved: '100' });
      expect(await alarmsOf(payout.id)).toContain('withdrawal.unknown');
      provider.fault = undefined;
      await run();
      expect([toldOf(payout), await statusOf(payout)]).toEqual([1, 'unknown']);
      present(provider.taken.get(payout.reference)).state = 'paid';
      await run();
      expect([toldOf(payout), await statusOf(payout)]).toEqual([1, 'completed']);
    },
  );

  test('about another amount keeps nobody from hearing of the right one', async () => {
    const payout = await begun();
    provider.fault = 'other_amount';
    await run();
    present(provider.taken.get(payout.reference)).state = 'paid';
    await run();
    expect([toldOf(payout), await statusOf(payout)]).toEqual([1, 'completed']);
    expect((await eventsOf(payout)).toReversed()).toEqual([
      ['payout.paid', 'kept', 'amount_differs'],
      ['payout.paid', 'processed', null],
    ]);
  });

  test('of the state it said before, but of another amount, makes it unknown once', async () => {
    const payout = await begun();
    await run();
    const known = present(provider.taken.get(payout.reference));
    provider.taken.set(payout.reference, { ...known, amount: '10' });
    await run();
    await run();
    expect(await statusOf(payout)).toBe('unknown');
    expect((await eventsOf(payout)).toReversed()).toEqual([
      ['payout.accepted', 'processed', null],
      ['payout.accepted', 'kept', 'amount_differs'],
    ]);
    expect(await alarmsOf(payout.id)).toEqual(['withdrawal.unknown', 'payout_submission.contradicts']);
  });

  test('waits for two people where the provider does not know the reference, and for its days', async () => {
    const payout = await begun();
    provider.fault = 'cut';
    await run();
    provider.fault = undefined;
    await run();
    expect([toldOf(payout), await statusOf(payout)]).toEqual([1, 'unknown']);
    expect((await submissionOf(payout)).said).toBe('unknown');
    const failed = { outcome: 'failed', ...REASON };
    const early = await act(desk.operations, payout.id, 'resolve', failed);
    expect(early.body.code).toBe('payout_may_leave');
    desk.advance(4 * DAY_MS);
    const still = await act(desk.operations, payout.id, 'resolve', failed);
    expect(still.body.code).toBe('payout_may_leave');
    await run();
    const asked = await act(desk.operations, payout.id, 'resolve', failed);
    expect([asked.status, await statusOf(payout)]).toEqual([202, 'unknown']);
    const path = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.request(desk.operations2, 'POST', path, { body: REASON })).status).toBe(200);
    expect(await statusOf(payout)).toBe('failed');
    desk.advance(-4 * DAY_MS);
  });

  test('is none where the provider turned the call away: it is asked and told again', async () => {
    const payout = await begun();
    provider.fault = 429;
    await run();
    expect([await statusOf(payout), (await submissionOf(payout)).lastFailure]).toEqual([
      'processing',
      'status_429',
    ]);
    provider.fault = undefined;
    await run();
    expect([toldOf(payout), (await submissionOf(payout)).said]).toEqual([2, 'accepted']);
    const [none, cut] = (['connect', 'timeout'] as const).map(
      (failure) => readReply({ ok: false, failure }, payout.reference).kind,
    );
    expect([none, cut]).toEqual(['refused', 'unclear']);
  });

  test('is none however often the call was turned away or the payout was held back: only silence when asked counts', async () => {
    const payout = await begun();
    await desk.changeGate(payout.person, { restriction: 'no_out' });
    for (let times = 0; times < 3; times += 1) {
      await run();
    }
    expect(await submissionOf(payout)).toMatchObject({ failures: 0, lastFailure: 'account_restricted' });
    await desk.changeGate(payout.person, { restriction: 'none' });
    provider.answersQueries = false;
    await run();
    expect((await submissionOf(payout)).failures).toBe(1);
    Object.assign(provider, { answersQueries: true, fault: 429 });
    for (let times = 0; times < 5; times += 1) {
      await run();
    }
    expect(await submissionOf(payout)).toMatchObject({ failures: 0, lastFailure: 'status_429', tries: 5 });
    provider.answersQueries = false;
    await run();
    expect([(await submissionOf(payout)).failures, await statusOf(payout)]).toEqual([1, 'processing']);
  });

  test('is none however often asking is turned away, though somebody hears of it once, and it is told after that', async () => {
    const payout = await begun();
    await countFilesAsFetched(desk.system);
    const { id } = await submissionOf(payout);
    provider.answersQueries = 'turned_away';
    for (let times = 0; times < 7; times += 1) {
      expect(await alarmsOf(id)).toHaveLength(times < 5 ? 0 : 1);
      await run();
    }
    expect(await alarmsOf(id)).toEqual(['payout_submission.turned_away']);
    expect([await statusOf(payout), (await submissionOf(payout)).failures]).toEqual(['processing', 0]);
    provider.answersQueries = true;
    await run();
    expect([toldOf(payout), (await submissionOf(payout)).said]).toEqual([1, 'accepted']);
  });

  test('calls somebody where a provider that has the payout goes silent, or forgets it', async () => {
    const silent = await begun();
    const forgotten = await begun();
    await run();
    provider.taken.delete(forgotten.reference);
    await run();
    expect([await statusOf(silent), await statusOf(forgotten)]).toEqual(['processing', 'unknown']);
    provider.answersQueries = false;
    for (let times = 0; times < 5; times += 1) {
      await run();
    }
    expect(await statusOf(silent)).toBe('unknown');
  });
});

describe('people and attackers', () => {
  test('complete nothing a provider carries, and stop only what it was not told of', async () => {
    const payout = await begun();
    const said = { transactionReference: 'FT1' };
    const codes = [
      (await act(desk.operations, payout.id, 'complete', said)).body.code,
      (await act(desk.operations, payout.id, 'unknown', REASON)).body.code,
    ];
    expect(codes).toEqual(['payout_with_provider', 'payout_with_provider']);
    const asked = await act(desk.operations, payout.id, 'fail', REASON);
    const path = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.request(desk.operations2, 'POST', path, { body: REASON })).status).toBe(200);
    await run();
    expect([toldOf(payout), await statusOf(payout)]).toEqual([0, 'failed']);
    const told = await begun();
    await run();
    const late = await act(desk.operations, told.id, 'fail', REASON);
    expect(late.body.code).toBe('payout_may_leave');
  });

  test('a payout that is not what was approved is not told, and calls somebody once', async () => {
    const payout = await begun();
    const other = await begun();
    const [theirs] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, other.id));
    const [its] = await desk.deps.db.engine.select().from(withdrawals).where(eq(withdrawals.id, payout.id));
    const put = (destination: never) =>
      writeUnguarded(desk.database, 'withdrawals', (tx) =>
        tx.update(withdrawals).set({ destination }).where(eq(withdrawals.id, payout.id)),
      );
    await put(present(theirs).destination as never);
    await run();
    await run();
    const submission = await submissionOf(payout);
    expect([provider.taken.has(payout.reference), submission.sentAt, submission.lastFailure]).toEqual([
      false,
      null,
      'destination_changed',
    ]);
    expect(await alarmsOf(submission.id)).toEqual(['payout_submission.refused']);
    await put(present(its).destination as never);
    await run();
    expect(provider.taken.has(payout.reference)).toBe(true);
  });

  test('a restricted customer’s payout waits untold', async () => {
    const payout = await begun();
    await desk.changeGate(payout.person, { restriction: 'no_out' });
    await run();
    expect([provider.taken.has(payout.reference), (await submissionOf(payout)).sentAt]).toEqual([
      false,
      null,
    ]);
  });

  test('events of what nobody told, of another provider or of another amount settle nothing', async () => {
    const payout = await begun();
    expect((await tell(payout, { state: 'rejected' })).body.state).toBe('kept');
    await run();
    Object.assign(desk.deps, { paymentSecrets: new Map([['acme', ['s'.repeat(32)]]]) });
    expect((await tell(payout, { state: 'rejected', by: 'acme' })).body.state).toBe('kept');
    expect(await statusOf(payout)).toBe('processing');
    expect((await tell(payout, { state: 'paid', amount: '10' })).body.state).toBe('kept');
    expect(await statusOf(payout)).toBe('unknown');
    const reasons = (await eventsOf(payout)).map(([, , reason]: string[]) => reason);
    expect(reasons.toReversed()).toEqual(['payout_not_submitted', null, 'other_provider', 'amount_differs']);
    const stray = { ...payout, reference: payoutReferenceOf(newId()) };
    expect((await tell(stray, { state: 'paid' })).body.state).toBe('kept');
  });

  test('what a provider said that it paid, of whatever amount, is freed by no later word and no forgetting', async () => {
    const [refused, forgotten] = [await begun(), await begun()];
    await run();
    for (const payout of [refused, forgotten]) {
      await tell(payout, { state: 'paid', amount: '99' });
    }
    expect((await tell(refused, { state: 'rejected' })).body.state).toBe('kept');
    expect((await eventsOf(refused))[0]).toEqual(['payout.rejected', 'kept', 'contradicts']);
    expect(await statusOf(refused)).toBe('unknown');
    expect((await alarmsOf(refused.id)).filter((event) => event.endsWith('contradicts'))).toHaveLength(2);
    expect([await isRefusalShown(refused), await isRefusalShown(await begun())]).toEqual([false, true]);
    provider.taken.delete(forgotten.reference);
    desk.advance(4 * DAY_MS);
    await run();
    expect((await submissionOf(forgotten)).said).toBe('unknown');
    const failed = await act(desk.operations, forgotten.id, 'resolve', { outcome: 'failed', ...REASON });
    expect(failed.body.code).toBe('payout_may_leave');
    desk.advance(-4 * DAY_MS);
  });

  /** Whether the database takes a refusal that is being taken for what frees the payout. */
  async function isRefusalShown({ id }: Begun): Promise<unknown> {
    return transact(desk.system, 'engine', async (tx) => {
      const event = { id: newId(), type: 'payout.rejected', occurredAt: LONG_AGO };
      const told = { provider: 'test', event, body: Buffer.from('{}'), withdrawalId: id };
      const kept = await keepEvent(tx, desk.system, told);
      const [row] = await tx.execute(
        sql`select payout_outcome_shown(w, w, 'failed') as shown from withdrawals w where id = ${id}`,
      );
      await settleEvent(tx, desk.system, kept, { state: 'ignored', reason: 'test' });
      return row?.shown;
    });
  }

  test('what a provider still says that it has is set free by no signed days', async () => {
    const payout = await begun();
    await run();
    const { code, detail } = (await act(desk.operations, payout.id, 'fail', REASON)).body;
    expect([code, detail]).toEqual(['payout_may_leave', expect.stringContaining('still says so')]);
    provider.answersQueries = false;
    await run();
    const silent = (await act(desk.operations, payout.id, 'fail', REASON)).body;
    expect(silent.detail).toContain('signed reconciliation');
  });

  test('what a provider paid, and a restore forgot that it was begun, calls somebody and is taken back by nobody', async () => {
    const payout = await carried.approved();
    expect((await tell(payout, { state: 'paid' })).body.state).toBe('kept');
    expect(await eventsOf(payout)).toEqual([['payout.paid', 'kept', 'other_provider']]);
    expect(await alarmsOf(payout.id)).toEqual(['payout_submission.contradicts']);
    const refused = await act(payout.person, payout.id, 'cancel');
    expect([refused.status, refused.body.code]).toEqual([409, 'payout_on_statement']);
    // Begun once more it is asked about, and not told.
    const taken = {
      amount: '100',
      currency: 'USD',
      method: 'mcb_juice',
      destination: {},
      state: 'paid',
    } as const;
    provider.taken.set(payout.reference, { reference: payout.reference, ...taken });
    await act(desk.operations, payout.id, 'process');
    await run();
    expect([toldOf(payout), await statusOf(payout)]).toEqual([0, 'completed']);
  });

  test('is told by one run, though it asked longer than it had it for', async () => {
    const payout = await begun();
    const its = eq(payoutSubmissions.withdrawalId, payout.id);
    provider.onAsked = async () => {
      provider.onAsked = undefined;
      await transact(desk.system, 'engine', async (tx) => {
        const known = present((await tx.select().from(payoutSubmissions).where(its))[0]);
        const sentAt = desk.deps.clock.now();
        await changeSubmission(tx, desk.system, known, { sentAt, nextAt: LATER });
      });
    };
    await run();
    expect([toldOf(payout), (await submissionOf(payout)).tries]).toEqual([0, 1]);
  });

  test('after a restore a payout counts as told, and is asked about before it is', async () => {
    const payout = await begun();
    await countFilesAsFetched(desk.system);
    expect((await act(desk.operations, payout.id, 'fail', REASON)).body.code).toBe('payout_may_leave');
    await run();
    expect([toldOf(payout), (await submissionOf(payout)).said]).toEqual([1, 'accepted']);
  });

  test('the money login neither forgets what was said nor sets free without the provider’s word', async () => {
    const payout = await begun();
    await run();
    const { engine } = desk.deps.db;
    const its = eq(payoutSubmissions.withdrawalId, payout.id);
    const moves = [
      engine.update(payoutSubmissions).set({ said: null, saidAt: null }).where(its),
      engine.update(payoutSubmissions).set({ sentAt: null, tries: 0 }).where(its),
      engine.update(payoutSubmissions).set({ tries: 2 }).where(its),
      engine.update(payoutSubmissions).set({ saidAt: LATER }).where(its),
      engine.update(payoutSubmissions).set({ acceptedAt: LATER }).where(its),
      engine.update(payoutSubmissions).set({ acceptedAt: LONG_AGO }).where(its),
      engine.update(payoutSubmissions).set({ sentAt: LONG_AGO }).where(its),
      engine
        .update(payoutSubmissions)
        .set({ provider: 'acme' } as never)
        .where(its),
      engine.delete(payoutSubmissions).where(its),
      engine.update(withdrawals).set({ status: 'failed', version: 4 }).where(eq(withdrawals.id, payout.id)),
    ];
    for (const move of moves) {
      expect(
        await move.then(
          () => 'done',
          () => 'refused',
        ),
      ).toBe('refused');
    }
    expect(
      await desk.deps.db.engine.select().from(inboundEvents).where(eq(inboundEvents.withdrawalId, payout.id)),
    ).toHaveLength(1);
  });
});

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) {
    throw new Error('it is there');
  }
  return value;
}
