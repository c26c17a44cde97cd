import { createAsset } from '../../domains/ledger/index.ts';
import { newId } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import type { Answer } from '../send.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done, REASON } from './driver.ts';

const HOUR_MS = 3_600_000;

export const conversionDrivers: Drivers = {
  createConversionQuote: async (world) => quote(world, await world.newCustomer()),
  createConversion: async (world) => convert(world, await world.newCustomer({ USD: '100' })),
  listConversions: async (world) => {
    const as = await world.newCustomer({ USD: '100' });
    await done(convert(world, as));
    return world.call('listConversions', { as });
  },
  getConversion: async (world) => {
    const as = await world.newCustomer({ USD: '100' });
    const { id } = await done(convert(world, as));
    return world.call('getConversion', { as, params: { id } });
  },
  listFxRates: async (world) => world.call('listFxRates', { as: world.people.auditor }),
  proposeFxRate: async (world) => propose(world, 'MUR'),
  withdrawFxRate: async (world) => {
    // A currency of its own: the others' rates stay.
    const code = `T${newId().slice(-10).toUpperCase()}`;
    await createAsset(world.system, { code, name: code, kind: 'fiat', scale: 2 });
    const { approval } = await done(propose(world, code));
    const params = { id: approval.id };
    await done(world.call('approveApproval', { as: world.people.operations, params, body: REASON }));
    const as = world.people.operations;
    return world.call('withdrawFxRate', { as, params: { id: approval.subjectId }, body: REASON });
  },
  listFxPositions: async (world) => {
    await done(convert(world, await world.newCustomer({ USD: '100' })));
    return world.call('listFxPositions', { as: world.people.risk_manager });
  },
};

function propose(world: World, quoted: string): Promise<Answer> {
  const body = {
    base: 'USD',
    quote: quoted,
    rate: '46.1',
    spreadBps: 50,
    positionMax: '250000',
    source: 'A page of rates',
    validUntil: addMs(world.deps.clock.now(), HOUR_MS),
    ...REASON,
  };
  return world.call('proposeFxRate', { as: world.people.risk_manager, body });
}

function quote(world: World, as: Member): Promise<Answer> {
  const body = { accountId: as.accountId, fromAsset: 'USD', toAsset: 'EUR', fromAmount: '10' };
  return world.call('createConversionQuote', { as, body });
}

async function convert(world: World, as: Member): Promise<Answer> {
  const { id: quoteId } = await done(quote(world, as));
  return world.call('createConversion', { as, body: { quoteId } });
}
