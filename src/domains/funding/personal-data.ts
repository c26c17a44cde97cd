import { eq } from 'drizzle-orm';
import { openText } from '../../platform/crypto/seal.ts';
import type { PersonalData } from '../../platform/domain.ts';
import { beneficiaryPlace } from './destination.ts';
import { beneficiaries, deposits, withdrawals } from './schema.ts';
import { destinationOfBeneficiary, destinationOfWithdrawal } from './store.ts';

/** What funding holds on a person, opened for them; approvals and their reasons are the firm's. */
export const personalFunding: PersonalData = {
  name: 'funding',
  exportOf: async (tx, ctx, userId) => {
    const key = await ctx.deps.personKeys.of(tx, userId);
    const announced = await tx
      .select()
      .from(deposits)
      .where(eq(deposits.userId, userId))
      .orderBy(deposits.id);
    const payees = await tx
      .select()
      .from(beneficiaries)
      .where(eq(beneficiaries.userId, userId))
      .orderBy(beneficiaries.id);
    const requested = await tx
      .select()
      .from(withdrawals)
      .where(eq(withdrawals.userId, userId))
      .orderBy(withdrawals.id);
    return {
      deposits: announced.map(({ payer: _sealed, ...deposit }) => deposit),
      beneficiaries: await Promise.all(
        payees.map(async (payee) => {
          const { destinationIndex: _index, ...shown } = payee;
          return {
            ...shown,
            label: openText(key, beneficiaryPlace('label', payee.id), payee.label),
            destination: await destinationOfBeneficiary(tx, ctx, payee),
          };
        }),
      ),
      withdrawals: await Promise.all(
        requested.map(async (withdrawal) => {
          const { destinationHash: _hash, ...shown } = withdrawal;
          return { ...shown, destination: await destinationOfWithdrawal(tx, ctx, withdrawal) };
        }),
      ),
    };
  },
};
