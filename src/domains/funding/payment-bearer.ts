/** Which deposit a provider's payment is: each payment credits one deposit, whatever reference its events name. */
import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/db/client.ts';
import { deposits } from './schema.ts';
import type { Deposit } from './store.ts';

/**
 * What a deposit bears whose payment two people gave to an account: one that failed may bear the payment's own name for
 * good. No provider's name for a payment has a blank.
 */
export function allocatedReference(providerReference: string): string {
  return `${providerReference} allocated`;
}

/** The deposit that bears a provider's own name for a payment; the one that was credited where there are two. */
export async function bearerOf(
  tx: Tx,
  provider: string,
  payment: { readonly providerReference: string } | undefined,
): Promise<Deposit | undefined> {
  if (payment === undefined) {
    return undefined;
  }
  const { providerReference } = payment;
  const [bearer] = await tx
    .select()
    .from(deposits)
    .where(
      and(
        eq(deposits.provider, provider),
        inArray(deposits.providerReference, [providerReference, allocatedReference(providerReference)]),
      ),
    )
    .orderBy(desc(sql`${deposits.journalId} is not null`))
    .limit(1);
  return bearer;
}
