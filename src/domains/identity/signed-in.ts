import { personOf } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { refuseIdentity } from './errors.ts';

/** The person and session of a sign-in; API keys have none. @errors forbidden */
export function signedIn(ctx: Ctx): { readonly userId: Id; readonly sessionId: Id } {
  const { actor } = ctx;
  if (actor.kind !== 'customer' && actor.kind !== 'staff') {
    throw refuse('forbidden');
  }
  return { userId: actor.userId, sessionId: actor.sessionId };
}

/** Nobody acts as staff on themselves (I7). @errors self_action */
export function refuseSelfAction(ctx: Ctx, userId: Id, detail?: string): void {
  if (personOf(ctx.actor) === userId) {
    throw refuseIdentity('self_action', detail === undefined ? {} : { detail });
  }
}
