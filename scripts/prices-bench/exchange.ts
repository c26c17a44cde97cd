/**
 * An exchange for `bench prices`, a process of its own: it speaks as Coinbase Exchange does to whoever subscribes, a trade
 * with its best bid and ask, and a heartbeat of every product each second. It plays a course when it is asked to
 * (`POST /`), and answers which tick it sent when.
 */
import type { ServerWebSocket } from 'bun';
import { type Course, FIRST_SEQUENCE, feedSymbolOf, type Phase, tickOf, turnsOf } from './course.ts';

/** A tick that was sent. @units atMs: ms since 1970 */
export type Sent = {
  readonly instrument: number;
  readonly count: number;
  readonly phase: Phase;
  readonly atMs: number;
};

type Playing = { readonly course: Course; readonly counts: number[]; readonly phases: Phase[] };

const SLOT_MS = 5;
const BEAT_MS = 1_000;

const listeners = new Set<ServerWebSocket<undefined>>();
let products: readonly string[] = [];
let counts: number[] = [];

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 0,
  fetch: async (request, bun) => {
    if (request.method === 'POST') {
      return Response.json(await play((await request.json()) as Course));
    }
    return bun.upgrade(request) ? undefined : new Response(null, { status: 400 });
  },
  websocket: {
    message: (socket, text) => {
      products = (JSON.parse(String(text)) as { readonly product_ids: readonly string[] }).product_ids;
      listeners.add(socket);
      socket.send(JSON.stringify({ type: 'subscriptions', channels: [] }));
    },
    close: (socket) => {
      listeners.delete(socket);
    },
  },
});
setInterval(beat, BEAT_MS);
process.stdout.write(`http://127.0.0.1:${server.port}\n`);

async function play(course: Course): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  const playing: Playing = {
    course,
    counts: Array.from({ length: course.instruments }, () => 0),
    phases: Array.from({ length: course.instruments }, () => 'calm'),
  };
  counts = playing.counts;
  const began = performance.now();
  for (let asked = 0; ; ) {
    const seconds = (performance.now() - began) / 1_000;
    if (seconds >= course.seconds) {
      return sent;
    }
    for (const owed = Math.floor(seconds * course.rate); asked < owed; asked += 1) {
      sent.push(sendTick(playing, asked % course.instruments, seconds));
    }
    await Bun.sleep(SLOT_MS);
  }
}

function sendTick({ course, counts: sent, phases }: Playing, instrument: number, seconds: number): Sent {
  const turns = turnsOf(course, instrument);
  const phase = seconds >= turns.return ? 'return' : seconds >= turns.turn ? 'turn' : 'calm';
  const first = phases[instrument] !== phase;
  phases[instrument] = phase;
  const count = (sent[instrument] ?? 0) + 1;
  sent[instrument] = count;
  const { price, size } = tickOf(instrument, count, phase, first);
  const product = { product_id: feedSymbolOf(instrument), price };
  const atMs = performance.timeOrigin + performance.now();
  const time = new Date(atMs).toISOString();
  say({ type: 'match', ...product, trade_id: FIRST_SEQUENCE + count, size, side: 'sell', time });
  say({ type: 'ticker', ...product, best_bid: price, best_ask: price, time });
  return { instrument, count, phase, atMs };
}

/** Spread over the second, as it is there. */
function beat(): void {
  const time = new Date().toISOString();
  for (const [place, product] of products.entries()) {
    const count = counts[place] ?? 0;
    const last = count === 0 ? 0 : FIRST_SEQUENCE + count;
    setTimeout(
      () => say({ type: 'heartbeat', product_id: product, last_trade_id: last, time }),
      (BEAT_MS * place) / products.length,
    );
  }
}

function say(message: object): void {
  const text = JSON.stringify(message);
  for (const listener of listeners) {
    listener.send(text);
  }
}
