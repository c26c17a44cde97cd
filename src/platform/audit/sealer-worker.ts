/** The thread that runs the sealer's rounds, on a connection of its own, and knows nothing else of the server. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../kernel/time.ts';
import { buildKeyring } from '../crypto/keyring.ts';
import { noteSigner } from './checkpoint.ts';
import type { Said, Told } from './sealer-thread.ts';
import { type Rounds, startRounds } from './sealing-rounds.ts';

declare const self: Worker;

/** It unwraps nothing: the keys it uses are told to it. */
const keyring = buildKeyring([{ name: 'none', key: new Uint8Array(randomBytes(32)) }]);
let rounds: Rounds | undefined;

self.onmessage = ({ data }: MessageEvent<Told>) => {
  switch (data.kind) {
    case 'start':
      rounds = start(data);
      break;
    case 'keys':
      keyring.install(data.keys);
      break;
    case 'poke':
      rounds?.poke();
      break;
    case 'release':
      rounds?.release();
      break;
    case 'contradict':
      rounds?.contradict(data.fault);
      break;
    case 'stop':
      void stop();
      break;
  }
};

function start(told: Extract<Told, { readonly kind: 'start' }>): Rounds {
  keyring.install(told.keys);
  const { connection, identity, askFirst } = told;
  say({ kind: 'state', state: { identity, fault: told.contradiction } });
  const started = startRounds({
    connection,
    clock: systemClock(),
    keyring,
    signer: noteSigner(told.origin, told.seed),
    identity,
    askFirst,
    tell: (state) => say({ kind: 'state', state }),
    complain: (message, fields) => say({ kind: 'complaint', message, fields }),
  });
  if (told.contradiction !== null) {
    started.contradict(told.contradiction);
  }
  return started;
}

async function stop(): Promise<void> {
  await rounds?.stop().catch(() => {});
  say({ kind: 'stopped' });
}

function say(said: Said): void {
  self.postMessage(said);
}
