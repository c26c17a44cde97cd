import { inventoryOf } from '../../../platform/db/inventory.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { chargeFunding } from './charge-funding.ts';
import { marginChecks } from './checks.ts';
import { mailMarginNews } from './mail-margin-news.ts';
import { markBeforeSpending } from './mark-before-spending.ts';
import { marginEndpoints } from './routes.ts';
import {
  fundingCursors,
  liquidationOrders,
  liquidations,
  marginCalls,
  marginKeepers,
  positionFunding,
} from './schema.ts';

const personalMargin: PersonalData = {
  name: 'margin',
  recordClass: 'orders',
  tables: ['margin_calls', 'liquidations'],
  sections: {
    marginCalls: personalRows(marginCalls, { keys: ['id'] }),
    liquidations: personalRows(liquidations, { keys: ['id'] }),
  },
};

const personalMarginTrail: PersonalData = {
  name: 'margin_trail',
  recordClass: 'orders',
  tables: ['liquidation_orders', 'position_funding'],
  internal: true,
  sections: {
    liquidationOrders: personalRows(liquidationOrders, { keys: ['id'] }),
    positionFunding: personalRows(positionFunding, { keys: ['positionId', 'periodEnd'] }),
  },
};

/** What keeping margin hands to the front door of trading. */
export const marginPart: DomainPart = {
  endpoints: marginEndpoints,
  checks: marginChecks,
  walletMarks: [markBeforeSpending],
  consumers: [mailMarginNews],
  jobs: [{ name: 'trading.charge-funding', cron: '* * * * *', run: chargeFunding }],
  peopleBehind: [
    peopleBehind(marginCalls, marginCalls.id, marginCalls.userId),
    peopleBehind(liquidations, liquidations.id, liquidations.userId),
  ],
  personalData: [personalMargin, personalMarginTrail],
  inventory: [
    inventoryOf(marginKeepers, 'operational', { name: 'internal', epoch: 'internal', since: 'internal' }),
    inventoryOf(marginCalls, 'orders', {
      id: 'internal',
      userId: 'internal',
      accountId: 'internal',
      walletId: 'internal',
      asset: 'internal',
      equity: 'internal',
      initialMargin: 'internal',
      maintenanceMargin: 'internal',
      shortBy: 'internal',
      calledAt: 'internal',
      deadlineAt: 'internal',
      mailedAt: 'internal',
      remindedAt: 'internal',
      overdueToldAt: 'internal',
      endedAt: 'internal',
      outcome: 'internal',
    }),
    inventoryOf(liquidations, 'orders', {
      id: 'internal',
      userId: 'internal',
      accountId: 'internal',
      walletId: 'internal',
      asset: 'internal',
      cause: 'internal',
      equity: 'internal',
      initialMargin: 'internal',
      maintenanceMargin: 'internal',
      steps: 'internal',
      heldBack: 'internal',
      nextStepAt: 'internal',
      startedAt: 'internal',
      endedAt: 'internal',
      outcome: 'internal',
    }),
    inventoryOf(liquidationOrders, 'orders', {
      id: 'internal',
      liquidationId: 'internal',
      positionId: 'internal',
      userId: 'internal',
      accountId: 'internal',
      symbol: 'internal',
      side: 'internal',
      step: 'internal',
      quantity: 'internal',
      orderId: 'internal',
      createdAt: 'internal',
    }),
    inventoryOf(positionFunding, 'orders', {
      positionId: 'internal',
      periodEnd: 'internal',
      userId: 'internal',
      accountId: 'internal',
      instrumentId: 'internal',
      walletId: 'internal',
      quantity: 'internal',
      price: 'internal',
      rateBps: 'internal',
      periodSeconds: 'internal',
      amount: 'internal',
      borne: 'internal',
      waived: 'internal',
      journalId: 'internal',
      chargedAt: 'internal',
    }),
    inventoryOf(fundingCursors, 'operational', { instrumentId: 'internal', chargedTo: 'internal' }),
  ],
};
