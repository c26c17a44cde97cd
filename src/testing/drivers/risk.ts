import { raiseAlerts } from '../../domains/risk/index.ts';
import { newId } from '../../kernel/id.ts';
import { transact } from '../../platform/db/transact.ts';
import type { World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';
import { asks, type StaffWrites } from './staff-write.ts';

const NOTE = { note: 'Called the customer' };

export const riskDrivers: Drivers = {
  listRiskLimits: (world) => world.call('listRiskLimits', { as: world.people.risk_manager }),
  getAccountRiskLimits: async (world) => {
    const as = await world.newCustomer({ USD: '1' });
    return world.call('getAccountRiskLimits', { as, params: { id: as.accountId } });
  },
  proposeRiskLimit: async (world) => propose(world, (await world.newMember()).userId),
  withdrawRiskLimit: async (world) => {
    const { approvalId, limitId } = await done(propose(world, (await world.newMember()).userId));
    await approve(world, approvalId);
    return world.call('withdrawRiskLimit', {
      as: world.people.risk_manager,
      params: { id: limitId },
      body: REASON,
    });
  },
  listCircuitBreakers: async (world) => {
    await done(trip(world));
    return world.call('listCircuitBreakers', { as: world.people.risk_manager });
  },
  tripCircuitBreaker: (world) => trip(world),
  liftCircuitBreaker: async (world) => {
    const { id } = await done(trip(world));
    return world.call('liftCircuitBreaker', { as: world.people.risk_manager, params: { id }, body: REASON });
  },
  listBreakerRules: async (world) => {
    await done(setRule(world, await proposedSymbol(world)));
    return world.call('listBreakerRules', { as: world.people.risk_manager });
  },
  getBreakerRule: async (world) => {
    const symbol = await proposedSymbol(world);
    await done(setRule(world, symbol));
    return world.call('getBreakerRule', { as: world.people.risk_manager, params: { symbol } });
  },
  setBreakerRule: async (world) => setRule(world, await proposedSymbol(world)),
  listRiskAlerts: async (world) => {
    await raised(world);
    return world.call('listRiskAlerts', { as: world.people.risk_manager });
  },
  acknowledgeRiskAlert: async (world) => {
    const { userId } = await world.newMember();
    const { data } = await raised(world, userId);
    return world.call('acknowledgeRiskAlert', {
      as: world.people.risk_manager,
      params: { id: data[0].id },
      body: NOTE,
    });
  },
};

export const riskWrites: StaffWrites = {
  proposeRiskLimit: asks('self_approval'),
  withdrawRiskLimit: asks('self_approval'),
  // Stopping is for one person, going on for two.
  tripCircuitBreaker: {
    kind: 'stops',
    leaves: ['circuit_breaker.tripped', 'risk_alert.raised'],
    onOneself: null,
  },
  liftCircuitBreaker: asks(null),
  // What is no looser than before takes effect at once; what is looser asks.
  setBreakerRule: { kind: 'stops', leaves: ['breaker_rule.set'], onOneself: null },
  acknowledgeRiskAlert: { kind: 'case', leaves: ['risk_alert.acknowledged'], onOneself: 'self_action' },
};

/** Lifts whatever a generated call stopped, or nothing would trade for other tests. */
export async function liftAllBreakers(world: World): Promise<void> {
  const as = world.people.risk_manager;
  const { data } = await done(world.call('listCircuitBreakers', { as, query: { tripped: 'true' } }));
  for (const { id } of data) {
    const answer = await world.call('liftCircuitBreaker', { as, params: { id }, body: REASON });
    // A driver asked for it already, of a breaker that stops what nobody else trades.
    if (answer.status === 202) {
      await approve(world, answer.body.approvalId);
    }
  }
}

function propose(world: World, userId: string) {
  const body = {
    scope: 'user',
    scopeId: userId,
    type: 'max_open_orders',
    value: '5',
    reason: 'New customer',
  };
  return world.call('proposeRiskLimit', { as: world.people.risk_manager, body });
}

function approve(world: World, id: string) {
  return done(world.call('approveApproval', { as: world.second.risk_manager, params: { id }, body: REASON }));
}

/** An instrument of its own, so that nothing that others trade is stopped. */
async function proposedSymbol(world: World): Promise<string> {
  const body = {
    ...(world.operation('createInstrument').example as object),
    symbol: `ETH/EUR.${newId().slice(-6).toUpperCase()}`,
    baseAsset: 'ETH',
    quoteAsset: 'EUR',
  };
  return (await done(world.call('createInstrument', { as: world.people.admin, body }))).symbol;
}

async function trip(world: World) {
  const symbol = await proposedSymbol(world);
  return world.call('tripCircuitBreaker', { as: world.people.risk_manager, body: { symbol, ...REASON } });
}

function setRule(world: World, symbol: string) {
  const body = world.operation('setBreakerRule').example as object;
  return world.call('setBreakerRule', { as: world.people.risk_manager, params: { symbol }, body });
}

/** An alert of a person, as an order close to a limit raises it. */
async function raised(world: World, person?: string) {
  const userId = person ?? (await world.newMember()).userId;
  await transact(world.system, 'engine', (tx) =>
    raiseAlerts(tx, world.system, [
      {
        kind: 'position_limit',
        severity: 'medium',
        condition: `position_limit ${newId()}`,
        userId,
        accountId: null,
        instrumentId: null,
        details: {},
      },
    ]),
  );
  const query = { userId };
  return done(world.call('listRiskAlerts', { as: world.people.risk_manager, query }));
}
