/**
 * What a customer can read is the same, byte for byte, before anybody looked at them and while alerts, cases and
 * notes about them are open: over every reading operation that customers have.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { openAlert } from '../domains/aml/alerts/open-alert.ts';
import { transact } from '../platform/db/transact.ts';
import { done } from './drivers/driver.ts';
import { type Member, startWorld, type World } from './world.ts';

/** What differs between any two requests. */
const OF_THE_REQUEST = new Set(['date', 'x-request-id', 'ratelimit', 'ratelimit-policy']);

/** These tell the time, or what the person did meanwhile: they are searched for words instead. */
const MOVES_ON = new Set(['getMarketClock', 'getPortfolio', 'exportUserData']);

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  await world.close();
});

/** Every answer a customer can ask for without naming something of somebody else's. */
async function readings(as: Member): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { operationId, method, path, access } of world.operations) {
    const theirs = 'customer' in access || 'self' in access;
    const params = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    const ofAccount = path.startsWith('/v1/accounts/{id}') && params.length === 1;
    const ofPerson = path.startsWith('/v1/users/{id}') && params.length === 1;
    if (
      method !== 'get' ||
      !theirs ||
      (params.length > 0 && !ofAccount && !ofPerson) ||
      /stream/i.test(path)
    ) {
      continue;
    }
    const id = ofPerson ? as.userId : as.accountId;
    const { status, headers, body } = await world.call(operationId, { as, params: { id } });
    const kept = [...headers].filter(([name]) => !OF_THE_REQUEST.has(name));
    const text = JSON.stringify([status, kept, body]);
    // An error names its request, an export when it was made.
    found.set(operationId, text.replaceAll(/"(requestId|generatedAt|exportedAt)":"[^"]*"/g, ''));
  }
  return found;
}

test('nothing that a customer reads tells of alerts, cases or notes about them', async () => {
  const as = await world.newCustomer({ USD: '100' });
  await world.settle();
  const before = await readings(as);
  expect(before.size).toBeGreaterThan(15);
  for (const [kind, effect] of [
    ['pep', 'review'],
    ['monitoring', 'review'],
    ['sanctions', 'stop'],
  ] as const) {
    const alert = await transact(world.system, 'engine', (tx) =>
      openAlert(tx, world.system, {
        userId: as.userId,
        kind,
        dedupKey: `test:${kind}`,
        severity: 'high',
        effect,
      }),
    );
    const officer = world.people.compliance_officer;
    const comment = { as: officer, params: { id: alert.id }, body: { text: 'Looked at the passport' } };
    await done(world.call('commentAmlAlert', comment));
    const body = { kind: 'aml', severity: 'high', alertId: alert.id };
    const { id } = await done(world.call('createAmlCase', { as: officer, body }));
    const reason = { reason: 'In and out within hours' };
    await done(world.call('escalateAmlCase', { as: officer, params: { id }, body: reason }));
  }
  await world.settle();
  const after = await readings(as);
  const changed = [...before]
    .filter(([name, text]) => !MOVES_ON.has(name) && after.get(name) !== text)
    .map(([name]) => name);
  expect(changed).toEqual([]);
  for (const name of MOVES_ON) {
    // Alerts on prices are the customer's own.
    const text = after.get(name)?.replaceAll(/price_?alert/gi, '');
    expect(text).not.toMatch(/sanction|aml|alert|screening|suspicio|within hours|Looked at/i);
  }
});
