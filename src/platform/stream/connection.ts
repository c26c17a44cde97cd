/**
 * One stream: who it belongs to, what it subscribed to, what waits for it. Each subscription is authorised
 * like an operation and read under the rights of the caller; whatever is refused is answered and recorded
 * like a refused request (I5).
 */
import { type Actor, actorIdOf, personOf } from '../../kernel/actor.ts';
import { newId } from '../../kernel/id.ts';
import { attempt } from '../audit/attempt.ts';
import type { Client, Ctx, Deps } from '../context.ts';
import { authorise } from '../http/authorise.ts';
import type { Handshake } from '../http/handshake.ts';
import { problemDocument, refusalOf } from '../http/problem.ts';
import { requireTokens } from '../http/rate-headers.ts';
import { networkOf, rateLimiterOf } from '../http/rate-limiter.ts';
import { refuse } from '../http/refuse.ts';
import { validate } from '../http/validate.ts';
import { toWire } from '../http/wire.ts';
import type { StreamChannel } from './channel.ts';
import type { Feeds } from './feeds.ts';
import { refuseStream } from './problems.ts';
import {
  CLOSES,
  type ClientMessage,
  type CloseName,
  errorMessage,
  MAX_MESSAGE_BYTES,
  parseMessage,
} from './protocol.ts';
import { type SendQueue, type Subscription, sendQueue } from './send-queue.ts';
import { STREAM_ACCESS, STREAM_OPERATION, STREAM_PATH } from './stream-access.ts';

export type StreamSocket = {
  readonly send: (text: string) => unknown;
  readonly getBufferedAmount: () => number;
  readonly close: (code: number, reason: string) => void;
};

/** Who a stream belongs to, and what proves it. */
export type Credential = { readonly bearer: string; readonly actor: Actor };

type Held = Subscription & { leave: () => void };

/** What a stream needs of its node. */
export type StreamNode = {
  readonly deps: Deps;
  readonly channels: ReadonlyMap<string, StreamChannel>;
  readonly feeds: Feeds;
  /** Counts a stream among those of its credential; false where there are too many. */
  readonly admit: (connection: Connection, actor: Actor) => boolean;
  readonly ended: (connection: Connection, how: CloseName | 'client') => void;
};

export type Connection = {
  readonly client: Client;
  readonly handshake: Handshake;
  readonly credential: () => Credential | null;
  /** The socket is there. */
  readonly open: (socket: StreamSocket) => void;
  readonly receive: (message: string | Uint8Array) => void;
  readonly drained: () => void;
  readonly beat: (at: string) => void;
  readonly end: (how: CloseName) => void;
  /** The socket has gone. */
  readonly closed: () => void;
  readonly waitsSinceMs: () => number | null;
};

type State = {
  readonly node: StreamNode;
  readonly client: Client;
  readonly handshake: Handshake;
  readonly subscriptions: Map<string, Held>;
  readonly self: () => Connection;
  credential: Credential | null;
  socket: StreamSocket | undefined;
  queue: SendQueue | undefined;
  over: boolean;
  made: number;
  /** Messages that may still come before a second is over. */
  tokens: number;
  refilledMs: number;
  /** Messages are answered in the order they came. */
  working: Promise<void>;
  /** How many of them wait, the one under way included. */
  waiting: number;
  waitingForCredential: Timer | undefined;
};

const CREDENTIAL_WAIT_MS = 5_000;
/** More messages than this do not wait for the ones before. */
const MAX_WAITING = 40;

/** A stream before its socket is there; `credential` is null where the first message has to bring one. */
export function createConnection(
  node: StreamNode,
  client: Client,
  handshake: Handshake,
  credential: Credential | null,
): Connection {
  const state: State = {
    node,
    client,
    handshake,
    subscriptions: new Map(),
    self: () => connection,
    credential,
    socket: undefined,
    queue: undefined,
    over: false,
    made: 0,
    tokens: node.deps.streamLimits.messages,
    refilledMs: performance.now(),
    working: Promise.resolve(),
    waiting: 0,
    waitingForCredential: undefined,
  };
  const connection: Connection = {
    client,
    handshake,
    credential: () => state.credential,
    open: (socket) => opened(state, socket),
    receive: (message) => receive(state, message),
    drained: () => state.queue?.flush(),
    beat: (at) => tell(state, { type: 'heartbeat', at }),
    end: (how) => end(state, how),
    closed: () => finish(state, 'client'),
    waitsSinceMs: () => state.queue?.waitsSinceMs() ?? null,
  };
  return connection;
}

