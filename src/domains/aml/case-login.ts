import type { Ctx } from '../../platform/context.ts';
import type { Login } from '../../platform/db/client.ts';

/** Staff work under their own login, jobs and commands under the engine's. */
export function caseLogin(ctx: Ctx): Login {
  return ctx.login === 'staff' ? 'staff' : 'engine';
}
