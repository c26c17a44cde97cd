/**
 * Connections. Each runtime login has its own pool; drizzle changes its client's parsers, so LISTEN,
 * COPY and the job queue use connections of their own.
 */
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { BOUNDED, clientOptions, LANE_SETTINGS } from './client-options.ts';

/** Where a login connects; a Unix socket folder goes into `host`. */
export type Connection = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password?: string;
  /** `require` encrypts; `verify-full` also checks the server's certificate and name. */
  readonly tls?: 'require' | 'verify-full';
};

export type Login = 'app' | 'staff' | 'engine';

export type Database = PostgresJsDatabase;

/** A drizzle transaction; what every verb writes through. */
export type Tx = Parameters<Parameters<Database['transaction']>[0]>[0];

export type Databases = {
  readonly app: Database;
  readonly staff: Database;
  readonly engine: Database;
  /** A connection of the engine's login for one writer at a time, opened on first use and kept by that name. */
  readonly lane: (name: string) => Database;
  readonly connections: Readonly<Record<Login, Connection>>;
  /** How many connections of each login there are at most. */
  readonly sizes: PoolSizes;
  /** Adds what must stop before the connections close, such as a listener. */
  readonly beforeClose: (stop: () => Promise<void>) => void;
  readonly close: () => Promise<void>;
};

export type PoolSizes = Readonly<Record<Login, number>>;

/** Opens one pool per runtime login. */
export function openDatabases(connections: Readonly<Record<Login, Connection>>, sizes: PoolSizes): Databases {
  // What may take longer than a statement has (the sequencer, backups, migrations) runs on connections of its own.
  const bounded = (login: Login) =>
    postgres({ ...clientOptions(connections[login], sizes[login]), ...BOUNDED });
  const app = bounded('app');
  const staff = bounded('staff');
  const engine = bounded('engine');
  const stops: (() => Promise<void>)[] = [];
  const lanes = new Map<string, { readonly client: postgres.Sql; readonly db: Database }>();
  let closed = false;
  return {
    app: drizzle(app),
    staff: drizzle(staff),
    engine: drizzle(engine),
    lane: (name) => {
      let lane = lanes.get(name);
      if (lane === undefined) {
        const client = postgres({
          ...clientOptions(connections.engine, 1, LANE_SETTINGS),
          ...BOUNDED,
        });
        lane = { client, db: drizzle(client) };
        lanes.set(name, lane);
      }
      return lane.db;
    },
    connections,
    sizes,
    beforeClose: (stop) => {
      if (closed) {
        stop().catch(() => {});
      }
      stops.push(stop);
    },
    close: async () => {
      closed = true;
      await Promise.all(stops.map((stop) => stop()));
      const clients = [app, staff, engine, ...[...lanes.values()].map(({ client }) => client)];
      await Promise.all(clients.map((client) => client.end({ timeout: 5 })));
    },
  };
}

/** One postgres.js client with the settings every connection of the server carries. */
export function openClient(connection: Connection, max: number): postgres.Sql {
  return postgres(clientOptions(connection, max));
}

/** One connection that the driver never replaces for its age: for locks that live as long as their session. */
export function openSession(
  connection: Connection,
  settings: Readonly<Record<string, string>> = {},
): postgres.Sql {
  return postgres({ ...clientOptions(connection, 1, settings), max_lifetime: null });
}

/**
 * Reads a `postgres://` URL; `?host=/folder` names a Unix socket.
 * @errors TypeError when the text is no such URL
 */
export function parseConnection(url: string): Connection {
  const parsed = new URL(url);
  if (parsed.protocol !== 'postgres:' && parsed.protocol !== 'postgresql:') {
    throw new TypeError('not a postgres:// URL');
  }
  const host = parsed.searchParams.get('host') ?? decodeURIComponent(parsed.hostname);
  const sslMode = parsed.searchParams.get('sslmode');
  return {
    host: host === '' ? 'localhost' : host,
    port: parsed.port === '' ? 5432 : Number.parseInt(parsed.port, 10),
    database: decodeURIComponent(parsed.pathname.slice(1)),
    username: decodeURIComponent(parsed.username),
    ...(parsed.password === '' ? {} : { password: decodeURIComponent(parsed.password) }),
    ...(sslMode === 'require' || sslMode === 'verify-full' ? { tls: sslMode } : {}),
  };
}

/** Writes a connection as a URL that `parseConnection` and PostgreSQL's own tools read. */
export function formatDatabaseUrl(connection: Connection): string {
  const socket = connection.host.startsWith('/');
  const password = connection.password === undefined ? '' : `:${encodeURIComponent(connection.password)}`;
  const host = socket ? 'localhost' : connection.host;
  const query = new URLSearchParams({
    ...(socket ? { host: connection.host } : {}),
    ...(connection.tls === undefined ? {} : { sslmode: connection.tls }),
  }).toString();
  const path = `${host}:${connection.port}/${encodeURIComponent(connection.database)}`;
  return `postgres://${encodeURIComponent(connection.username)}${password}@${path}${query === '' ? '' : `?${query}`}`;
}
