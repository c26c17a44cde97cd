/** The settings that every connection of the server carries; apart from client.ts, so that a worker loads no more. */
import type { Connection } from './client.ts';

const STATEMENT_TIMEOUT_MS = 30_000;

/** Longer idle transactions would hold back the sequencer of audit and outbox rows. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000;

/**
 * Settings of a connection whose statements are look-ups by key and never vary: each is planned once, as a look-up
 * whatever the tables held just then. Compiling would take longer than any of them.
 */
export const LANE_SETTINGS = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  jit: 'off',
} as const;

/**
 * The same for statements that join what they found with a large table: row by row along its index, however small it was
 * when they were planned.
 */
export const LOOK_UP_SETTINGS = {
  ...LANE_SETTINGS,
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
} as const;

/**
 * For connections whose statements all end by their time limit: one that hears nothing for longer has no server any
 * more, and breaks. An option of our patch of the driver. @units seconds
 */
export const BOUNDED = { answer_timeout: STATEMENT_TIMEOUT_MS / 1000 + 10 };

/** What is passed to the driver. @units settings: of the session, besides those all have */
export function clientOptions(
  connection: Connection,
  max: number,
  settings: Readonly<Record<string, string>> = {},
) {
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
      ...settings,
    },
  };
}

/** A second at most between two tries to connect: the driver's own would reach twenty, long after PostgreSQL is back. */
function backoffSeconds(failures: number): number {
  return Math.min(0.05 * 2 ** failures, 1);
}
