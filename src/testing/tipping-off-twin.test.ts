/**
 * A customer whose match was confirmed, whom the authorities were told of and about whom a report was filed, beside
 * a twin whom an ordinary restriction holds: every operation that customers have is carried out by both, step by
 * step, and answers both alike (no tipping off).
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq, or } from 'drizzle-orm';
import { openAlert } from '../domains/aml/alerts/open-alert.ts';
import { outbox } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { PACKED } from '../platform/outbox/publish.ts';
import { allDrivers } from './drivers/all-drivers.ts';
import { done, first } from './drivers/driver.ts';
import { mailsTo } from './mails.ts';
import type { Answer } from './send.ts';
import { setGate } from './set-gate.ts';
import { type Member, startWorld, type World } from './world.ts';

/** What was told to the authorities; nothing of it may be found where the customer looks. */
const CANARIES = ['narrative-canary', 'notice-canary', 'FIU-CANARY', 'NSS-CANARY', 'reason-canary'];

/** What differs between any two requests. */
const OF_THE_REQUEST = new Set([
  'date',
  'x-request-id',
  'ratelimit',
  'ratelimit-policy',
  'etag',
  'set-cookie',
]);

/** Values that no two people share, whatever is done about them. */
const OWN = new Set(['paymentReference', 'position', 'birthDate']);

/** These end what the others need. */
const LAST = /close|logout|signOut|endSession|deactivate|password|totp|erasure|recover|passkey|revoke/i;

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  await world.close();
});

test('a customer who is reported sees in every operation what any restricted one sees', async () => {
  const [mine, twin] = [await world.newCustomer({ USD: '500' }), await world.newCustomer({ USD: '500' })];
  await reported(mine);
  await setGate(world.system, twin.userId, { restriction: 'frozen' });
  await world.settle();
  const operations = world.operations
    .filter(({ access }) => 'customer' in access || 'self' in access)
    .map(({ operationId }) => operationId)
    .filter((operationId) => !/stream/i.test(operationId))
    .sort((left, right) => Number(LAST.test(left)) - Number(LAST.test(right)));
  expect(operations.length).toBeGreaterThan(60);
  const different: string[] = [];
  const texts: string[] = [];
  let answered = 0;
  for (const operationId of operations) {
    const [left, right] = [await outcome(mine, operationId), await outcome(twin, operationId)];
    texts.push(left.text);
    answered += left.status > 0 && left.status < 300 ? 1 : 0;
    different.push(...differences(operationId, left.shape, right.shape));
  }
  expect(different).toEqual([]);
  // Most of them do answer: what is refused to both would prove little.
  expect(answered).toBeGreaterThan(operations.length / 3);
  // Those that share a row until they have their places will be visible too.
  const events = await world.deps.db.engine
    .select()
    .from(outbox)
    .where(or(eq(outbox.customerVisible, true), eq(outbox.type, PACKED)));
  const heard = [
    ...texts,
    JSON.stringify(events, (_name, value) => (typeof value === 'bigint' ? `${value}` : value)),
  ];
  for (const text of [...heard, JSON.stringify(await mailsTo(world.deps, mine.email))]) {
    expect(CANARIES.filter((canary) => text.includes(canary))).toEqual([]);
  }
}, 300_000);

