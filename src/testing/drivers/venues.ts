import { venueOrders } from '../../domains/trading/venues/schema.ts';
import { transact } from '../../platform/db/transact.ts';
import type { World } from '../world.ts';
import { type Drivers, done } from './driver.ts';
import { asks, type StaffWrites } from './staff-write.ts';

/** Orders at venues, and what staff say of those nobody knows the fate of. */
export const venueDrivers: Drivers = {
  listVenueOrders: async (world) => {
    await unknownOrder(world);
    return world.call('listVenueOrders', { as: world.people.operations, query: { state: 'unknown' } });
  },
  resolveVenueOrder: async (world) => {
    const id = await unknownOrder(world);
    const executions = [{ executionId: `X-${id}`, price: '55000', quantity: '0.001' }];
    const body = { executions, evidence: 'Confirmation of the venue', reason: 'It did not answer' };
    return world.call('resolveVenueOrder', { as: world.people.operations, params: { id }, body });
  },
};

export const venueWrites: StaffWrites = { resolveVenueOrder: asks('self_action') };

/** An order as a venue that does not answer leaves it. */
async function unknownOrder(world: World): Promise<string> {
  const as = await world.newCustomer({ USD: '1000' });
  const terms = { side: 'buy', type: 'limit', quantity: '0.001', limitPrice: '55000' };
  const body = { accountId: as.accountId, symbol: 'BTC/USD', ...terms };
  const { id } = await done(world.call('placeOrder', { as, body }));
  const instrument = await done(world.call('getInstrument', { as, params: { symbol: 'BTC/USD' } }));
  const now = world.deps.clock.now();
  await transact(world.system, 'engine', (tx) =>
    tx.insert(venueOrders).values({
      orderId: id,
      instrumentId: instrument.id,
      book: 'live',
      venue: 'simulated',
      state: 'unknown',
      unknownReason: 'send_unanswered',
      unknownSince: now,
      routedAt: now,
    }),
  );
  return id;
}
