/** When what a provider may have paid is free again, and who may pay it else: its words, and signed days without a payment. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { expireApprovals } from '../../../platform/approvals/expire-approvals.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { BITCOIN_BENEFICIARY, OWN_WALLET } from '../../../testing/funding-desk.ts';
import { wallets } from '../../ledger/schema.ts';
import {
  type ReconciliationDesk,
  startReconciliationDesk,
} from '../reconciliation/testing/reconciliation-desk.ts';
import { nextOpening, SAMPLE_IBAN } from '../testing/camt-sample.ts';
import { type Begun, carriedPayouts } from '../testing/carried-payouts.ts';
import { isMarginShort, liquidationBegins } from '../testing/margin-short.ts';
import { type PayoutProviderServer, startPayoutProvider } from '../testing/payout-provider.ts';
import { submitPayoutsJob } from './submit-payouts.ts';

const DAY_MS = 86_400_000;
const REASON = { reason: 'Looked at it' };
const FAILED = { outcome: 'failed', ...REASON };
const COINS = { payee: BITCOIN_BENEFICIARY, asset: 'BTC', amount: '0.001', ...OWN_WALLET };

let desk: ReconciliationDesk;
let provider: PayoutProviderServer;
let carried: ReturnType<typeof carriedPayouts>;
/** Asked for before there was any statement. */
let early: Begun;
let earlySpoken: Begun;

beforeAll(async () => {
  desk = await startReconciliationDesk(import.meta.file);
  provider = await startPayoutProvider();
  carried = carriedPayouts(desk, provider);
  // `other` and `third` are played by the same server; `acme` takes payments in and carries none.
  const theirs = ['plimsoll-test-payments'];
  const secrets = new Map([
    ['other', theirs],
    ['third', theirs],
    ['acme', theirs],
  ]);
  Object.assign(desk.deps, { paymentSecrets: secrets });
  early = await carried.approved();
  earlySpoken = await carried.approved();
  carries({ test: ['mcb_juice'] });
  await carried.tell(earlySpoken, { state: 'accepted' });
  desk.advance(DAY_MS);
  await statementOfToday();
});

