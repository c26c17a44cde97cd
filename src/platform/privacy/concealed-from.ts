import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';

/**
 * Ids of restricted things that one of the staff must not learn of, since they are about them though another person is
 * named on them (no tipping off); none for a machine.
 */
export async function concealedFrom(tx: Tx, ctx: Ctx, personId: Id | null): Promise<readonly Id[]> {
  const found: Id[] = [];
  for (const concealed of personId === null ? [] : ctx.deps.privacy.concealedFrom) {
    found.push(...(await concealed(tx, personId as Id)));
  }
  return found;
}
