/**
 * A node that believes a credential which was withdrawn unheard still moves no money with it: money paths
 * read the gate in their own transaction (I8).
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { revocations } from '../domains/identity/index.ts';
import { openClient } from '../platform/db/client.ts';
import { done } from './drivers/driver.ts';
import { bankBeneficiary } from './funding-desk.ts';
import { type Member, startWorld, type World } from './world.ts';

/** Longer than anything is believed without proof. */
const LONGER_MS = 1_000;

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
});
afterAll(async () => {
  await world.settle();
  const report = await world.reconcile();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
  await world.close();
});

const order = (as: Member) =>
  world.call('placeOrder', {
    as,
    body: {
      accountId: as.accountId,
      symbol: 'BTC/USD',
      side: 'buy',
      type: 'limit',
      quantity: '0.001',
      limitPrice: '50000',
    },
  });

test('whoever was suspended without a word to this node is still signed in, and moves no money', async () => {
  const customer = await world.newCustomer({ USD: '1000' });
  const beneficiary = await done(
    world.call('createBeneficiary', {
      as: customer,
      body: { ...bankBeneficiary(), holderName: 'Anjali Ramgoolam' },
    }),
  );
  while (!revocations(world.deps).listener.proven()) {
    await Bun.sleep(5);
  }
  // A session that is first seen from here on is believed for as long as no change is heard.
  const as = { ...customer, token: await world.tokenOf(customer, true) };
  expect((await world.call('getMe', { as })).status).toBe(200);
  await suspendUnheard(as, async () => {
    await Bun.sleep(LONGER_MS);
    expect((await world.call('getMe', { as })).status).toBe(200);

    const placed = await order(as);
    expect([placed.body.status, placed.body.rejectionReason]).toEqual(['rejected', 'account_restricted']);
    const withdrawal = await world.call('createWithdrawal', {
      as,
      body: { accountId: as.accountId, asset: 'USD', amount: '10', beneficiaryId: beneficiary.id },
    });
    expect(withdrawal.body.rejectionReason ?? withdrawal.body.code).toBe('account_restricted');
  });
});

/** Changes the row with the trigger off that tells of it, as no path of ours can. */
async function suspendUnheard({ userId }: Member, work: () => Promise<void>): Promise<void> {
  const owner = openClient(world.database.owner, 1);
  const set = (status: string) =>
    world.deps.db.engine.execute(sql`update users set status = ${status}::user_status where id = ${userId}`);
  await owner`alter table users disable trigger users_tell`;
  await set('suspended');
  try {
    await work();
  } finally {
    await set('active');
    await owner`alter table users enable always trigger users_tell`;
    await owner.end();
  }
}
