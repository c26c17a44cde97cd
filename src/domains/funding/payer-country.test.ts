import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { type FundingDesk, HOLDER, startFundingDesk } from '../../testing/funding-desk.ts';
import { monitoredActivity, ruleHits } from '../aml/monitoring/schema.ts';
import { camt053, nextOpening, type SampleEntry } from './testing/camt-sample.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

/** A deposit whose money the bank shows with these details. @shape what was watched of it, and what rules found */
async function paidIn(entry: Partial<SampleEntry>) {
  const person = await desk.newCustomer();
  const body = { accountId: person.accountId, asset: 'USD', amount: '100', method: 'bank_transfer' };
  const announced = await desk.request(person, 'POST', '/v1/deposits', { body, key: newId() });
  const reference = announced.body.paymentReference as string;
  const entries = [{ amount: '100', reference, name: HOLDER, ...entry }];
  const file = camt053({ entries, opening: await nextOpening(desk.deps) });
  const sent = await desk.importFile(file);
  expect(sent.status).toBe(201);
  const [watched] = await desk.deps.db.engine
    .select()
    .from(monitoredActivity)
    .where(and(eq(monitoredActivity.userId, person.userId), eq(monitoredActivity.kind, 'deposit')));
  const found = await desk.deps.db.engine
    .select({ key: ruleHits.ruleKey })
    .from(ruleHits)
    .where(eq(ruleHits.userId, person.userId));
  return { country: watched?.counterpartyCountry, found: found.map(({ key }) => key) };
}

test('money from an account without an IBAN is of the country of its bank', async () => {
  expect(await paidIn({ account: '0012345678', bic: 'BKMTIRTH' })).toEqual({
    country: 'IR',
    found: ['high_risk_country'],
  });
});

test('an IBAN says the country itself, whatever bank is named', async () => {
  expect(await paidIn({ iban: 'DE89370400440532013000', bic: 'BKMTIRTH' })).toEqual({
    country: 'DE',
    found: [],
  });
});

test('money of which the bank says neither is of no country', async () => {
  expect(await paidIn({ account: '0012345678' })).toEqual({ country: null, found: [] });
});
