/**
 * Hears NOTIFY, and knows when it does not. NOTIFY is lost while a connection is down, and a connection
 * that died without a word looks like peace. So the listener notifies itself on a channel that only this
 * connection hears: notices arrive in the order of their commits, so a beat that was sent at T and came
 * back proves that whatever was committed before T has been heard. It guarantees that; it does not
 * guarantee that anything is heard, so what relies on it needs a way to do without.
 */
import type { Logger } from 'pino';
import postgres from 'postgres';
import { newId } from '../../kernel/id.ts';
import type { Connection } from './client.ts';
import { clientOptions } from './client-options.ts';

export type Listener = {
  /**
   * Which unbroken stretch of hearing this is, 0 while deaf. What was read from the database before the
   * stretch began may have changed unheard.
   */
  readonly stretch: () => number;
  /**
   * Whether all that was committed until `PROOF_MS` ago has been heard in this stretch. Asking keeps the
   * beats coming; while nobody asks there are hardly any.
   */
  readonly proven: () => boolean;
  readonly stop: () => Promise<void>;
};

export type ListenerParts = {
  readonly connection: Connection;
  readonly channel: string;
  readonly log: Logger;
  /** Called for each notice, in the order of the commits. Must not throw. */
  readonly heard: (payload: string) => void;
  /** Called when a stretch begins: notices may have been missed before. Must not throw. */
  readonly beganStretch: () => void;
};

/** With a beat each 300 ms and some time on its way, revocations act well within a second. */
const PROOF_MS = 800;
const BEAT_MS = 300;
/** How often a listener that nobody asks makes sure that it still hears. */
const IDLE_BEAT_MS = 15_000;
const IDLE_AFTER_MS = 3_000;
/** A beat that is out for this long will not come back. */
const SILENCE_MS = 3_000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;

/** One connection that hears, and the channel that only it hears. */
type Ear = { readonly client: postgres.Sql; readonly beatChannel: string };

type State = {
  readonly parts: ListenerParts;
  ear: Ear | undefined;
  stopped: boolean;
  stretch: number;
  stretches: number;
  beat: number;
  beatSentMs: number;
  beatIsOut: boolean;
  provenAtMs: number;
  askedMs: number;
  retryMs: number;
  timer: Timer | undefined;
  resting: boolean;
  toldDeaf: boolean;
};

/**
 * Listens on a connection of its own until stopped, and connects again for as long as it takes.
 * @effects one connection to the database
 */
export function startListener(parts: ListenerParts): Listener {
  const state: State = {
    parts,
    ear: undefined,
    stopped: false,
    stretch: 0,
    stretches: 0,
    beat: 0,
    beatSentMs: 0,
    beatIsOut: false,
    provenAtMs: Number.NEGATIVE_INFINITY,
    askedMs: nowMs(),
    retryMs: FIRST_RETRY_MS,
    timer: undefined,
    resting: false,
    toldDeaf: false,
  };
  connect(state);
  return {
    stretch: () => state.stretch,
    proven: () => {
      state.askedMs = nowMs();
      if (state.resting) {
        watch(state);
      }
      return state.stretch !== 0 && state.askedMs - state.provenAtMs <= PROOF_MS;
    },
    stop: async () => {
      state.stopped = true;
      clearTimeout(state.timer);
      const last = state.ear;
      state.ear = undefined;
      state.stretch = 0;
      await last?.client.end({ timeout: 1 }).catch(() => {});
    },
  };
}

function connect(state: State): void {
  const beatChannel = `plimsoll_beat_${newId().replaceAll('-', '')}`;
  const ear: Ear = {
    beatChannel,
    client: openEar(
      state.parts.connection,
      (channel, payload) => hear(state, ear, channel, payload),
      () => lose(state, ear),
    ),
  };
  state.ear = ear;
  // An answer that never comes is given up like a beat that never comes back.
  state.beatIsOut = true;
  state.beatSentMs = nowMs();
  wait(state, SILENCE_MS, watch);
  ear.client
    .unsafe(`listen ${state.parts.channel}; listen ${beatChannel}`)
    .then(() => begin(state, ear))
    .catch(() => lose(state, ear));
}

function begin(state: State, ear: Ear): void {
  if (state.ear === ear) {
    state.stretches += 1;
    state.stretch = state.stretches;
    state.beatIsOut = false;
    state.parts.beganStretch();
    sendBeat(state, ear);
    wait(state, BEAT_MS, watch);
  }
}

function hear(state: State, ear: Ear, channel: string, payload: string): void {
  if (state.ear !== ear) {
    return;
  }
  if (channel !== ear.beatChannel) {
    state.parts.heard(payload);
  } else if (payload === `${state.beat}`) {
    state.provenAtMs = state.beatSentMs;
    state.beatIsOut = false;
    state.retryMs = FIRST_RETRY_MS;
    if (state.toldDeaf) {
      state.toldDeaf = false;
      state.parts.log.warn({}, 'the listener hears notices again');
    }
  }
}

/** Sends the next beat when the last one is back; gives the connection up when it stays out. */
function watch(state: State): void {
  const { ear } = state;
  if (ear === undefined) {
    return;
  }
  const silentMs = nowMs() - state.beatSentMs;
  if (state.beatIsOut && silentMs >= SILENCE_MS) {
    lose(state, ear);
    return;
  }
  const idle = nowMs() - state.askedMs > IDLE_AFTER_MS;
  state.resting = idle && !state.beatIsOut && silentMs < IDLE_BEAT_MS;
  if (!state.resting && !state.beatIsOut) {
    sendBeat(state, ear);
  }
  wait(state, state.resting ? IDLE_BEAT_MS : BEAT_MS, watch);
}

function sendBeat(state: State, ear: Ear): void {
  state.beat += 1;
  state.beatSentMs = nowMs();
  state.beatIsOut = true;
  ear.client.unsafe(`notify ${ear.beatChannel}, '${state.beat}'`).catch(() => lose(state, ear));
}

function lose(state: State, ear: Ear): void {
  if (state.ear !== ear) {
    return;
  }
  // Once, however long it lasts: a pooler in between that keeps no sessions lets nothing through, ever.
  if (!state.toldDeaf) {
    state.toldDeaf = true;
    state.parts.log.warn({}, 'the listener hears no notices; what it keeps fresh is asked again each second');
  }
  state.ear = undefined;
  state.stretch = 0;
  state.provenAtMs = Number.NEGATIVE_INFINITY;
  state.resting = false;
  ear.client.end({ timeout: 0 }).catch(() => {});
  wait(state, state.retryMs, connect);
  state.retryMs = Math.min(state.retryMs * 2, LONGEST_RETRY_MS);
}

function wait(state: State, delayMs: number, run: (state: State) => void): void {
  clearTimeout(state.timer);
  if (!state.stopped) {
    state.timer = setTimeout(run, delayMs, state);
  }
}

/** The wall clock may be set back, and a proof would live longer. */
function nowMs(): number {
  return performance.now();
}

/**
 * The driver hands notices to `onnotify` although its types leave it out. Its own `listen` connects
 * again by itself, and what was missed meanwhile would pass unnoticed.
 */
function openEar(
  connection: Connection,
  onNotice: (channel: string, payload: string) => void,
  onClose: () => void,
): postgres.Sql {
  const options = { ...clientOptions(connection, 1), fetch_types: false, max_lifetime: null };
  return postgres({ ...options, onnotify: onNotice, onclose: onClose } as typeof options);
}
