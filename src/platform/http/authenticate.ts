/**
 * The port between the router and whatever knows credentials (the identity domain).
 */
import type { Actor } from '../../kernel/actor.ts';
import type { Client, Deps } from '../context.ts';

/**
 * Says who sends this credential.
 * @errors credential_invalid (one code for every fault: malformed, expired, revoked, unknown)
 */
export type Authenticate = (deps: Deps, bearer: string, client: Client) => Promise<Actor>;
