import type { Domain } from '../../platform/domain.ts';
import { tradingChecks } from './checks.ts';
import { tradingObstacles } from './closing-obstacles.ts';
import { expireOrders } from './expire-orders.ts';
import { personalOrders } from './personal-data.ts';
import { tradingEndpoints } from './routes.ts';

export { type TradingEngine, tradingEngine } from './pipeline/trading-engine.ts';

/** The front door of trading. */
export const tradingDomain: Domain = {
  name: 'trading',
  endpoints: tradingEndpoints,
  checks: tradingChecks,
  consumers: [],
  approvalActions: [],
  jobs: [{ name: 'trading.expire-orders', cron: '* * * * *', run: expireOrders }],
  personalData: [personalOrders],
  closingObstacles: tradingObstacles,
};
