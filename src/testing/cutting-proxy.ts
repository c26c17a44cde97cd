/**
 * A way to the database on which answers get lost: what is sent arrives and takes effect, and the
 * connection breaks before the answer comes back.
 */
import { connect, createServer, type Socket } from 'node:net';
import { assert } from '../kernel/assert.ts';
import type { Connection } from '../platform/db/client.ts';

export type CuttingProxy = {
  readonly connection: Connection;
  /** The next answer of the database, to whatever it is, is lost with its connection. */
  readonly cutNextAnswer: () => void;
  /** The connection of whoever next sends what contains this is reset before it arrives. */
  readonly resetWhoSends: (text: string) => void;
  readonly close: () => Promise<void>;
};

export async function startCuttingProxy(target: Connection): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let armed = false;
  let awaited: string | null = null;
  const server = createServer((near) => {
    const far = target.host.startsWith('/')
      ? connect(`${target.host}/.s.PGSQL.${target.port}`)
      : connect(target.port, target.host);
    sockets.add(near).add(far);
    near.on('data', (asked) => {
      if (awaited !== null && asked.includes(awaited)) {
        awaited = null;
        near.resetAndDestroy();
      } else {
        far.write(asked);
      }
    });
    far.on('data', (answer) => {
      if (armed) {
        armed = false;
        near.destroy();
        far.destroy();
      } else {
        near.write(answer);
      }
    });
    far.on('close', () => near.destroy());
    near.on('close', () => far.destroy());
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  assert(address !== null && typeof address === 'object', 'the proxy listens on a port');
  return {
    connection: { ...target, host: '127.0.0.1', port: address.port },
    cutNextAnswer: () => {
      armed = true;
    },
    resetWhoSends: (text) => {
      awaited = text;
    },
    close: async () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}
