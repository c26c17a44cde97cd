import { newId } from '../../kernel/id.ts';
import type { Answer } from '../send.ts';
import type { World } from '../world.ts';
import { type Drivers, done, first, REASON } from './driver.ts';

export const holdDrivers: Drivers = {
  placeHold: async (world) => (await place(world)).answer,
  getHold: async (world) => {
    const { as, params } = await placed(world);
    return world.call('getHold', { as, params });
  },
  captureHold: async (world) => {
    const { params } = await placed(world);
    const destination = { house: { role: 'client_money_bank', reference: 'main' } };
    return world.call('captureHold', {
      as: world.people.operations,
      params,
      body: { amount: '2', destination, ...REASON },
    });
  },
  releaseHold: async (world) => {
    const { params } = await placed(world);
    return world.call('releaseHold', { as: world.people.operations, params, body: REASON });
  },
};

async function place(world: World) {
  const as = await world.newCustomer({ USD: '10' });
  const { data } = await done(world.call('listWallets', { as, params: { id: as.accountId } }));
  const answer: Promise<Answer> = world.call('placeHold', {
    as: world.people.operations,
    params: { id: first<{ id: string }>(data).id },
    body: { amount: '5', reason: 'payment', reference: `order-${newId()}` },
  });
  return { as, answer: await answer };
}

async function placed(world: World) {
  const { as, answer } = await place(world);
  const { id } = await done(Promise.resolve(answer));
  return { as, params: { id: id as string } };
}
