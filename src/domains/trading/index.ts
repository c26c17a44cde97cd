import type { Domain } from '../../platform/domain.ts';
import { joinParts } from '../../platform/domain-part.ts';
import { peopleBehind } from '../../platform/privacy/people-behind.ts';
import { tradingActivity } from './activity-source.ts';
import { TRADING_EVENTS } from './audit.ts';
import { cancelDelisted, cancelDelistedOrders } from './cancel-delisted-orders.ts';
import { cancelRestricted, cancelStopped } from './cancel-restricted-orders.ts';
import { tradingChecks } from './checks.ts';
import { tradingObstacles } from './closing-obstacles.ts';
import { cycleChecks } from './cycle-checks.ts';
import { expireOrders } from './expire-orders.ts';
import { feePart } from './fees/part.ts';
import { tradingInventory } from './inventory.ts';
import { MARGIN_EVENTS } from './margin/audit.ts';
import { marginPart } from './margin/part.ts';
import { personalOrders } from './personal-data.ts';
import { positionPart } from './positions/part.ts';
import { tradingEndpoints } from './routes.ts';
import { orders } from './schema.ts';
import { bookChannel, tradeChannel } from './stream/market-channels.ts';
import { orderChannel } from './stream/order-channel.ts';
import { takeoverPart } from './takeover/part.ts';
import { venuePart } from './venues/part.ts';

export { startMarginKeeper } from './margin/keeper.ts';
export { type TradingEngine, tradingEngine } from './pipeline/trading-engine.ts';
export { marginFigures } from './positions/account-figures.ts';
export { type OpenContract, openContractsAt } from './positions/positions-at.ts';

/** Subjects with a folder of their own. */
const parts = joinParts([feePart, venuePart, positionPart, marginPart, takeoverPart]);

/** The front door of trading. */
export const tradingDomain: Domain = {
  name: 'trading',
  auditEvents: [...Object.values(TRADING_EVENTS), ...Object.values(MARGIN_EVENTS)],
  endpoints: [...tradingEndpoints, ...parts.endpoints],
  checks: [...tradingChecks, ...cycleChecks, ...parts.checks],
  consumers: [cancelRestricted, cancelStopped, cancelDelisted, ...parts.consumers],
  approvalActions: parts.approvalActions,
  jobs: [
    { name: 'trading.expire-orders', cron: '* * * * *', run: expireOrders },
    { name: 'trading.cancel-delisted', cron: '* * * * *', run: cancelDelistedOrders },
    ...parts.jobs,
  ],
  peopleBehind: [peopleBehind(orders, orders.id, orders.userId), ...parts.peopleBehind],
  inventory: [...tradingInventory, ...parts.inventory],
  personalData: [personalOrders, ...parts.personalData],
  closingObstacles: async (tx, userId) => [
    ...(await tradingObstacles(tx, userId)),
    ...(await parts.closingObstacles(tx, userId)),
  ],
  activitySources: tradingActivity,
  walletMarks: parts.walletMarks,
  streamChannels: [bookChannel, tradeChannel, orderChannel],
};
