/**
 * Logs with an allow-list: a field that is not named here is dropped, so that no body, secret or
 * personal datum reaches a log by accident.
 */
import pino, { type Logger } from 'pino';

const ALLOWED = new Set([
  'alarm',
  'requestId',
  'operation',
  'status',
  'code',
  'durationMs',
  'failure',
  'job',
  'consumer',
  'count',
  'port',
  'pid',
  'check',
  'object',
  'state',
  'symbol',
]);

/** The one logger of a process. */
export function buildLogger(level: string): Logger {
  return pino({
    level,
    base: { service: 'plimsoll' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => Object.fromEntries(Object.entries(fields).filter(([name]) => ALLOWED.has(name))),
    },
  });
}
