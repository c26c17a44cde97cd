/**
 * A customer who is in good standing today and on a list tomorrow: the publisher's new file is fetched, finds
 * them among everybody by what is new in it, and money stops; an officer confirms, the rest follows, the clock to
 * tell the authorities runs, and the timeline of the person tells it all in order. Nothing tells the customer.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq, isNull } from 'drizzle-orm';
import { fetchLists } from '../domains/aml/lists/fetch-lists.ts';
import { type ListServer, startListServer } from '../domains/aml/lists/testing/list-server.ts';
import { sanctionsNotices } from '../domains/aml/reports/schema.ts';
import { rescreen } from '../domains/aml/rescreening/rescreen.ts';
import { rescreeningResults, rescreeningRuns } from '../domains/aml/rescreening/schema.ts';
import { amlAlerts } from '../domains/aml/schema.ts';
import { withdrawals } from '../domains/funding/schema.ts';
import { settleBeneficiaries } from '../domains/funding/settle-beneficiaries.ts';
import { customerGates } from '../domains/identity/schema.ts';
import { orders } from '../domains/trading/schema.ts';
import { done, REASON } from './drivers/driver.ts';
import { bankBeneficiary } from './funding-desk.ts';
import { type Member, startWorld, type World } from './world.ts';

const DAY_MS = 24 * 3_600_000;
const HEADER = 'id,kind,name,aliases,birth_dates,countries,gender,programs,remarks';

let world: World;
let publisher: ListServer;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  publisher = startListServer();
}, 60_000);

afterAll(async () => {
  publisher.stop();
  const { checks } = await world.reconcile();
  expect(checks.flatMap((check) => check.breaks)).toEqual([]);
  await world.close();
});

const engine = () => world.deps.db.engine;

function file(...names: readonly string[]): string {
  const rest = Array.from({ length: 40 }, (_, at) => `r-${at},organisation,Ballast Works ${at},,,,,TEST,`);
  const rows = names.map((name) => `t-${name.length},person,${name},,,,,TEST,`);
  return [HEADER, ...rest, ...rows].join('\n');
}

/** A list that is fetched from the publisher of this test; two people set its address. */
async function subscribe(): Promise<void> {
  const as = world.people.compliance_officer;
  const { id } = await done(
    world.call('createScreeningList', { as, body: { kind: 'own', name: 'Tomorrow', format: 'own_csv' } }),
  );
  const body = { sourceUrls: { file: publisher.url('file') }, fetchMinutes: 60 };
  const { approval } = await done(world.call('changeScreeningList', { as, params: { id }, body }));
  const vote = { params: { id: approval.id }, body: REASON };
  await done(world.call('approveApproval', { as: world.people.mlro, ...vote }));
}

async function customer(first: string, last: string): Promise<Member & { readonly payeeId: string }> {
  const as = await world.newCustomer({ USD: '1000' }, { name: [first, last] });
  const body = { ...bankBeneficiary(), holderName: `${first} ${last}` };
  const { id: payeeId } = await done(world.call('createBeneficiary', { as, body }));
  await settleBeneficiaries(world.system);
  return { ...as, payeeId };
}

function withdraw(as: Member & { readonly payeeId: string }, amount: string) {
  const body = { accountId: as.accountId, asset: 'USD', amount, beneficiaryId: as.payeeId };
  return world.call('createWithdrawal', { as, body });
}

function placeOrder(as: Member) {
  const body = {
    accountId: as.accountId,
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    quantity: '0.001',
    limitPrice: '50000',
  };
  return world.call('placeOrder', { as, body });
}

