/**
 * The subscribers of `bench prices`, a process of its own: streams that follow the quotes of some instruments each. It
 * reads its task from the file it is given, says `ready` once every subscription has its snapshot, and when it is told to
 * end prints which tick each subscription has seen when.
 */
import { countOf, instrumentOf } from './course.ts';

export type StreamTask = {
  readonly port: number;
  readonly streams: readonly { readonly token: string; readonly symbols: readonly string[] }[];
};

/** @shape for each subscription its instrument, and of each message the count of its tick and when it came */
export type StreamReport = {
  readonly seen: readonly {
    readonly instrument: number;
    readonly counts: readonly number[];
    readonly atMs: readonly number[];
  }[];
  /** Streams that ended, and errors that were answered. */
  readonly faults: readonly string[];
};

type Message = {
  readonly type: string;
  readonly subscription?: string;
  readonly symbol?: string;
  readonly code?: string;
  readonly data?: { readonly last: string } | null;
};

/** A stream takes twenty messages a second. */
const ASK_EVERY_MS = 60;

const faults: string[] = [];
const seen: { readonly instrument: number; readonly counts: number[]; readonly atMs: number[] }[] = [];

const task = (await Bun.file(process.argv[2] ?? '').json()) as StreamTask;
process.on('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify({ seen, faults } satisfies StreamReport)}\n`, () => process.exit(0));
});
await Promise.all(task.streams.map(follow));
process.stdout.write('ready\n');

async function follow({ token, symbols }: StreamTask['streams'][number]): Promise<void> {
  // Bun's own constructor takes headers; the type of browsers does not.
  const headers = { headers: { authorization: `Bearer ${token}` } } as unknown as string[];
  const socket = new WebSocket(`ws://127.0.0.1:${task.port}/v1/stream`, headers);
  const followed = new Map<string, (typeof seen)[number]>();
  let shown: () => void = () => {};
  socket.onmessage = ({ data }) => {
    const atMs = performance.timeOrigin + performance.now();
    const message = JSON.parse(String(data)) as Message;
    if (message.type === 'error') {
      faults.push(`a subscription was answered ${message.code}`);
      shown();
    }
    if (message.type === 'snapshot') {
      const one = { instrument: instrumentOf(message.symbol ?? '') ?? -1, counts: [], atMs: [] };
      seen.push(one);
      followed.set(message.subscription ?? '', one);
      shown();
    }
    const one = followed.get(message.subscription ?? '');
    if (message.type === 'update' && one !== undefined) {
      one.counts.push(countOf(message.data?.last ?? '0'));
      one.atMs.push(atMs);
    }
  };
  socket.onclose = ({ code, reason }) => faults.push(`a stream ended with ${code}: ${reason}`);
  await new Promise((resolve) => {
    socket.onopen = resolve;
    socket.onerror = resolve;
  });
  for (const symbol of symbols) {
    const snapshot = new Promise<void>((resolve) => {
      shown = resolve;
    });
    socket.send(JSON.stringify({ op: 'subscribe', channel: 'quotes', symbol }));
    await Promise.all([snapshot, Bun.sleep(ASK_EVERY_MS)]);
  }
}
