import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { amlAlertItems } from '../alerts/schema.ts';
import { amlAlerts } from '../schema.ts';
import { whitelistEntries } from './schema.ts';
import { endWhitelistEntry } from './without-whitelisted.ts';

/** Whom a person is known not to be: never shown to them (no tipping off). */
export const personalWhitelist: PersonalData = {
  name: 'aml_whitelist',
  recordClass: 'supervision',
  tables: ['whitelist_entries'],
  restricted: true,
  sections: { whitelist: personalRows(whitelistEntries, { keys: ['id'] }) },
  erase: async (tx, ctx, userId) => {
    const mine = eq(whitelistEntries.userId, userId);
    for (const entry of await tx
      .select()
      .from(whitelistEntries)
      .where(and(mine, isNull(whitelistEntries.endedAt)))) {
      await endWhitelistEntry(tx, ctx, entry, 'subject_changed');
    }
    await tx.update(whitelistEntries).set({ subjectDigest: sql`null` }).where(mine);
    const alerts = tx.select({ id: amlAlerts.id }).from(amlAlerts).where(eq(amlAlerts.userId, userId));
    await tx
      .update(amlAlertItems)
      .set({ subjectDigest: sql`null` })
      .where(inArray(amlAlertItems.alertId, alerts));
  },
};
