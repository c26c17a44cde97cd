import { newId } from '../../kernel/id.ts';
import type { Answer } from '../send.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done } from './driver.ts';

export const marketDrivers: Drivers = {
  ...reads('listAssets', 'listInstruments', 'getMarketClock'),
  ...reads('getInstrument', 'getQuote', 'getOrderBook'),
  listTrades: async (world) => {
    await trade(world);
    return world.call('listTrades', { as: world.people.customer, params: { symbol: 'BTC/USD' } });
  },
  createInstrument: (world) => {
    const body = {
      ...(world.operation('createInstrument').example as object),
      symbol: `ETH/EUR.${newId().slice(-6).toUpperCase()}`,
      baseAsset: 'ETH',
      quoteAsset: 'EUR',
    };
    return world.call('createInstrument', { as: world.people.admin, body });
  },
  listRiskLimits: (world) => world.call('listRiskLimits', { as: world.people.risk_manager }),
  proposeRiskLimit: async (world) => {
    const { userId } = await world.newMember();
    const body = {
      scope: 'user',
      scopeId: userId,
      type: 'max_open_orders',
      value: '5',
      reason: 'New customer',
    };
    return world.call('proposeRiskLimit', { as: world.people.risk_manager, body });
  },
};

export const orderDrivers: Drivers = {
  placeOrder: async (world) => (await rest(world)).answer,
  listOrders: async (world) => world.call('listOrders', { as: (await rest(world)).as }),
  getOrder: async (world) => {
    const { as, id } = await rest(world);
    return world.call('getOrder', { as, params: { id } });
  },
  getOrderByClientId: async (world) => {
    const as = await world.newCustomer({ USD: '1000' });
    const clientOrderId = newId();
    await done(order(world, as, { clientOrderId }));
    return world.call('getOrderByClientId', { as, params: { clientOrderId } });
  },
  listOrderEvents: async (world) => {
    const { as, id } = await rest(world);
    await world.settle();
    return world.call('listOrderEvents', { as, params: { id } });
  },
  cancelOrder: async (world) => {
    const { as, id } = await rest(world);
    return world.call('cancelOrder', { as, params: { id } });
  },
  cancelOrders: async (world) => {
    const { as } = await rest(world);
    return world.call('cancelOrders', { as, query: { accountId: as.accountId } });
  },
  listFills: async (world) => world.call('listFills', { as: await trade(world) }),
};

/** Of what everybody may see, with a symbol where the path asks for one. */
function reads(...operationIds: readonly string[]): Drivers {
  return Object.fromEntries(
    operationIds.map((operationId) => [
      operationId,
      (world: World) => {
        const symbol = world.operation(operationId).path.includes('{symbol}');
        const params: Record<string, string> = symbol ? { symbol: 'BTC/USD' } : {};
        return world.call(operationId, { as: world.people.customer, params });
      },
    ]),
  );
}

function order(world: World, as: Member, more: object = {}): Promise<Answer> {
  const body = {
    accountId: as.accountId,
    symbol: 'BTC/USD',
    side: 'buy',
    type: 'limit',
    quantity: '0.001',
    limitPrice: '55000',
    ...more,
  };
  return world.call('placeOrder', { as, body });
}

async function rest(
  world: World,
): Promise<{ readonly as: Member; readonly answer: Answer; readonly id: string }> {
  const as = await world.newCustomer({ USD: '1000' });
  const answer = await order(world, as);
  return { as, answer, id: (await done(Promise.resolve(answer))).id };
}

/** A buyer who traded. */
async function trade(world: World): Promise<Member> {
  const [buyer, seller] = [await world.newCustomer({ USD: '1000' }), await world.newCustomer({ BTC: '0.1' })];
  await done(order(world, seller, { side: 'sell', limitPrice: '60000' }));
  const { id } = await done(order(world, buyer, { limitPrice: '60000' }));
  for (let tries = 0; tries < 100; tries += 1) {
    const { status } = await done(world.call('getOrder', { as: buyer, params: { id } }));
    if (status === 'filled') {
      return buyer;
    }
    await Bun.sleep(20);
  }
  throw new Error('the orders of the driver did not trade');
}
