/**
 * Logs with an allow-list: a field that is not named here is dropped, so that no body, secret or
 * personal datum reaches a log by accident.
 */
import pino, { type DestinationStream, type Logger, type LoggerOptions } from 'pino';

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

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** Logs what a logger of ours wrote in another thread: what is written out is written by one. */
export function passOn(log: Logger, line: string): void {
  const { level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const known = LEVELS.find((each) => each === level) ?? 'error';
  log[known](fields, typeof msg === 'string' ? msg : '');
}

/** The one logger of a process; it writes to standard output unless told otherwise. */
export function buildLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: { service: 'plimsoll' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => Object.fromEntries(Object.entries(fields).filter(([name]) => ALLOWED.has(name))),
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
