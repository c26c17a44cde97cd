/** What tests of payouts that providers carry do again and again: withdrawals, runs of the job, and what a provider says. */
import { eq, inArray, not } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { type FundingDesk, HOLDER, type Person } from '../../../testing/funding-desk.ts';
import type { Answer } from '../../../testing/send.ts';
import { signPayment, TEST_PROVIDER } from '../payment-providers.ts';
import { payoutReferenceOf } from '../payout-reference.ts';
import { payoutSubmissions } from '../submissions/schema.ts';
import { submitPayoutsJob } from '../submissions/submit-payouts.ts';
import type { PayoutProviderServer } from './payout-provider.ts';

export const LONG_AGO = '2020-01-01T00:00:00.000000Z' as Instant;
export const LATER = '2100-01-01T00:00:00.000000Z' as Instant;
const REASON = { reason: 'Looked at it' };
const JUICE = { kind: 'mobile_money', holderName: HOLDER, method: 'mcb_juice', phone: '+23051234567' };

export type Begun = { readonly id: Id; readonly person: Person; readonly reference: string };

type Wish = { readonly payee?: object; readonly [asked: string]: unknown };

type Tell = {
  readonly state: string;
  readonly amount?: string;
  readonly currency?: string;
  readonly id?: string;
  readonly by?: string;
};

/** On a desk whose methods the provider carries. */
export function carriedPayouts(desk: FundingDesk, provider: PayoutProviderServer) {
  const ofThisTest: Id[] = [];

  /** What this test began is due, all of it and nothing else. */
  async function allDue(): Promise<void> {
    const its = inArray(payoutSubmissions.withdrawalId, ofThisTest);
    await desk.deps.db.engine.update(payoutSubmissions).set({ nextAt: LATER }).where(not(its));
    await desk.deps.db.engine.update(payoutSubmissions).set({ nextAt: LONG_AGO }).where(its);
  }

  /** Methods of the calls about it since the test began. */
  function callsOf({ reference }: Begun): readonly string[] {
    return provider.calls.flatMap((call) => (call.endsWith(reference) ? [call.split(' ')[0] ?? ''] : []));
  }

  return {
    ...withdrawalsOf(desk, (id) => ofThisTest.push(id)),
    ...wordsOn(desk),
    allDue,
    /** One run of the job, with what this test began due whatever it waits for, and nothing else. */
    run: async () => {
      await allDue();
      await submitPayoutsJob.run(desk.system);
    },
    callsOf,
    /** How often the provider was told since the test began. */
    toldOf: (payout: Begun) => callsOf(payout).filter((method) => method === 'POST').length,
    /** Before each test: the provider does as it should, and nothing is of an earlier one. */
    reset: () => {
      const works = { fault: undefined, answers: 'accepted', onTold: undefined, onAsked: undefined };
      Object.assign(provider, { ...works, answersQueries: true });
      provider.calls.length = 0;
      ofThisTest.length = 0;
    },
  };
}

function withdrawalsOf(desk: FundingDesk, keep: (id: Id) => void) {
  const act = (person: Person, id: string, step: string, body?: object): Promise<Answer> =>
    desk.request(person, 'POST', `/v1/withdrawals/${id}/${step}`, body === undefined ? {} : { body });

  /** A withdrawal that nobody decided on, to a telephone unless it asks for something else. */
  async function asked({ payee = JUICE, ...asks }: Wish = {}): Promise<Begun> {
    const person = await desk.newCustomer();
    await desk.fund(person, payee === JUICE ? 'USD' : 'BTC', payee === JUICE ? '500' : '1');
    const added = await desk.request(person, 'POST', '/v1/beneficiaries', { body: payee });
    const { accountId } = person;
    const body = { accountId, beneficiaryId: added.body.id, asset: 'USD', amount: '100', ...asks };
    const { id } = (await desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() })).body;
    keep(id);
    return { id, person, reference: payoutReferenceOf(id) };
  }

  /** One that compliance approved. */
  async function approved(wish: Wish = {}): Promise<Begun> {
    const payout = await asked(wish);
    await act(desk.compliance, payout.id, 'approve', REASON);
    return payout;
  }

  /** One whose payout operations began. */
  async function begun(wish: Wish = {}): Promise<Begun> {
    const payout = await approved(wish);
    const { body: withdrawal } = await act(desk.operations, payout.id, 'process');
    if (withdrawal.status !== 'processing') {
      throw new Error(`the test's payout did not begin: ${JSON.stringify(withdrawal)}`);
    }
    return payout;
  }

  return { act, asked, approved, begun };
}

/** What is said of payouts: here, and by providers. */
function wordsOn(desk: FundingDesk) {
  async function statusOf({ id }: Begun): Promise<string> {
    return (await desk.request(desk.operations, 'GET', `/v1/withdrawals/${id}`)).body.status;
  }

  async function submissionOf({ id }: Begun) {
    const path = `/v1/payout-submissions?withdrawalId=${id}`;
    return (await desk.request(desk.operations, 'GET', path)).body.data[0];
  }

  async function eventsOf({ id }: Begun) {
    const path = `/v1/inbound-events?withdrawalId=${id}`;
    const { body } = await desk.request(desk.operations, 'GET', path);
    return body.data.map(({ type, state, reason }: Record<string, string>) => [type, state, reason]);
  }

  /** A signed event of the provider, or of another that the desk has a secret of. */
  async function tell(
    { reference }: Begun,
    { state, amount = '100', currency = 'USD', id = newId(), by = TEST_PROVIDER.name }: Tell,
  ): Promise<Answer> {
    const data = { reference, amount, currency, providerReference: 'PP-1' };
    const body = Buffer.from(JSON.stringify({ id, type: `payout.${state}`, occurredAt: LONG_AGO, data }));
    const timestamp = String(Math.floor(desk.deps.clock.realMs() / 1_000));
    const [newest = TEST_PROVIDER.secrets[0]] = desk.deps.paymentSecrets.get(by) ?? [];
    return desk.request(desk.operations, 'POST', `/v1/webhooks/payments/${by}`, {
      body,
      headers: {
        'content-type': 'application/json',
        'webhook-timestamp': timestamp,
        'webhook-signature': signPayment({ name: by, secrets: [newest] }, timestamp, body),
      },
    });
  }

  async function alarmsOf(resourceId: string): Promise<readonly string[]> {
    const rows = await desk.deps.db.engine
      .select({ event: auditLogs.eventType, severity: auditLogs.severity })
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, resourceId));
    return rows.filter(({ severity }) => severity === 'critical').map(({ event }) => event);
  }

  return { statusOf, submissionOf, eventsOf, tell, alarmsOf };
}
