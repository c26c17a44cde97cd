/** What a domain registers so that its data can be subscribed to. */
import type { z } from '@hono/zod-openapi';
import type { Ctx } from '../context.ts';
import type { Access } from '../http/endpoint.ts';

/**
 * One thing that can be subscribed to, such as the book of one instrument. It keeps what it read last, so
 * that those who come later begin where the others are.
 */
export type Feed = {
  /** Reads what is new; each value is one message, oldest first. After a failure the next call reads it again. */
  readonly poll: () => Promise<readonly unknown[]>;
  /** What holds as of the last poll. */
  readonly snapshot: () => unknown;
  /** Calls back when there may be something new, until the returned end is called. */
  readonly watch: (moved: () => void) => () => void;
};

export type ChannelDefinition<Params extends z.ZodObject> = {
  readonly name: string;
  /** Who may subscribe, declared like the access of an operation. */
  readonly access: Exclude<Access, { readonly public: true }>;
  /** What a subscription names beside the channel. */
  readonly params: Params;
  /** `latest`: who reads slowly gets what holds by then. `every`: each message, or the stream ends. */
  readonly delivery: 'latest' | 'every';
  /** How often a feed is read at most. @units ms */
  readonly everyMs: number;
  /** How many of its feeds are read in one turn, because what they read is read together; one without. */
  readonly together?: number;
  /** Subscriptions of one key share a feed; a person's own data has the person in it. */
  readonly keyOf: (ctx: Ctx, params: z.output<Params>) => string;
  /** Opens a feed that has been read once. @errors not_found and the like, for the subscriber */
  readonly open: (ctx: Ctx, params: z.output<Params>) => Promise<Feed>;
};

/** A channel whose parameters are forgotten, for the stream. */
export type StreamChannel = Omit<ChannelDefinition<z.ZodObject>, 'keyOf' | 'open'> & {
  readonly keyOf: (ctx: Ctx, params: never) => string;
  readonly open: (ctx: Ctx, params: never) => Promise<Feed>;
};

/** Declares a channel; its functions have the types of its parameters. */
export function streamChannel<Params extends z.ZodObject>(
  definition: ChannelDefinition<Params>,
): StreamChannel {
  // A subscription is parsed with the schema declared beside the functions before they are called.
  return definition as unknown as StreamChannel;
}
