import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Exposure } from '../../../platform/domain.ts';

/** What any domain found about a person: that they hold an office, or have a bad name. */
export async function exposuresOf(tx: Tx, ctx: Ctx, userId: Id): Promise<ReadonlySet<Exposure>> {
  const found = new Set<Exposure>();
  for (const exposures of ctx.deps.exposures) {
    for (const exposure of await exposures(tx, userId)) {
      found.add(exposure);
    }
  }
  return found;
}
