import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { personNameOf } from '../identity/index.ts';
import { declaredBy } from '../kyc/index.ts';

/**
 * The name a customer's money moves under: of the legal person they were taken on for, else their own. Whoever acts for
 * a company pays in and is paid under the company's name alone: their own account is a third party's.
 */
export async function customerNameOf(tx: Tx, ctx: Ctx, userId: Id): Promise<string> {
  const company = (await declaredBy(tx, ctx, [userId])).get(userId)?.company ?? null;
  if (company !== null) {
    return company.legalName;
  }
  const { firstName, lastName } = await personNameOf(tx, ctx, userId);
  return `${firstName} ${lastName}`;
}
