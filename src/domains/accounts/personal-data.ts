import { eq } from 'drizzle-orm';
import type { PersonalData } from '../../platform/domain.ts';
import { accounts } from './schema.ts';

/** What accounts holds on a person. */
export const personalAccounts: PersonalData = {
  name: 'accounts',
  exportOf: (tx, _ctx, userId) => tx.select().from(accounts).where(eq(accounts.userId, userId)),
};
