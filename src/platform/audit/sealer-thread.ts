/**
 * The sealer's rounds in a thread of their own: hashing and reading every audit row would else take the time of the
 * thread that answers requests. A thread that breaks off is started anew; until it works, /readyz says so.
 */
import type { InstallationKeys } from '../crypto/keyring.ts';
import type { Connection } from '../db/client.ts';
import type { LogIdentity } from './log-identity.ts';
import type { RoundParts, RoundState, Rounds } from './sealing-rounds.ts';

/** What the thread is told. */
export type Told =
  | {
      readonly kind: 'start';
      readonly connection: Connection;
      readonly keys: InstallationKeys;
      readonly origin: string;
      readonly seed: Uint8Array;
      readonly identity: LogIdentity;
      readonly askFirst: boolean;
      readonly contradiction: string | null;
    }
  | { readonly kind: 'keys'; readonly keys: InstallationKeys }
  | { readonly kind: 'poke' }
  | { readonly kind: 'release' }
  | { readonly kind: 'contradict'; readonly fault: string }
  | { readonly kind: 'stop' };

/** What the thread says. */
export type Said =
  | { readonly kind: 'state'; readonly state: RoundState }
  | {
      readonly kind: 'complaint';
      readonly message: string;
      readonly fields: Readonly<Record<string, string | number>>;
    }
  | { readonly kind: 'stopped' };

const KEYS_EVERY_MS = 1_000;
const RESTART_MS = 1_000;
/** A thread that waits for a database that is gone is ended all the same. */
const STOP_MS = 10_000;
const BROKEN_OFF = 'the sealer broke off and starts anew';

type Apart = {
  readonly parts: RoundParts;
  readonly seed: Uint8Array;
  thread: Worker;
  keys: InstallationKeys;
  state: RoundState;
  contradiction: string | null;
  waits: boolean;
  stopping: boolean;
  ended: () => void;
};

/** Starts a thread that runs the rounds. `seed` is what the signer of the parts was made of. */
export function startRoundsApart(parts: RoundParts, seed: Uint8Array): Rounds {
  const apart: Apart = {
    parts,
    seed,
    thread: newThread(),
    keys: parts.keyring.installation(),
    state: { identity: parts.identity, fault: null },
    contradiction: null,
    waits: parts.askFirst,
    stopping: false,
    ended: () => {},
  };
  begin(apart);
  const watch = setInterval(() => tellKeys(apart), KEYS_EVERY_MS);
  return {
    poke: () => tell(apart, { kind: 'poke' }),
    contradict: (fault) => {
      apart.contradiction = fault;
      tell(apart, { kind: 'contradict', fault });
    },
    release: () => {
      apart.waits = false;
      tell(apart, { kind: 'release' });
    },
    stop: async () => {
      clearInterval(watch);
      apart.stopping = true;
      const ended = new Promise<void>((resolve) => {
        apart.ended = resolve;
      });
      tell(apart, { kind: 'stop' });
      await Promise.race([ended, Bun.sleep(STOP_MS)]);
      apart.thread.terminate();
    },
  };
}

function newThread(): Worker {
  return new Worker(new URL('./sealer-worker.ts', import.meta.url).href);
}

function begin(apart: Apart): void {
  const { parts, thread } = apart;
  thread.onmessage = ({ data }: MessageEvent<Said>) => hear(apart, data);
  thread.onerror = () => breakOff(apart, thread);
  thread.addEventListener('close', () => breakOff(apart, thread));
  tell(apart, {
    kind: 'start',
    connection: parts.connection,
    keys: apart.keys,
    origin: parts.signer.name,
    seed: apart.seed,
    identity: apart.state.identity,
    askFirst: apart.waits,
    contradiction: apart.contradiction,
  });
}

function hear(apart: Apart, said: Said): void {
  switch (said.kind) {
    case 'state':
      apart.state = said.state;
      apart.parts.tell(said.state);
      break;
    case 'complaint':
      apart.parts.complain(said.message, said.fields);
      break;
    case 'stopped':
      apart.ended();
      break;
  }
}

/** One that is stopping has no work left to go on with. */
function breakOff(apart: Apart, thread: Worker): void {
  if (apart.stopping) {
    apart.ended();
    return;
  }
  if (thread !== apart.thread) {
    return;
  }
  thread.terminate();
  apart.thread = newThread();
  apart.parts.complain(BROKEN_OFF, {});
  apart.parts.tell({ ...apart.state, fault: BROKEN_OFF });
  setTimeout(() => {
    if (!apart.stopping) {
      begin(apart);
    }
  }, RESTART_MS);
}

/** The keys of the installation are rotated while it runs. */
function tellKeys(apart: Apart): void {
  const keys = apart.parts.keyring.installation();
  if (keys !== apart.keys) {
    apart.keys = keys;
    tell(apart, { kind: 'keys', keys });
  }
}

function tell(apart: Apart, told: Told): void {
  apart.thread.postMessage(told);
}
