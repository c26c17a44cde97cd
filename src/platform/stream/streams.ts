/**
 * The streams of one node: lets them begin, looks ten times a second whether each credential still holds
 * (identity hears of revocations from every node), keeps them alive, and ends them when the node stops.
 */
import { type Actor, actorIdOf } from '../../kernel/actor.ts';
import { DomainError } from '../../kernel/error.ts';
import { type Ctx, type Deps, perDeps } from '../context.ts';
import { countStreamEnd, watchStreams } from '../http/metrics.ts';
import { refuse } from '../http/refuse.ts';
import {
  type Connection,
  type Credential,
  createConnection,
  holderOf,
  rightsOf,
  type StreamNode,
} from './connection.ts';
import { feedsOf } from './feeds.ts';
import { refuseStream } from './problems.ts';
import { MAX_MESSAGE_BYTES } from './protocol.ts';

type Streams = {
  readonly deps: Deps;
  readonly node: StreamNode;
  readonly open: Set<Connection>;
  readonly held: Holders;
  stopped: boolean;
  timers: readonly Timer[];
  checking: boolean;
};

const CHECK_MS = 100;
const BEAT_MS = 15_000;

/** Bun ends the connection of a message beyond this by itself; between the two bounds ours names the reason. */
const MAX_PAYLOAD_BYTES = 16 * MAX_MESSAGE_BYTES;
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
const IDLE_SECONDS = 60;

const streamsOf = perDeps((deps: Deps): Streams => {
  const held = holders(deps.streamLimits.connections);
  const streams: Streams = {
    deps,
    open: new Set(),
    held,
    stopped: false,
    timers: [],
    checking: false,
    node: {
      deps,
      channels: new Map(deps.streamChannels.map((channel) => [channel.name, channel])),
      feeds: feedsOf(deps),
      admit: (connection, actor) => held.enter(connection, actorIdOf(actor)),
      ended: (connection, how) => {
        countStreamEnd(deps, how);
        leave(streams, connection);
      },
    },
  };
  watchStreams(deps, () => streams.open.size);
  return streams;
});

/** Makes a stream of the request. @errors upgrade_required, stream_limit_reached, busy, unavailable */
export function beginStream(ctx: Ctx): void {
  const { deps, handshake } = ctx;
  const streams = streamsOf(deps);
  if (handshake?.upgrade === undefined) {
    throw refuseStream('upgrade_required', { headers: { upgrade: 'websocket', connection: 'Upgrade' } });
  }
  if (streams.stopped) {
    throw refuse('unavailable');
  }
  if (streams.open.size >= deps.streamLimits.node) {
    throw refuse('busy');
  }
  const credential = credentialOf(ctx);
  const connection = createConnection(streams.node, ctx.client, handshake, credential);
  if (!streams.held.enter(connection, holderOf(credential?.actor ?? null, ctx.client))) {
    throw refuseStream('stream_limit_reached', { headers: { 'retry-after': '5' } });
  }
  streams.open.add(connection);
  if (streams.timers.length === 0) {
    streams.timers = [setInterval(() => check(streams), CHECK_MS), setInterval(() => beat(streams), BEAT_MS)];
  }
  if (!handshake.upgrade(connection)) {
    leave(streams, connection);
    throw refuseStream('upgrade_required');
  }
}

/** Ends every stream of this node; none begins any more. */
export function stopStreams(deps: Deps): void {
  const streams = streamsOf(deps);
  streams.stopped = true;
  for (const connection of streams.open) {
    connection.end('stopping');
  }
}

/** What the server calls for each socket. */
export function streamHandlers(deps: Deps): Bun.WebSocketHandler<Connection> {
  return {
    maxPayloadLength: MAX_PAYLOAD_BYTES,
    backpressureLimit: MAX_BUFFERED_BYTES,
    closeOnBackpressureLimit: true,
    idleTimeout: IDLE_SECONDS,
    sendPings: true,
    open: (socket) => {
      socket.data.open({
        send: (text) => socket.send(text),
        getBufferedAmount: () => socket.getBufferedAmount(),
        close: (code, reason) => socket.close(code, reason),
      });
      if (streamsOf(deps).stopped) {
        socket.data.end('stopping');
      }
    },
    message: (socket, message) => socket.data.receive(message),
    drain: (socket) => socket.data.drained(),
    close: (socket) => socket.data.closed(),
  };
}

function credentialOf({ actor, handshake }: Ctx): Credential | null {
  const bearer = /^Bearer (\S+)$/i.exec(handshake?.request.headers.get('authorization') ?? '')?.[1];
  return bearer === undefined || actor.kind === 'anonymous' ? null : { bearer, actor };
}

function leave(streams: Streams, connection: Connection): void {
  streams.open.delete(connection);
  streams.held.leave(connection);
  if (streams.open.size === 0) {
    streams.timers.forEach(clearInterval);
    streams.timers = [];
  }
}

type Holders = {
  /** Counts a stream among those of a credential, or of a network; false where there are too many. */
  readonly enter: (connection: Connection, holder: string) => boolean;
  readonly leave: (connection: Connection) => void;
};

function holders(limit: number): Holders {
  const held = new Map<string, Set<Connection>>();
  const holderOfEach = new Map<Connection, string>();
  const leaveHolder = (connection: Connection): void => {
    const holder = holderOfEach.get(connection) ?? '';
    const others = held.get(holder);
    others?.delete(connection);
    holderOfEach.delete(connection);
    if (others?.size === 0) {
      held.delete(holder);
    }
  };
  return {
    leave: leaveHolder,
    enter: (connection, holder) => {
      const others = held.get(holder) ?? new Set();
      if (others.size >= limit) {
        return false;
      }
      leaveHolder(connection);
      held.set(holder, others.add(connection));
      holderOfEach.set(connection, holder);
      return true;
    },
  };
}

function beat({ deps, open }: Streams): void {
  const at = deps.clock.realNow();
  for (const connection of open) {
    connection.beat(at);
  }
}

/** Streams of one credential from one address are asked about once. */
function check(streams: Streams): void {
  const nowMs = performance.now();
  for (const connection of streams.open) {
    const sinceMs = connection.waitsSinceMs();
    if (sinceMs !== null && nowMs - sinceMs > streams.deps.streamLimits.stalled) {
      connection.end('too_slow');
    }
  }
  if (streams.checking) {
    return;
  }
  streams.checking = true;
  const known = [...streams.open].filter((connection) => connection.credential() !== null);
  const groups = Map.groupBy(known, (each) => `${each.credential()?.bearer} ${each.client.ip}`);
  const asked = [...groups.values()].map((group) => checkGroup(streams.deps, group));
  void Promise.all(asked).finally(() => {
    streams.checking = false;
  });
}

async function checkGroup(deps: Deps, group: readonly Connection[]): Promise<void> {
  const [one] = group;
  const credential = one?.credential();
  if (one === undefined || credential === undefined || credential === null) {
    return;
  }
  const { bearer } = credential;
  let now: Actor | 'unknown' | undefined;
  try {
    now = await one.handshake.authenticate(deps, bearer, one.client, null);
  } catch (thrown) {
    // What the database says of itself is no answer to whether the credential counts.
    now = thrown instanceof DomainError && thrown.definition.status === 401 ? undefined : 'unknown';
  }
  for (const connection of group) {
    const held = connection.credential();
    // A newer one may have come meanwhile.
    if (held === null || held.bearer !== bearer) {
      continue;
    }
    if (now === 'unknown') {
      connection.end('unavailable');
    } else if (now === undefined || rightsOf(now) !== rightsOf(held.actor)) {
      connection.end('credential_ended');
    }
  }
}
