import type { Answer } from '../send.ts';
import { serveApp } from '../stream-client.ts';
import type { Member, World } from '../world.ts';
import { type Drivers, done } from './driver.ts';

/** What customers watch: price alerts, watchlists, and the stream. */
export const watchingDrivers: Drivers = {
  openStream: async (world) => {
    const as = await world.newMember();
    // In process there is no socket to take over; what a plain request is answered is looked at as well.
    await world.call('openStream', { as });
    const served = serveApp(world.app, world.deps);
    const client = await served.stream(as.token);
    await client.find(({ type }) => type === 'authenticated');
    client.close();
    await client.closed;
    await served.close();
    return { status: 101, headers: new Headers(), body: '' };
  },
  ...ofOwn('PriceAlert', 'PriceAlerts', {
    make: 'createPriceAlert',
    change: { repeat: true, message: 'Again' },
  }),
  ...ofOwn('Watchlist', 'Watchlists', {
    make: 'createWatchlist',
    change: { symbols: ['ETH/USD', 'BTC/USD'] },
  }),
};

type Own = { readonly make: string; readonly change: object };

function ofOwn(one: string, many: string, { make, change }: Own): Drivers {
  const made = async (world: World): Promise<{ readonly as: Member; readonly answer: Answer }> => {
    const as = await world.newMember();
    return { as, answer: await world.call(make, { as, body: world.operation(make).example }) };
  };
  const named = async (world: World) => {
    const { as, answer } = await made(world);
    return { as, params: { id: (await done(Promise.resolve(answer))).id as string } };
  };
  return {
    [make]: async (world) => (await made(world)).answer,
    [`list${many}`]: async (world) => {
      const { as, answer } = await made(world);
      await done(Promise.resolve(answer));
      return world.call(`list${many}`, { as });
    },
    [`get${one}`]: async (world) => world.call(`get${one}`, await named(world)),
    [`change${one}`]: async (world) =>
      world.call(`change${one}`, { ...(await named(world)), body: change, headers: { 'if-match': '"1"' } }),
    [`delete${one}`]: async (world) => world.call(`delete${one}`, await named(world)),
  };
}
