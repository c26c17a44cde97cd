/**
 * The load generator of `bench orders`, a process of its own: orders over plain HTTP connections that are kept open,
 * each with one request under way. It reads its task from the file it is given, says `from` and `to` around the time
 * that counts, and prints what it saw as JSON.
 * `closed` asks again as soon as it is answered; a rate asks on time, whoever is late.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'bun';

/** An account that orders are placed for. */
export type Orderer = {
  readonly accountId: string;
  readonly symbol: string;
  readonly sells: boolean;
  readonly token: string;
};

export type LoadTask = {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Orders per second; null for as many as are answered. */
  readonly rate: number | null;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** `rest`: orders that stay in the book; `trade`: half of them rest and half take what rests. */
  readonly shape: 'rest' | 'trade';
  readonly orderers: readonly Orderer[];
};

export type LoadReport = {
  /** 201 answers with status `open` within the time that counts. */
  readonly open: number;
  /** All other answers within it, by what they were. */
  readonly others: Readonly<Record<string, number>>;
  readonly answered: number;
  readonly seconds: number;
  /** What this process used within it. @units microseconds */
  readonly processorUs: number;
  /** Of the first counted request and the last. @units ms since 1970 */
  readonly fromMs: number;
  readonly toMs: number;
  /** @units ms, from sending, or from when it was due where no connection was free */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
};

type Seen = {
  open: number;
  /** Requests that have no answer yet. */
  under: number;
  readonly others: Map<string, number>;
  readonly waits: number[];
};

type Connection = { socket: Socket<Connection> | null; text: string; askedMs: number };

const PATIENCE_MS = 15_000;
/** Ticks of 0.01 around the last price of 100 that an order may rest at: nobody crosses. */
const NEAREST_TICK = 50;
const TICKS = 850;
/**
 * Of so many pairs of an instrument one sells twice the size, and another buys it: four trades, so eight fills, of which
 * two leave a part of their order open. No divisor of the instruments, so that each has its turn.
 */
const PARTIAL_EVERY = 3;

const task = (await Bun.file(process.argv[2] ?? '').json()) as LoadTask;
process.stdout.write(`${JSON.stringify(await run(task))}\n`);
process.exit(0);

async function run({
  host,
  port,
  connections: count,
  rate,
  warmUpSeconds,
  seconds,
  ...what
}: LoadTask): Promise<LoadReport> {
  const next = requestsOf(what);
  const seen: Seen = { open: 0, others: new Map(), waits: [], under: 0 };

  const began = performance.now();
  const [from, to] = [began + warmUpSeconds * 1_000, began + (warmUpSeconds + seconds) * 1_000];
  const idle: Connection[] = [];
  const due: number[] = [];
  const send = (connection: Connection, askedMs: number): void => {
    connection.askedMs = askedMs;
    seen.under += 1;
    connection.socket?.write(next());
  };
  const answered = (connection: Connection, answer: string): void => {
    const now = performance.now();
    seen.under -= 1;
    if (now >= from && now < to) {
      note(seen, answer, now - connection.askedMs);
    }
    if (now >= to) {
      return;
    }
    const waiting = rate === null ? now : due.shift();
    if (waiting === undefined) {
      idle.push(connection);
    } else {
      send(connection, waiting);
    }
  };
  const used = usedWithin(warmUpSeconds, seconds);
  const open = await Promise.all(Array.from({ length: count }, () => connect(host, port, answered)));
  if (rate === null) {
    for (const connection of open) {
      send(connection, performance.now());
    }
  } else {
    idle.push(...open);
    await keepPace(rate, began, to, () => {
      // In turn: a connection that is silent for long is closed by the server.
      const connection = idle.shift();
      if (connection === undefined) {
        due.push(performance.now());
      } else {
        send(connection, performance.now());
      }
    });
  }
  await Bun.sleep(Math.max(0, to - performance.now()));
  for (const patience = performance.now() + PATIENCE_MS; seen.under > 0 && performance.now() < patience; ) {
    await Bun.sleep(10);
  }
  return { ...reportOf(seen, seconds, from, to), processorUs: await used };
}