/** Freezes a customer, tells the authorities, and files a report about them. */
async function reported({ userId }: Member): Promise<void> {
  const [officer, mlro] = [world.people.compliance_officer, world.people.mlro];
  const alert = await transact(world.system, 'engine', (tx) =>
    openAlert(tx, world.system, {
      userId,
      kind: 'sanctions',
      dedupKey: 'screen:sanctions',
      severity: 'critical',
      effect: 'stop',
    }),
  );
  const truth = { disposition: 'true_match', reason: 'reason-canary' };
  const params = { id: alert.id };
  const { caseId } = await done(world.call('resolveAmlAlert', { as: officer, params, body: truth }));
  const { data: notices } = await done(world.call('listSanctionsNotices', { as: officer }));
  const notice = first<{ id: string }>(notices.filter((one: { caseId: string }) => one.caseId === caseId));
  const of = (id: string) => ({ as: officer, params: { id } });
  await done(world.call('draftSanctionsNotice', { ...of(notice.id), body: { text: 'notice-canary' } }));
  const sent = { reference: 'NSS-CANARY', sentAt: world.deps.clock.now() };
  await done(world.call('sendSanctionsNotice', { ...of(notice.id), body: sent }));
  await done(world.call('escalateAmlCase', { ...of(caseId), body: { reason: 'reason-canary' } }));
  const { data } = await done(world.call('listAmlReports', { as: officer, query: { caseId } }));
  const { id } = first<{ id: string }>(data);
  const words = { reasons: ['other'], indicators: ['STRUCT'], narrative: 'narrative-canary' };
  await done(world.call('editAmlReport', { ...of(id), body: words }));
  expect((await done(world.call('validateAmlReport', of(id)))).findings).toEqual([]);
  const body = { decision: 'file', reason: 'reason-canary' };
  await done(world.call('decideAmlReport', { as: mlro, params: { id }, body }));
  const filing = { fiuReference: 'FIU-CANARY', filedAt: world.deps.clock.now() };
  const filed = await done(world.call('submitAmlReport', { ...of(id), body: filing }));
  expect(filed).toMatchObject({ status: 'filed', fiuReference: 'FIU-CANARY' });
}

/** What an operation answers one customer who does all that it takes; what refuses a step before is as telling. */
async function outcome(member: Member, operationId: string) {
  let last: Answer | undefined;
  const theirs: World = {
    ...world,
    people: { ...world.people, customer: member },
    second: { ...world.second, customer: member },
    newMember: async (wish = {}) => (isCustomer(wish) ? member : world.newMember(wish)),
    newCustomer: async (funds, wish = {}) => (isCustomer(wish) ? member : world.newCustomer(funds, wish)),
    call: async (name, asked = {}) => {
      const answer = await world.call(name, asked);
      last = asked.as?.userId === member.userId || name === operationId ? answer : last;
      return answer;
    },
  };
  const answer = await Promise.resolve(allDrivers[operationId]?.(theirs)).catch((error: unknown) => error);
  const seen = answer instanceof Error ? last : (answer as Answer | undefined);
  const headers = [...(seen?.headers ?? [])]
    .map(([name]) => name)
    .filter((name) => !OF_THE_REQUEST.has(name));
  return {
    status: answer instanceof Error ? 0 : (seen?.status ?? 0),
    text: JSON.stringify(seen?.body ?? ''),
    shape: { status: seen?.status ?? 0, headers, body: shapeOf(seen?.body) },
  };
}

function isCustomer({ roles = [] }: { readonly roles?: readonly string[] }): boolean {
  return roles.every((role) => role === 'customer');
}

/** What is of one person, one row or one moment gives way to a word for it; everything else stays. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(shapeOf);
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .map(([name, member]): [string, unknown] => [
          blurred(name),
          OWN.has(name) ? '(own)' : shapeOf(member),
        ])
        .sort(([left], [right]) => left.localeCompare(right)),
    );
  }
  return typeof value === 'string' ? blurred(value) : value;
}

function blurred(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '(id)')
    .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, '(instant)')
    .replaceAll(/[^\s@"]+@[^\s@"]+/g, '(address)')
    .replaceAll(/\+\d{8,}/g, '(phone)')
    .replaceAll(/(?=[^"\s]*(?:\d|[A-Z]{2}))[A-Za-z0-9_+/=.-]{20,}/g, '(random)');
}

/** Each place where two answers differ, with what stands there. */
function differences(path: string, left: unknown, right: unknown): string[] {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return left === right ? [] : [`${path}: ${JSON.stringify(left)} and ${JSON.stringify(right)}`];
  }
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].flatMap((name) =>
    differences(
      `${path}.${name}`,
      (left as Record<string, unknown>)[name],
      (right as Record<string, unknown>)[name],
    ),
  );
}
