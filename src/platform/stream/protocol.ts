/** The messages of `/v1/stream` and how it ends; docs/howto/stream.md is written from this. */
import { z } from 'zod';
import { DomainError } from '../../kernel/error.ts';
import { refuse } from '../http/refuse.ts';
import { validate } from '../http/validate.ts';

/** How a stream ends, said in its close frame. Each end has a code of its own, which clients may rely on. */
export const CLOSES = {
  stopping: { code: 1001, reason: 'the server stops; connect again' },
  message_too_large: { code: 1009, reason: 'the message is larger than 4096 bytes' },
  unavailable: { code: 1013, reason: 'the credential cannot be checked now; connect again' },
  credential_missing: { code: 4001, reason: 'no credential came in time' },
  credential_invalid: { code: 4002, reason: 'the credential is not valid' },
  credential_ended: {
    code: 4003,
    reason: 'the credential expired, was withdrawn or allows something else now',
  },
  too_many_streams: { code: 4004, reason: 'the credential has as many open streams as it may have' },
  too_many_messages: { code: 4005, reason: 'too many messages' },
  too_slow: { code: 4008, reason: 'the client does not read what it subscribed to' },
} as const satisfies Readonly<Record<string, { readonly code: number; readonly reason: string }>>;

export type CloseName = keyof typeof CLOSES;

/** Larger messages end the stream. @units bytes */
export const MAX_MESSAGE_BYTES = 4_096;

const id = z.string().min(1).max(64).optional();

const message = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('auth'), id, token: z.string().regex(/^[\x21-\x7e]{1,3500}$/) }),
  z.looseObject({ op: z.literal('subscribe'), id, channel: z.string().max(40) }),
  z.strictObject({ op: z.literal('unsubscribe'), id, subscription: z.string().max(40) }),
  z.strictObject({ op: z.literal('ping'), id }),
]);

export type ClientMessage = z.output<typeof message>;

/** What a text says; what is wrong with it where it is no message. */
export function parseMessage(
  text: string,
): { readonly message: ClientMessage } | { readonly id?: string; readonly fault: DomainError } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: refuse('malformed_json') };
  }
  try {
    return { message: validate(message, value, 'body') as ClientMessage };
  } catch (thrown) {
    if (!(thrown instanceof DomainError)) {
      throw thrown;
    }
    const named = id.safeParse((value as { id?: unknown } | null)?.id);
    return { fault: thrown, ...(named.data === undefined ? {} : { id: named.data }) };
  }
}

/** The message that carries a refusal, with the id of the message it answers. */
export function errorMessage(error: DomainError, requestId: string, messageId: string | undefined): object {
  return {
    type: 'error',
    ...(messageId === undefined ? {} : { id: messageId }),
    code: error.code,
    title: error.definition.title,
    detail: error.extras.detail ?? error.definition.title,
    requestId,
    ...(error.extras.errors === undefined ? {} : { errors: error.extras.errors }),
  };
}