test('a customer who becomes listed tomorrow is found, stopped, frozen, and told of in order', async () => {
  publisher.serve('file', { text: file() });
  await subscribe();
  await fetchLists(world.system);
  await world.settle();
  await rescreen(world.system);
  const [listed, other] = [
    await customer('Thaddeus', 'Quickfall'),
    await customer('Cornelius', 'Ravenscroft'),
  ];
  await done(placeOrder(listed));
  const pending = (await done(withdraw(listed, '100'))).id;
  const approved = (await done(withdraw(listed, '110'))).id;
  const approval = { as: world.people.compliance_officer, params: { id: approved }, body: REASON };
  await done(world.call('approveWithdrawal', approval));

  world.advance(DAY_MS);
  publisher.serve('file', { text: file('Thaddeus Quickfall') });
  await fetchLists(world.system);
  await world.settle();
  await rescreen(world.system);

  await expectOnlyHitScreened(listed, other);
  const [alert] = await engine().select().from(amlAlerts).where(eq(amlAlerts.userId, listed.userId));
  expect(alert).toMatchObject({ kind: 'sanctions', severity: 'critical', effect: 'stop', status: 'open' });
  expect((await withdraw(listed, '120')).body.code).toBe('under_review');
  expect((await withdraw(other, '100')).status).toBe(201);

  const officer = { as: world.people.compliance_officer, params: { id: alert?.id ?? '' } };
  await done(
    world.call('resolveAmlAlert', {
      ...officer,
      body: { disposition: 'true_match', reason: 'Same name, birth date and passport' },
    }),
  );
  await world.settle();

  const [gate] = await engine().select().from(customerGates).where(eq(customerGates.userId, listed.userId));
  expect(gate).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
  const open = and(eq(orders.userId, listed.userId), isNull(orders.closedAt));
  expect(await engine().select({ id: orders.id }).from(orders).where(open)).toEqual([]);
  const held = await engine().select().from(withdrawals).where(eq(withdrawals.userId, listed.userId));
  expect(Object.fromEntries(held.map(({ id, status }) => [id, status]))).toEqual({
    [pending]: 'under_review',
    [approved]: 'under_review',
  });
  const notices = await engine().select().from(sanctionsNotices);
  expect(notices).toHaveLength(1);
  const [notice] = notices;
  expect(Date.parse(notice?.dueAt ?? '') - Date.parse(notice?.confirmedAt ?? '')).toBe(DAY_MS);

  await expectToldInOrder(listed);
  for (const operation of ['getMe', 'listAccounts', 'listEvents', 'listWithdrawals', 'listOrders']) {
    const { body } = await world.call(operation, { as: listed });
    expect(JSON.stringify(body)).not.toMatch(/sanction|aml|alert|confirmed|match|screen/i);
  }
}, 60_000);

/** The change of the list was held against both; only who it names was screened in full. */
async function expectOnlyHitScreened(listed: Member, other: Member): Promise<void> {
  const [run] = await engine()
    .select()
    .from(rescreeningRuns)
    .where(and(eq(rescreeningRuns.cause, 'list_change'), eq(rescreeningRuns.hits, 1)));
  expect(run).toMatchObject({ status: 'done' });
  const looks = await engine()
    .select()
    .from(rescreeningResults)
    .where(eq(rescreeningResults.runId, run?.id ?? ''));
  expect(looks.filter(({ outcome }) => outcome === 'screened').map(({ userId }) => userId)).toEqual([
    listed.userId,
  ]);
  expect(looks.find(({ userId }) => userId === other.userId)).toMatchObject({ isDelta: true, entities: 1 });
}

async function expectToldInOrder(listed: Member): Promise<void> {
  const story = await timelineOf(listed);
  const inOrder = [
    'screening.completed',
    'aml_alert.opened',
    'gate.changed',
    'aml_case.opened',
    'gate_restriction.placed',
    'aml_customer.confirmed',
    'sanctions_notice.opened',
    'aml_alert.closing_requested',
  ];
  let from = story.lastIndexOf('screening.completed');
  for (const event of inOrder) {
    const at = story.indexOf(event, from);
    expect([event, at >= from]).toEqual([event, true]);
    from = at;
  }
  // What follows through the outbox, in whatever order it is delivered.
  expect(story).toEqual(
    expect.arrayContaining(['order.cancel_requested', 'order.closed', 'withdrawal.under_review']),
  );
}

/** What the timeline of a person tells, the oldest first. */
async function timelineOf({ userId }: Member): Promise<readonly string[]> {
  const events: string[] = [];
  let cursor: string | undefined;
  do {
    const { data, nextCursor } = await done(
      world.call('getAuditTimeline', {
        as: world.people.mlro,
        params: { kind: 'user', id: userId },
        query: { limit: '200', ...(cursor === undefined ? {} : { cursor }) },
      }),
    );
    events.push(...data.map(({ eventType }: { eventType: string }) => eventType));
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  return events.reverse();
}
