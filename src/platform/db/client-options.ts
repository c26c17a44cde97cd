/** The settings that every connection of the server carries; apart from client.ts, so that a worker loads no more. */
import type { Connection } from './client.ts';

const STATEMENT_TIMEOUT_MS = 30_000;

/** Longer idle transactions would hold back the sequencer of audit and outbox rows. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000;

/** What is passed to the driver. */
export function clientOptions(connection: Connection, max: number) {
  return {
    host: connection.host,
    port: connection.port,
    database: connection.database,
    username: connection.username,
    ...(connection.password === undefined ? {} : { password: connection.password }),
    ...(connection.tls === undefined ? {} : { ssl: connection.tls }),
    max,
    idle_timeout: 0,
    connect_timeout: 10,
    backoff: backoffSeconds,
    onnotice: () => {},
    connection: {
      application_name: 'plimsoll',
      TimeZone: 'UTC',
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    },
  };
}

/** A second at most between two tries to connect: the driver's own would reach twenty, long after PostgreSQL is back. */
function backoffSeconds(failures: number): number {
  return Math.min(0.05 * 2 ** failures, 1);
}