function reportOf(
  { open, others, waits }: Seen,
  seconds: number,
  from: number,
  to: number,
): Omit<LoadReport, 'processorUs'> {
  const startedMs = performance.timeOrigin;
  const sorted = Float64Array.from(waits).sort();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return {
    open,
    others: Object.fromEntries(others),
    answered: waits.length,
    seconds,
    fromMs: startedMs + from,
    toMs: startedMs + to,
    p50: at(0.5),
    p99: at(0.99),
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** Says when the time that counts begins and ends, and what this process used between. @units microseconds */
async function usedWithin(warmUpSeconds: number, seconds: number): Promise<number> {
  const used = () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  await Bun.sleep(warmUpSeconds * 1_000);
  process.stdout.write('from\n');
  const before = used();
  await Bun.sleep(seconds * 1_000);
  process.stdout.write('to\n');
  return used() - before;
}

function note(seen: Seen, answer: string, waitedMs: number): void {
  seen.waits.push(waitedMs);
  const status = answer.slice(9, 12);
  if (status === '201' && answer.includes('"status":"open"')) {
    seen.open += 1;
    return;
  }
  const what = `${status} ${/"(?:rejectionReason|code|type)":"([^"]+)"/.exec(answer)?.[1] ?? /"status":"(\w+)"/.exec(answer)?.[1] ?? ''}`;
  seen.others.set(what, (seen.others.get(what) ?? 0) + 1);
}

/** Calls `ask` so many times a second until the end; what a late turn missed is made up at once. */
async function keepPace(rate: number, began: number, to: number, ask: () => void): Promise<void> {
  for (let asked = 0; ; ) {
    const now = performance.now();
    if (now >= to) {
      return;
    }
    for (const owed = Math.floor(((now - began) * rate) / 1_000); asked < owed; asked += 1) {
      ask();
    }
    await Bun.sleep(1);
  }
}

async function connect(
  hostname: string,
  port: number,
  answered: (connection: Connection, answer: string) => void,
): Promise<Connection> {
  const connection: Connection = { socket: null, text: '', askedMs: 0 };
  connection.socket = await Bun.connect<Connection>({
    hostname,
    port,
    data: connection,
    socket: {
      data: (_socket, chunk) => {
        connection.text += chunk.toString('latin1');
        if (isWhole(connection.text)) {
          const answer = connection.text;
          connection.text = '';
          answered(connection, answer);
        }
      },
      close: () => {
        process.stderr.write('the server closed a connection\n');
        process.exit(1);
      },
    },
  });
  return connection;
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) {
    return false;
  }
  const length = /content-length: (\d+)/i.exec(text)?.[1] ?? '0';
  return text.length >= end + 4 + Number.parseInt(length, 10);
}

/** Makes requests, walking through the accounts so that each is asked for in turn. */
function requestsOf({ shape, orderers }: Pick<LoadTask, 'shape' | 'orderers'>): () => string {
  const run = randomUUID();
  let count = 0;
  const write = (orderer: Orderer, order: string): string => {
    const body = `{"accountId":"${orderer.accountId}","symbol":"${orderer.symbol}","type":"limit","timeInForce":"gtc",${order}}`;
    return `POST /v1/orders HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${orderer.token}\r\nContent-Type: application/json\r\nIdempotency-Key: ${run}-${count}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  if (shape === 'rest') {
    return () => {
      count += 1;
      const orderer = at(orderers, count * 7);
      const away = NEAREST_TICK + ((count * 37) % TICKS);
      const ticks = orderer.sells ? 10_000 + away : 10_000 - away;
      return write(
        orderer,
        `"side":"${orderer.sells ? 'sell' : 'buy'}","quantity":"0.01","limitPrice":"${ticks / 100}"`,
      );
    };
  }
  const sellers = orderers.filter(({ sells }) => sells);
  const buyers = orderers.filter(({ sells }) => !sells);
  return () => {
    count += 1;
    const pair = Math.floor(count / 2);
    const rests = count % 2 === 0;
    const double = pair % PARTIAL_EVERY === (rests ? 0 : 1);
    // In turn through the instruments, so that both sides of a pair meet.
    const orderer = at(rests ? sellers : buyers, pair);
    return write(
      orderer,
      `"side":"${rests ? 'sell' : 'buy'}","quantity":"${double ? '0.02' : '0.01'}","limitPrice":"100"`,
    );
  };
}

function at(orderers: readonly Orderer[], index: number): Orderer {
  const found = orderers[index % orderers.length];
  if (found === undefined) {
    throw new Error('there are no accounts');
  }
  return found;
}
