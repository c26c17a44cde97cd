/**
 * How processes hear that something moved: a subject and nothing else, over one listening connection for
 * each process. It guarantees nothing: a notice may be lost with its connection. Whoever waits for one
 * also looks by itself now and then, and reads what moved under its own rights.
 */
import { sql } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { type Deps, perDeps } from '../context.ts';
import { arrayParameter } from '../db/insert-rows.ts';
import { type Listener, startListener } from '../db/listener.ts';
import { executePrepared } from '../db/prepared.ts';
import { CADENCE } from './cadence.ts';

export type Changes = {
  /** Says, after the commit, that what a subject stands for has moved; here at once, elsewhere soon. */
  readonly tell: (subject: string) => void;
  /** Calls back on each notice of a subject until the returned end is called. Must not throw. */
  readonly on: (subject: string, moved: () => void) => () => void;
};

const CHANNEL = 'plimsoll_changes';

/** The notices of this process. @effects one connection to the database, from the first `on` */
export const changes = perDeps((deps: Deps): Changes => {
  const from = newId();
  const waiting = new Map<string, Set<() => void>>();
  const untold = new Set<string>();
  let listener: Listener | undefined;
  let timer: Timer | undefined;
  let stopped = false;

  const wake = (subject: string): void => {
    for (const moved of waiting.get(subject) ?? []) {
      moved();
    }
  };
  const listen = (): void => {
    listener ??= startListener({
      connection: deps.db.connections.engine,
      channel: CHANNEL,
      log: deps.log,
      heard: (payload) => {
        const separator = payload.indexOf(' ');
        if (payload.slice(0, separator) !== from) {
          wake(payload.slice(separator + 1));
        }
      },
      // What was told before was not heard.
      beganStretch: () => [...waiting.keys()].forEach(wake),
    });
  };
  const send = async (): Promise<void> => {
    timer = undefined;
    const payloads = [...untold].map((subject) => `${from} ${subject}`);
    untold.clear();
    const notices = sql.param(arrayParameter('text', payloads));
    await executePrepared(
      deps.db.engine,
      sql`select pg_notify(${CHANNEL}, payload) from unnest(${notices}::text[]) payload`,
    )
      // Whoever waits looks by itself soon.
      .catch(() => deps.log.warn({}, 'other processes could not be told of a change'));
  };
  deps.db.beforeClose(async () => {
    stopped = true;
    clearTimeout(timer);
    await listener?.stop();
  });
  return {
    tell: (subject) => {
      wake(subject);
      untold.add(subject);
      if (!stopped) {
        timer ??= setTimeout(() => void send(), CADENCE.gatherMs);
      }
    },
    on: (subject, moved) => {
      if (!stopped) {
        listen();
      }
      const others = waiting.get(subject) ?? new Set();
      waiting.set(subject, others.add(moved));
      return () => {
        others.delete(moved);
        if (others.size === 0 && waiting.get(subject) === others) {
          waiting.delete(subject);
        }
      };
    },
  };
});
