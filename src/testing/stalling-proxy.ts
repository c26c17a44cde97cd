/**
 * A way to the database that can fall silent: nothing is refused, nothing is closed, nothing arrives, as
 * when a firewall forgets a connection.
 */
import { connect, createServer, type Socket } from 'node:net';
import { assert } from '../kernel/assert.ts';
import type { Connection } from '../platform/db/client.ts';

export type StallingProxy = {
  readonly connection: Connection;
  /** From now on the connections there are carry nothing; new ones do. */
  readonly stall: () => void;
  readonly close: () => Promise<void>;
};

export async function startStallingProxy(target: Connection): Promise<StallingProxy> {
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
  const server = createServer((near) => {
    const far = target.host.startsWith('/')
      ? connect(`${target.host}/.s.PGSQL.${target.port}`)
      : connect(target.port, target.host);
    pairs.add({ near, far });
    near.pipe(far);
    far.pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  assert(address !== null && typeof address === 'object', 'the proxy listens on a port');
  return {
    connection: { ...target, host: '127.0.0.1', port: address.port },
    stall: () => {
      for (const { near, far } of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      }
    },
    close: async () => {
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
      await new Promise((closed) => server.close(closed));
    },
  };
}
