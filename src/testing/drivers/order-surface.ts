import type { Member, World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';
import type { StaffWrites } from './staff-write.ts';

/** Many orders at once, one in the place of another, and what the firm takes out. */
export const orderSurfaceDrivers: Drivers = {
  placeOrders: async (world) => {
    const as = await world.newCustomer({ USD: '1000' });
    const body = { orders: [order(as)] };
    return world.call('placeOrders', { as, body });
  },
  replaceOrder: async (world) => {
    const { as, id } = await rest(world);
    const body = { quantity: '0.002', limitPrice: '54000', filledQuantity: '0' };
    return world.call('replaceOrder', { as, params: { id }, body });
  },
  cancelAccountOrders: async (world) => {
    const { as } = await rest(world);
    const params = { id: as.accountId };
    return world.call('cancelAccountOrders', { as: world.people.risk_manager, params, body: REASON });
  },
};

/** What is reserved is set free; nothing moves. */
export const orderSurfaceWrites: StaffWrites = {
  cancelAccountOrders: {
    kind: 'stops',
    leaves: ['account.orders_cancelled', 'order.cancel_requested'],
    onOneself: 'self_action',
  },
};

function order(as: Member) {
  const terms = { side: 'buy', type: 'limit', quantity: '0.001', limitPrice: '55000' };
  return { accountId: as.accountId, symbol: 'BTC/USD', ...terms };
}

async function rest(world: World): Promise<{ readonly as: Member; readonly id: string }> {
  const as = await world.newCustomer({ USD: '1000' });
  return { as, id: (await done(world.call('placeOrder', { as, body: order(as) }))).id };
}
