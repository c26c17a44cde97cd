/**
 * The HTTP platform without domains: operations a test declares, and a fake of the one port the
 * platform has there, which says who sends a credential.
 */
import { Hono } from 'hono';
import type { Actor, Role } from '../kernel/actor.ts';
import { type Id, newId } from '../kernel/id.ts';
import type { Deps } from '../platform/context.ts';
import { transact } from '../platform/db/transact.ts';
import type { Endpoint } from '../platform/http/endpoint.ts';
import { refuse } from '../platform/http/refuse.ts';
import { mountEndpoints } from '../platform/http/router.ts';
import type { Foundation } from './foundation.ts';
import { type Answer, type RequestOptions, send } from './send.ts';

export type SmallApp = {
  readonly app: Hono;
  readonly deps: Deps;
  readonly request: (method: string, path: string, options?: RequestOptions) => Promise<Answer>;
  /** A new person with a data key, and the token the fake knows them by. */
  readonly person: (...roles: Role[]) => Promise<{ readonly token: string; readonly actor: Actor }>;
};

/** Serves the given operations to people the test makes. */
export function smallApp(
  foundation: Pick<Foundation, 'deps' | 'system'>,
  operations: readonly Endpoint[],
  address = '192.0.2.7',
): SmallApp {
  const { deps, system } = foundation;
  const people = new Map<string, Actor>();
  const authenticate = async (_deps: Deps, bearer: string): Promise<Actor> => {
    const actor = people.get(bearer);
    if (actor === undefined) {
      throw refuse('credential_invalid');
    }
    return actor;
  };
  const app = new Hono();
  mountEndpoints(app, deps, authenticate, () => address, operations);
  return {
    app,
    deps,
    request: (method, path, options = {}) => send(app, method, path, options),
    person: async (...roles) => {
      const userId: Id = newId();
      await transact(system, 'engine', async (tx) => {
        await deps.personKeys.create(tx, userId, deps.clock.realNow());
      });
      const staff = roles.length > 0 && !roles.includes('customer');
      const actor: Actor = {
        kind: staff ? 'staff' : 'customer',
        userId,
        roles: roles.length === 0 ? ['customer'] : roles,
        sessionId: newId(),
        mfaAtMs: deps.clock.realMs(),
      };
      people.set(userId, actor);
      return { token: userId, actor };
    },
  };
}