function opened(state: State, socket: StreamSocket): void {
  const { deps } = state.node;
  if (state.over) {
    // It ended before its socket was there.
    socket.close(CLOSES.stopping.code, CLOSES.stopping.reason);
    return;
  }
  state.socket = socket;
  state.queue = sendQueue(socket, deps.streamLimits.queue);
  tell(state, { type: 'welcome', at: deps.clock.realNow(), channels: [...state.node.channels.keys()] });
  if (state.credential === null) {
    state.waitingForCredential = setTimeout(() => end(state, 'credential_missing'), CREDENTIAL_WAIT_MS);
  } else {
    tell(state, { type: 'authenticated' });
  }
}

function receive(state: State, message: string | Uint8Array): void {
  if (state.over) {
    return;
  }
  if (!takeToken(state) || state.waiting >= MAX_WAITING) {
    end(state, 'too_many_messages');
    return;
  }
  if (Buffer.byteLength(message) > MAX_MESSAGE_BYTES) {
    end(state, 'message_too_large');
    return;
  }
  state.waiting += 1;
  state.working = state.working
    .then(() => answerMessage(state, message))
    .finally(() => {
      state.waiting -= 1;
    });
}

function takeToken(state: State): boolean {
  const { messages } = state.node.deps.streamLimits;
  const nowMs = performance.now();
  state.tokens = Math.min(messages, state.tokens + ((nowMs - state.refilledMs) * messages) / 1_000);
  state.refilledMs = nowMs;
  state.tokens -= 1;
  return state.tokens >= 0;
}

async function answerMessage(state: State, text: string | Uint8Array): Promise<void> {
  if (state.over) {
    return;
  }
  const ctx: Ctx = contextOf(state);
  let messageId: string | undefined;
  try {
    const parsed = typeof text === 'string' ? parseMessage(text) : { fault: refuse('malformed_json') };
    messageId = 'fault' in parsed ? parsed.id : parsed.message.id;
    // Before anything of it is refused: a refusal is kept for good, one above the limit only counted.
    if (state.credential !== null && !('message' in parsed && parsed.message.op === 'ping')) {
      requireTokens(await rateLimiterOf(ctx.deps)('read', actorIdOf(ctx.actor)));
    }
    if ('fault' in parsed) {
      throw parsed.fault;
    }
    await perform(state, ctx, parsed.message);
  } catch (thrown) {
    await refused(state, ctx, thrown, messageId);
  }
}

async function perform(state: State, ctx: Ctx, message: ClientMessage): Promise<void> {
  if (message.op === 'auth') {
    await authenticate(state, message.token, message.id);
    return;
  }
  if (state.credential === null) {
    throw refuse('credential_missing');
  }
  switch (message.op) {
    case 'ping':
      tell(state, { type: 'pong', ...named(message.id), at: ctx.deps.clock.realNow() });
      return;
    case 'unsubscribe': {
      const held = state.subscriptions.get(message.subscription);
      if (held === undefined) {
        throw refuseStream('subscription_unknown');
      }
      drop(state, held);
      tell(state, { type: 'unsubscribed', ...named(message.id), subscription: held.id });
      return;
    }
    case 'subscribe':
      await subscribe(state, ctx, message);
  }
}

/**
 * Takes a credential: the first one of a stream that came without, or the next of the same person, so that
 * a stream outlives the ten minutes of an access token.
 */
async function authenticate(state: State, bearer: string, messageId: string | undefined): Promise<void> {
  const { node, client, handshake } = state;
  const { deps } = node;
  const before = state.credential;
  try {
    const actor = await handshake.authenticate(deps, bearer, client, handshake.request);
    authorise(STREAM_ACCESS, actor, deps.clock.realMs(), deps.mode);
    if (
      before !== null &&
      (personOf(before.actor) !== personOf(actor) || rightsOf(before.actor) !== rightsOf(actor))
    ) {
      throw refuse('credential_invalid');
    }
    if (state.over) {
      return;
    }
    if (before === null && !node.admit(state.self(), actor)) {
      throw refuseStream('stream_limit_reached');
    }
    state.credential = { bearer, actor };
    clearTimeout(state.waitingForCredential);
    tell(state, { type: 'authenticated', ...named(messageId) });
  } catch (thrown) {
    await refused(state, contextOf(state), thrown, messageId);
    end(state, endAfter(thrown));
  }
}

/** A credential that nobody could look at is not called wrong. */
function endAfter(thrown: unknown): CloseName {
  const { code, definition } = refusalOf(thrown);
  if (code === 'stream_limit_reached') {
    return 'too_many_streams';
  }
  return definition.status >= 500 ? 'unavailable' : 'credential_invalid';
}

