import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { rolesOf } from '../../identity/index.ts';
import { refuseAml } from '../errors.ts';
import { OFFICERS } from '../operation.ts';

/** Work is given to those who may do it. @errors assignee_unsuitable */
export async function refuseUnsuitable(tx: Tx, assigneeId: Id): Promise<void> {
  const roles = await rolesOf(tx, assigneeId);
  if (!OFFICERS.some((role) => roles.includes(role))) {
    throw refuseAml('assignee_unsuitable');
  }
}
