import { newId } from '../../kernel/id.ts';
import type { Answer } from '../send.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done, first, REASON } from './driver.ts';

export const marketDrivers: Drivers = {
  ...reads('listAssets', 'listInstruments', 'getMarketClock', 'listMarketCalendars', 'listMarketHolidays'),
  ...reads('listTradingSessions', 'listTradingHalts'),
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
  changeInstrument: async (world) => {
    const { symbol, version } = await listed(world);
    return world.call('changeInstrument', {
      as: world.people.admin,
      params: { symbol },
      headers: { 'if-match': `"${version}"` },
      body: { collarBps: 400 },
    });
  },
  haltInstrument: async (world) => {
    const { symbol } = await listed(world);
    return world.call('haltInstrument', {
      as: world.people.risk_manager,
      params: { symbol },
      body: { reason: 'Pending news' },
    });
  },
  resumeInstrument: async (world) => {
    const { symbol } = await listed(world);
    const as = world.people.risk_manager;
    await done(world.call('haltInstrument', { as, params: { symbol }, body: { reason: 'Pending news' } }));
    return world.call('resumeInstrument', { as, params: { symbol }, body: REASON });
  },
  delistInstrument: async (world) => {
    const { symbol } = await listed(world);
    return world.call('delistInstrument', { as: world.people.admin, params: { symbol }, body: REASON });
  },
  addMarketHolidays: (world) => addHoliday(world),
  removeMarketHoliday: async (world) => {
    const { data } = await done(addHoliday(world));
    return world.call('removeMarketHoliday', {
      as: world.people.operations,
      params: { id: first<{ id: string }>(data).id },
      body: REASON,
    });
  },
  proposeMarketHours: async (world) => {
    const query = { status: 'pending', action: 'market_sessions.set' };
    const { data } = await done(world.call('listApprovals', { as: world.people.admin, query }));
    for (const { id } of data) {
      await done(
        world.call('rejectApproval', { as: world.second.risk_manager, params: { id }, body: REASON }),
      );
    }
    return world.call('proposeMarketHours', {
      as: world.people.risk_manager,
      params: { exchange: 'SEM' },
      body: { ...(world.operation('proposeMarketHours').example as object), source: newId() },
    });
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

/** An instrument of its own, which two people listed. */
async function listed(world: World): Promise<{ readonly symbol: string; readonly version: number }> {
  const body = {
    ...(world.operation('createInstrument').example as object),
    symbol: `ETH/EUR.${newId().slice(-6).toUpperCase()}`,
    baseAsset: 'ETH',
    quoteAsset: 'EUR',
  };
  const { approvalId, symbol } = await done(world.call('createInstrument', { as: world.people.admin, body }));
  await done(
    world.call('approveApproval', {
      as: world.second.risk_manager,
      params: { id: approvalId },
      body: REASON,
    }),
  );
  return done(world.call('getInstrument', { as: world.people.admin, params: { symbol } }));
}

let holidays = 0;

function addHoliday(world: World): Promise<Answer> {
  holidays += 1;
  const day = Temporal.PlainDate.from('2040-01-02').add({ days: holidays }).toString();
  return world.call('addMarketHolidays', {
    as: world.people.operations,
    body: { exchange: 'SEM', holidays: [{ day, name: 'A holiday' }] },
  });
}

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
