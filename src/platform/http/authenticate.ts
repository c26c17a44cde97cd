/**
 * The port between the router and whatever knows credentials (the identity domain).
 */
import type { Actor } from '../../kernel/actor.ts';
import type { Client, Deps } from '../context.ts';

/** What a refusal of a bearer credential bears. @source RFC 6750 section 3.1 */
export const INVALID_TOKEN = { headers: { 'www-authenticate': 'Bearer error="invalid_token"' } } as const;

/** What a signature may cover; the body through its digest. */
export type SignedParts = {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** Null where nothing was sent that could be read. */
  readonly body: ReadableStream | null;
};

/**
 * Says who sends this credential, without waiting where that is known already. `request` is null where
 * the credential was shown before and only has to hold still: a signature covered the request it came with.
 * @errors credential_invalid (one code for every fault: malformed, revoked, unknown), token_expired
 */
export type Authenticate = (
  deps: Deps,
  bearer: string,
  client: Client,
  request: SignedParts | null,
) => Actor | Promise<Actor>;
