import { tradingEngine } from '../../domains/trading/index.ts';
import type { Answer } from '../send.ts';
import { vouchForPrice } from '../vouch-for-price.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done, first, REASON } from './driver.ts';
import { asks, type StaffWrites } from './staff-write.ts';

const SYMBOL = 'BTC/USD.M';

/** Contracts: what the firm grants, and what is open. */
export const positionDrivers: Drivers = {
  setAccountMargin: async (world) => {
    const { accountId } = await world.newCustomer();
    const body = { marginEnabled: true, ...REASON };
    return world.call('setAccountMargin', { as: world.people.risk_manager, params: { id: accountId }, body });
  },
  listPositions: async (world) => {
    const as = await openPosition(world);
    return world.call('listPositions', { as, params: { id: as.accountId } });
  },
  getPosition: async (world) => {
    const as = await openPosition(world);
    return world.call('getPosition', { as, params: { id: await positionOf(world, as) } });
  },
  setPositionExits: async (world) => {
    const as = await openPosition(world);
    return setExits(world, as, await positionOf(world, as));
  },
  removePositionExits: async (world) => {
    const as = await openPosition(world);
    const id = await positionOf(world, as);
    await done(setExits(world, as, id));
    return world.call('removePositionExits', { as, params: { id } });
  },
};

export async function positionOf(world: World, as: Member): Promise<string> {
  const params = { id: as.accountId };
  return first<{ id: string }>((await done(world.call('listPositions', { as, params }))).data).id;
}

/** Far from any price that a test sets. */
export async function setExits(
  world: World,
  as: Member,
  id: string,
  [low, high]: readonly ['stopLoss' | 'takeProfit', 'stopLoss' | 'takeProfit'] = ['stopLoss', 'takeProfit'],
): Promise<Answer> {
  const body = { [low]: { triggerPrice: '1' }, [high]: { triggerPrice: '10000000' } };
  return world.call('setPositionExits', { as, params: { id }, body });
}

/** A grant of margin waits for another person. */
export const positionWrites: StaffWrites = { setAccountMargin: asks('self_action') };

/** Asked for by the customer, and granted. */
async function grantMargin(world: World, as: Member): Promise<void> {
  const params = { id: as.accountId };
  const body = { marginEnabled: true, ...REASON };
  const { approvalId } = await done(world.call('setAccountMargin', { as, params, body }));
  const voter = world.people.risk_manager;
  await done(world.call('approveApproval', { as: voter, params: { id: approvalId }, body: REASON }));
}

/** Long against another customer. @shape who is long */
export async function openPosition(world: World): Promise<Member> {
  const long = await world.newCustomer({ USD: '1000' });
  await tradeContract(world, long, await world.newCustomer({ USD: '1000' }));
  await world.settle();
  return long;
}

/** Both hold a position in the end. */
export async function tradeContract(
  world: World,
  long: Member,
  short: Member,
  what = { symbol: SYMBOL, quantity: '0.001', limitPrice: '60000' },
): Promise<void> {
  await vouchForPrice(world.system, what.symbol);
  await grantMargin(world, long);
  await grantMargin(world, short);
  for (const [as, side] of [
    [short, 'sell'],
    [long, 'buy'],
  ] as const) {
    const terms = { ...what, side, type: 'limit' };
    await done(world.call('placeOrder', { as, body: { accountId: as.accountId, ...terms } }));
  }
  await tradingEngine(world.deps).settled();
}
