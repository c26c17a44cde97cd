import type { Domain } from '../../platform/domain.ts';
import { peopleBehind } from '../../platform/privacy/people-behind.ts';
import { tradingActivity } from './activity-source.ts';
import { TRADING_EVENTS } from './audit.ts';
import { cancelDelisted, cancelDelistedOrders } from './cancel-delisted-orders.ts';
import { cancelRestricted } from './cancel-restricted-orders.ts';
import { tradingChecks } from './checks.ts';
import { tradingObstacles } from './closing-obstacles.ts';
import { expireOrders } from './expire-orders.ts';
import { tradingInventory } from './inventory.ts';
import { personalOrders } from './personal-data.ts';
import { tradingEndpoints } from './routes.ts';
import { orders } from './schema.ts';
import { bookChannel, tradeChannel } from './stream/market-channels.ts';
import { orderChannel } from './stream/order-channel.ts';

export { type TradingEngine, tradingEngine } from './pipeline/trading-engine.ts';

/** The front door of trading. */
export const tradingDomain: Domain = {
  name: 'trading',
  auditEvents: Object.values(TRADING_EVENTS),
  endpoints: tradingEndpoints,
  checks: tradingChecks,
  consumers: [cancelRestricted, cancelDelisted],
  approvalActions: [],
  jobs: [
    { name: 'trading.expire-orders', cron: '* * * * *', run: expireOrders },
    { name: 'trading.cancel-delisted', cron: '* * * * *', run: cancelDelistedOrders },
  ],
  peopleBehind: [peopleBehind(orders, orders.id, orders.userId)],
  inventory: tradingInventory,
  personalData: [personalOrders],
  closingObstacles: tradingObstacles,
  activitySources: tradingActivity,
  streamChannels: [bookChannel, tradeChannel, orderChannel],
};