afterAll(async () => {
  const report = await desk.reconcile();
  await provider.stop();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

beforeEach(() => {
  carried.reset();
  carries({ test: ['mcb_juice', 'crypto'] });
});

/** Which providers there are from now on. */
function carries(methodsOf: Readonly<Record<string, readonly string[]>>): void {
  const payoutProviders = Object.entries(methodsOf).map(([name, methods]) => ({
    name,
    methods,
    url: provider.url,
  }));
  Object.assign(desk.deps, { payoutProviders });
}

async function statementOfToday(): Promise<void> {
  await desk.statement({ iban: SAMPLE_IBAN }, { opening: await nextOpening(desk.deps), day: desk.today() });
}

/** Two people sign today, with all that is missing of it explained. */
async function signToday(): Promise<void> {
  const { id, run } = await desk.run();
  for (const each of run.breaks) {
    if (each.severity === 'critical' && each.status === 'open') {
      const path = `/v1/reconciliation-breaks/${each.id}/explain`;
      const asked = await desk.request(desk.operations, 'POST', path, { body: REASON });
      expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
    }
  }
  const path = `/v1/reconciliations/${id}/sign-off`;
  await desk.request(desk.operations, 'POST', path, { body: REASON });
  expect((await desk.request(desk.compliance, 'POST', path, { body: REASON })).status).toBe(200);
}

/** Days on which nothing was paid, by a statement that two people signed. */
async function pass(days: number): Promise<void> {
  desk.advance(days * DAY_MS);
  await statementOfToday();
  await signToday();
}

const failing = ({ id }: Begun) => carried.act(desk.operations, id, 'fail', REASON);
const resolving = ({ id }: Begun) => carried.act(desk.operations, id, 'resolve', FAILED);

/** Another person agrees that it failed, and its money is free. */
async function agreed(payout: Begun, asked: Awaited<ReturnType<typeof failing>>): Promise<void> {
  expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
  expect(await carried.statusOf(payout)).toBe('failed');
}

describe('what a provider said that it has or paid, of what nobody here had begun', () => {
  test.each(['paid', 'accepted'])(
    'is set free on nobody’s word and told to nobody once it is begun again, until signed days do not show it: %s',
    async (state) => {
      const payout = await carried.approved();
      await carried.tell(payout, { state });
      expect((await carried.act(payout.person, payout.id, 'cancel')).body.code).toBe('payout_on_statement');
      expect((await carried.act(desk.operations, payout.id, 'process')).status).toBe(200);
      expect((await failing(payout)).body.code).toBe('payout_may_leave');
      // It does not know what it said of before.
      await carried.run();
      const { said } = await carried.submissionOf(payout);
      expect([carried.toldOf(payout), said, await carried.statusOf(payout)]).toEqual([
        0,
        'unknown',
        'unknown',
      ]);
      expect(await carried.alarmsOf(payout.id)).toContain('withdrawal.unknown');
      expect((await resolving(payout)).body.code).toBe('payout_may_leave');
      await pass(2);
      expect((await resolving(payout)).body.code).toBe('payout_may_leave');
      await pass(1);
      await agreed(payout, await resolving(payout));
    },
  );

  test('is paid by no other provider and by no person', async () => {
    // One that carried payouts of the method, and does not any more.
    await carried.begun();
    const payout = await carried.approved();
    carries({ other: ['mcb_juice'] });
    expect((await carried.tell(payout, { state: 'paid' })).body.state).toBe('kept');
    const begin = () => carried.act(desk.operations, payout.id, 'process');
    expect((await begin()).body.code).toBe('payout_on_statement');
    carries({});
    expect((await begin()).body.code).toBe('payout_on_statement');

    carries({ other: ['mcb_juice'] });
    const late = await carried.begun();
    await carried.tell(late, { state: 'paid' });
    await carried.run();
    expect([carried.toldOf(late), await carried.statusOf(late)]).toEqual([0, 'unknown']);
  });

  test('is freed by no refusal of the provider that carries it now', async () => {
    await carried.begun();
    carries({ other: ['mcb_juice'] });
    const payout = await carried.begun();
    await carried.run();
    await carried.tell(payout, { state: 'paid' });
    expect((await carried.tell(payout, { state: 'rejected', by: 'other' })).body.state).toBe('kept');
    expect((await carried.eventsOf(payout))[0]).toEqual(['payout.rejected', 'kept', 'contradicts']);
    // Nor once signed days do not show it, which are for people to judge by.
    await pass(4);
    expect((await carried.tell(payout, { state: 'rejected', by: 'other' })).body.state).toBe('kept');
    expect(await carried.statusOf(payout)).toBe('unknown');
    await agreed(payout, await resolving(payout));
  });

  test('counts whatever the methods are of who says so', async () => {
    carries({ test: ['mcb_juice'], third: ['crypto'] });
    const payout = await carried.asked();
    await carried.tell(payout, { state: 'paid', by: 'third' });
    expect((await carried.act(payout.person, payout.id, 'cancel')).body.code).toBe('payout_on_statement');
  });

  test('is refused by a person once signed days do not show it, taken back by nobody else, and at once where nobody but a taker of payments says so', async () => {
    const [refused, cancelled] = [await carried.asked(), await carried.asked()];
    await carried.tell(cancelled, { state: 'paid', by: 'acme' });
    expect((await carried.act(cancelled.person, cancelled.id, 'cancel')).body.status).toBe('cancelled');
    await carried.tell(refused, { state: 'paid' });
    const reject = () => carried.act(desk.compliance, refused.id, 'reject', REASON);
    expect((await reject()).body.code).toBe('payout_on_statement');
    await pass(4);
    expect((await carried.act(refused.person, refused.id, 'cancel')).body.code).toBe('payout_on_statement');
    const realNow = () => '2999-01-01T00:00:00.000000Z' as never;
    const deps = { ...desk.deps, clock: { ...desk.deps.clock, realNow } };
    await expireApprovals({ ...desk.system, deps });
    await isMarginShort(desk, refused.person);
    await liquidationBegins(desk, refused.person);
    expect(await carried.statusOf(refused)).toBe('under_review');
    expect((await reject()).body.status).toBe('rejected');
    expect(await desk.balance(refused.person, 'USD')).toEqual({ total: '500', reserved: '0' });
  });
});

describe('what a provider said that it had', () => {
  test('is not free because it forgot it, but once signed days beyond its last such word do not show it', async () => {
    const payout = await carried.begun();
    await carried.run();
    const { id, acceptedAt } = await carried.submissionOf(payout);
    await pass(4);
    await carried.run();
    const still = await carried.submissionOf(payout);
    expect([still.said, still.acceptedAt > acceptedAt, still.saidAt]).toEqual([
      'accepted',
      true,
      still.acceptedAt,
    ]);
    provider.taken.delete(payout.reference);
    await carried.run();
    expect(await carried.statusOf(payout)).toBe('unknown');
    expect((await resolving(payout)).body.code).toBe('payout_may_leave');
    await pass(2);
    await carried.run();
    expect((await resolving(payout)).body.code).toBe('payout_may_leave');
    // However long it does not know it.
    desk.advance(2 * DAY_MS);
    await carried.run();
    expect((await resolving(payout)).body.code).toBe('payout_may_leave');
    await pass(0);
    await agreed(payout, await resolving(payout));
    // Each day on which it said so is on record, and each once.
    const said = await desk.deps.db.engine
      .select({ id: auditLogs.id })
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, id), eq(auditLogs.eventType, 'payout_submission.said')));
    expect(said).toHaveLength(5);
  });

  test('is not free while it says so, and is not said by who was taken away or has not been asked for days', async () => {
    const [taken, quiet] = [await carried.begun(), await carried.begun()];
    await carried.run();
    expect((await failing(taken)).body.detail).toContain('still says so');
    carries({});
    expect((await failing(taken)).body.detail).toContain('signed reconciliation');
    await pass(4);
    await agreed(taken, await failing(taken));
    carries({ test: ['mcb_juice'] });
    await agreed(quiet, await failing(quiet));
  });

  test('is not free while a debit of its amount names nothing, until two people say what that was', async () => {
    const payout = await carried.begun();
    await carried.run();
    carries({});
    desk.advance(4 * DAY_MS);
    const entries = [{ amount: '100', direction: 'DBIT' }] as const;
    await desk.statement(
      { iban: SAMPLE_IBAN },
      { opening: await nextOpening(desk.deps), day: desk.today(), entries },
    );
    await signToday();
    expect((await failing(payout)).body.code).toBe('payout_may_leave');
    const [debit] = (await desk.read('/v1/statement-debits?status=open')).data;
    const body = { explanation: 'bank_charge', ...REASON };
    const path = `/v1/statement-debits/${debit.id}/explain`;
    const asked = await desk.request(desk.operations, 'POST', path, { body });
    expect((await desk.vote(asked.body.approval.id)).status).toBe(200);
    await agreed(payout, await failing(payout));
  });

  test('and was begun after the first statement is free by days since then, unless it was spoken of before', async () => {
    for (const payout of [early, earlySpoken]) {
      expect((await carried.act(desk.operations, payout.id, 'process')).status).toBe(200);
    }
    await submitPayoutsJob.run(desk.system);
    carries({});
    await pass(4);
    await agreed(early, await failing(early));
    expect((await resolving(earlySpoken)).body.code).toBe('payout_may_leave');
  });

  test('of coins is free once it is silent and a signed day finds all of them with the custodian', async () => {
    const payout = await carried.begun(COINS);
    await carried.run();
    provider.answersQueries = false;
    await carried.run();
    expect((await failing(payout)).body.detail).toContain('signed reconciliation');
    await pass(4);
    expect((await failing(payout)).body.code).toBe('payout_may_leave');
    const held = await heldInCustody();
    expect((await desk.vote((await custodianSays(held)).confirmationId)).status).toBe(200);
    await signToday();
    // What agreed once says nothing of what left after it.
    await pass(1);
    const { confirmationId } = await custodianSays(held - parseAmount('0.001'));
    expect((await failing(payout)).body.code).toBe('payout_may_leave');
    expect((await desk.vote(confirmationId)).status).toBe(200);
    expect((await failing(payout)).body.code).toBe('payout_may_leave');
    await signToday();
    expect((await failing(payout)).body.code).toBe('payout_may_leave');
    await pass(1);
    expect((await desk.vote((await custodianSays(held)).confirmationId)).status).toBe(200);
    expect((await failing(payout)).body.code).toBe('payout_may_leave');
    await signToday();
    // Reports come before yesterday's run is signed: one that agrees as well takes nothing away once a run used it.
    await desk.run();
    await pass(1);
    expect((await desk.vote((await custodianSays(held)).confirmationId)).status).toBe(200);
    expect((await failing(payout)).body.code).toBe('payout_may_leave');
    await desk.run();
    await agreed(payout, await failing(payout));
    expect(await desk.balance(payout.person, 'BTC')).toEqual({ total: '1', reserved: '0' });
  });
});

async function heldInCustody(): Promise<bigint> {
  const [row] = await desk.deps.db.engine
    .select({ total: wallets.total })
    .from(wallets)
    .where(
      and(eq(wallets.houseRole, 'custody'), eq(wallets.asset, 'BTC'), eq(wallets.houseReference, 'main')),
    );
  return -(row?.total ?? 0n);
}

/** Nobody has confirmed it yet. */
async function custodianSays(held: bigint): Promise<{ readonly confirmationId: string }> {
  const quantity = formatAmount(held as never);
  const holdings = [{ asset: 'BTC', quantity }];
  const said = JSON.stringify({ custodian: 'main', asOf: desk.today(), holdings });
  const { status, body } = await desk.takeCustodyReport(said);
  expect(status).toBe(201);
  return body;
}
