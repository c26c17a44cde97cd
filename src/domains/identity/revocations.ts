/**
 * How a node hears of revocations: triggers notify whatever changes what a credential may do, and each
 * cache forgets what a notice names. What is cached is believed only while the listener proves that none
 * went unheard (brief-cache.ts), so a node that lost it is slower, not wrong.
 */
import { type Id, isId } from '../../kernel/id.ts';
import { type Deps, perDeps } from '../../platform/context.ts';
import { type Listener, startListener } from '../../platform/db/listener.ts';

/** What a notice can name; `user` also stands for whatever the user owns, `person` for a destroyed data key. */
type Subject = 'session' | 'user' | 'key' | 'person' | 'token_key';

export type Revocations = {
  readonly listener: Listener;
  /** Calls `forget` for each notice of this subject. Must not throw. */
  readonly on: (subject: Subject, forget: (id: Id) => void) => void;
  /** Forgets at once what this node itself has just changed, before the notice of it comes back. */
  readonly heed: (subject: Subject, id: Id) => void;
};

const CHANNEL = 'plimsoll_revocations';

/** The revocations of this process, heard from the first use on. @effects one connection to the database */
export const revocations = perDeps((deps: Deps): Revocations => {
  const heeding = new Map<string, ((id: Id) => void)[]>();
  const on: Revocations['on'] = (subject, forget) => {
    heeding.set(subject, [...(heeding.get(subject) ?? []), forget]);
  };
  const heed = (subject: string, id: Id): void => {
    heeding.get(subject)?.forEach((forget) => {
      forget(id);
    });
  };
  // Unlike states, keys of people are believed without proof: they only matter where rows are left to open.
  on('person', deps.personKeys.forget);
  const listener = startListener({
    connection: deps.db.connections.engine,
    channel: CHANNEL,
    log: deps.log,
    heard: (payload) => {
      const [subject = '', id = ''] = payload.split(' ');
      if (isId(id)) {
        heed(subject, id);
      }
    },
    beganStretch: deps.personKeys.forgetAll,
  });
  deps.db.beforeClose(listener.stop);
  return { listener, on, heed };
});
