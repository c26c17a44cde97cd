import { type Endpoint, endpoint } from '../http/endpoint.ts';
import { STREAM_PROBLEMS } from './problems.ts';
import { STREAM_ACCESS, STREAM_OPERATION, STREAM_PATH } from './stream-access.ts';
import { beginStream } from './streams.ts';

/** The operation by which a stream begins. */
export const streamEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: STREAM_OPERATION,
    method: 'get',
    path: STREAM_PATH,
    tag: 'stream',
    summary: 'Market data and own orders as they change (WebSocket)',
    description:
      'A WebSocket of JSON messages: `{"op":"subscribe","channel":"quotes","symbol":"BTC/USD"}` is answered by a `snapshot` and then by an `update` for each change, numbered by `sequence` without a gap within the subscription. The channels are `quotes`, `candles` (with `interval`), `trades`, `book` and `orders` (the caller’s own). Send the credential in the `Authorization` header, or, from a browser, within five seconds as the first message `{"op":"auth","token":"…"}`; never in the URL. What is wrong with a message is answered by an `error` message with a `code`, which may be any of the codes below. docs/howto/stream.md has all messages and the codes a stream ends with. A request that asks for no upgrade is answered 426.',
    access: STREAM_ACCESS,
    websocket: true,
    responses: { 101: null },
    problems: STREAM_PROBLEMS,
    handler: async (ctx) => {
      beginStream(ctx);
      return { status: 101, body: new Response(null) };
    },
  }),
];
