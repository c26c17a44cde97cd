import { eq } from 'drizzle-orm';
import type { PersonalData } from '../../platform/domain.ts';
import { personalRows } from '../../platform/privacy/personal-rows.ts';
import { accounts } from './schema.ts';

/** What accounts holds on a person; the name of an account is the customer's own words. */
export const personalAccounts: PersonalData = {
  name: 'accounts',
  recordClass: 'customer_file',
  tables: ['accounts'],
  sections: { accounts: personalRows(accounts, { keys: ['id'] }) },
  erase: async (tx, _ctx, userId) => {
    await tx.update(accounts).set({ name: 'Erased' }).where(eq(accounts.userId, userId));
  },
};