/** What a credential allows: a stream whose credential allows something else has to begin again. */
export function rightsOf(actor: Actor): string {
  return JSON.stringify([
    actor.kind,
    'roles' in actor ? actor.roles : [],
    'scopes' in actor ? actor.scopes : [],
    'loneAdmin' in actor && actor.loneAdmin,
  ]);
}

type Subscribe = Extract<ClientMessage, { op: 'subscribe' }>;

async function subscribe(
  state: State,
  ctx: Ctx,
  { op: _op, id, channel: name, ...names }: Subscribe,
): Promise<void> {
  const { node } = state;
  const channel = node.channels.get(name);
  if (channel === undefined) {
    throw refuseStream('channel_unknown', {
      detail: `The channels are ${[...node.channels.keys()].join(', ')}.`,
    });
  }
  const { login } = authorise(channel.access, ctx.actor, node.deps.clock.realMs(), node.deps.mode);
  const params = validate(channel.params, names, 'body');
  if (state.subscriptions.size >= node.deps.streamLimits.subscriptions) {
    throw refuseStream('subscription_limit_reached');
  }
  if ([...state.subscriptions.values()].some((held) => isSame(held, channel, names))) {
    throw refuseStream('already_subscribed');
  }
  state.made += 1;
  const held: Held = { id: `s${state.made}`, channel, names, sequence: 0, leave: () => {} };
  const joined = await node.feeds.join(channel, { ...ctx, login }, params, (messages) =>
    send(state, held, messages),
  );
  held.leave = joined.leave;
  if (state.over) {
    joined.leave();
    return;
  }
  state.subscriptions.set(held.id, held);
  push(state, { subscription: held, type: 'snapshot', ...named(id), data: toWire(joined.snapshot) });
}

function isSame(held: Held, channel: StreamChannel, names: object): boolean {
  return held.channel === channel && Bun.deepEquals(held.names, names);
}

function send(state: State, subscription: Held, messages: readonly unknown[]): void {
  // What holds now is the last one.
  const told = subscription.channel.delivery === 'latest' ? messages.slice(-1) : messages;
  for (const data of told) {
    push(state, { subscription, type: 'update', data: toWire(data) });
  }
}

function push(state: State, outgoing: Parameters<SendQueue['push']>[0]): void {
  if (!state.over && state.queue?.push(outgoing) === false) {
    end(state, 'too_slow');
  }
}

function drop(state: State, held: Held): void {
  held.leave();
  state.queue?.drop(held);
  state.subscriptions.delete(held.id);
}

function contextOf({ node, client, credential }: State): Ctx {
  const actor = credential?.actor ?? ({ kind: 'anonymous' } as const);
  return { deps: node.deps, actor, requestId: newId(), client, login: 'app' };
}

/** Records a refusal, then answers it; what fails inside is told without its words. */
async function refused(
  state: State,
  ctx: Ctx,
  thrown: unknown,
  messageId: string | undefined,
): Promise<void> {
  const error = refusalOf(thrown);
  const { status } = problemDocument(error, STREAM_PATH, ctx.requestId);
  const failure = thrown instanceof Error ? thrown.name : 'unknown';
  if (status >= 500) {
    ctx.deps.log.error({ requestId: ctx.requestId, code: error.code, failure }, 'a stream message failed');
  }
  await attempt(ctx, {
    operation: STREAM_OPERATION,
    method: 'GET',
    route: STREAM_PATH,
    status,
    code: error.code,
    category: 'security',
    restricted: false,
  }).catch(() => ctx.deps.log.error({ requestId: ctx.requestId }, 'an attempt could not be recorded'));
  tell(state, errorMessage(error, ctx.requestId, messageId));
}

function named(id: string | undefined): { readonly id?: string } {
  return id === undefined ? {} : { id };
}

function tell(state: State, message: object): void {
  if (!state.over) {
    state.socket?.send(JSON.stringify(message));
  }
}

function end(state: State, how: CloseName): void {
  if (state.over) {
    return;
  }
  const { socket } = state;
  finish(state, how);
  socket?.close(CLOSES[how].code, CLOSES[how].reason);
}

function finish(state: State, how: CloseName | 'client'): void {
  if (state.over) {
    return;
  }
  state.over = true;
  clearTimeout(state.waitingForCredential);
  for (const held of state.subscriptions.values()) {
    held.leave();
  }
  state.subscriptions.clear();
  state.node.ended(state.self(), how);
}

/** Streams without a credential are counted by their network. */
export function holderOf(actor: Actor | null, client: Client): string {
  return actor === null ? networkOf(client.ip) : actorIdOf(actor);
}
