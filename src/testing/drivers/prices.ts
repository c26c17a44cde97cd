import { setPriceSettings } from '../../domains/markets/index.ts';
import { takeTicks } from '../../domains/markets/prices/take-ticks.ts';
import { newId } from '../../kernel/id.ts';
import type { World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';

export const priceDrivers: Drivers = {
  listCandles: (world) =>
    world.call('listCandles', {
      as: world.people.customer,
      params: { symbol: 'BTC/USD' },
      query: { interval: '1h' },
    }),
  getPriceSettings: async (world) =>
    world.call('getPriceSettings', {
      as: world.people.risk_manager,
      params: { symbol: (await listed(world)).symbol },
    }),
  proposePriceSettings: async (world) =>
    world.call('proposePriceSettings', {
      as: world.people.risk_manager,
      params: { symbol: (await listed(world)).symbol },
      body: world.operation('proposePriceSettings').example,
    }),
  acceptPriceLevel: async (world) =>
    world.call('acceptPriceLevel', {
      as: world.people.risk_manager,
      params: { symbol: await jumped(world) },
      body: REASON,
    }),
  proposeReferencePrice: async (world) => {
    const instrument = await traded(world);
    return world.call('proposeReferencePrice', {
      as: world.people.risk_manager,
      params: { symbol: instrument.symbol },
      body: world.operation('proposeReferencePrice').example,
    });
  },
  listQuarantinedTicks: async (world) => {
    await jumped(world);
    return world.call('listQuarantinedTicks', { as: world.people.risk_manager });
  },
  listFeedGaps: async (world) => {
    const symbol = await jumped(world);
    const gaps = [{ symbol, missing: 2n, through: 11n }];
    await takeTicks(world.system, 'replay', { ticks: [], quotes: [], alive: [], gaps });
    return world.call('listFeedGaps', { as: world.people.risk_manager });
  },
};

type Listed = { readonly id: string; readonly symbol: string; readonly approvalId: string };

/** One that two people listed, without a feed, whose prices have an age. */
async function traded(world: World): Promise<Listed> {
  const instrument = await listed(world);
  const as = world.second.risk_manager;
  await done(world.call('approveApproval', { as, params: { id: instrument.approvalId }, body: REASON }));
  const settings = { feed: null, feedSymbol: null, maxJumpBps: null, levelTicks: 2 };
  await setPriceSettings(world.system, instrument, { ...settings, staleAfterSeconds: 3_600 });
  return instrument;
}

/** An instrument of its own, which nothing prices yet. */
async function listed(world: World): Promise<Listed> {
  const body = {
    ...(world.operation('createInstrument').example as object),
    symbol: `ETH/EUR.${newId().slice(-6).toUpperCase()}`,
    baseAsset: 'ETH',
    quoteAsset: 'EUR',
  };
  return done(world.call('createInstrument', { as: world.people.admin, body }));
}

/** One whose feed has stayed beyond a jump for as long as it must. */
async function jumped(world: World): Promise<string> {
  const { system } = world;
  const instrument = await listed(world);
  const { symbol } = instrument;
  const settings = { maxJumpBps: 100, staleAfterSeconds: 60, levelTicks: 2 };
  await setPriceSettings(system, instrument, { ...settings, feed: 'replay', feedSymbol: symbol });
  const occurredAt = system.deps.clock.now();
  const ticks = ['2000', '3000', '3001'].map((price, index) => ({
    symbol,
    price,
    size: '1',
    sequence: BigInt(index),
    occurredAt,
  }));
  await takeTicks(system, 'replay', { ticks, quotes: [], alive: [], gaps: [] });
  return symbol;
}
