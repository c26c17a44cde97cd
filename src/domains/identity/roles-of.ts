import { eq } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { roleGrants } from './schema.ts';

/** The roles a person holds now, sorted; none for who does not exist. */
export async function rolesOf(tx: Tx, userId: Id): Promise<Role[]> {
  const grants = await tx
    .select({ role: roleGrants.role })
    .from(roleGrants)
    .where(eq(roleGrants.userId, userId));
  return grants.map((grant) => grant.role).sort();
}
