/**
 * What an operation is given that turns a request into a WebSocket. Such a request may come without a
 * credential, since browsers cannot send one: the operation then asks for it in the first message.
 */
import type { Authenticate, SignedParts } from './authenticate.ts';

export type Handshake = {
  readonly authenticate: Authenticate;
  readonly request: SignedParts;
  /** Takes the connection over with what its handlers shall know of it; absent where no upgrade is asked for. */
  readonly upgrade?: (data: object) => boolean;
};

/** Whether a request asks to become a WebSocket. */
export function asksForWebSocket({ headers }: Request): boolean {
  return (
    headers.get('upgrade')?.toLowerCase() === 'websocket' &&
    headers.get('sec-websocket-key') !== null &&
    headers.get('sec-websocket-version') === '13'
  );
}
