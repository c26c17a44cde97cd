import { and, eq, isNotNull, sql } from 'drizzle-orm';
import { parseInstant } from '../../../kernel/time.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { monitoredActivity, ruleHits, ruleSnoozes, simulatedAlerts } from './schema.ts';

/** What was watched and found of a person: never shown to them (no tipping off). */
export const personalMonitoring: PersonalData = {
  name: 'aml_monitoring',
  recordClass: 'supervision',
  tables: ['monitored_activity', 'rule_hits', 'rule_snoozes', 'simulated_alerts'],
  restricted: true,
  sections: {
    activity: personalRows(monitoredActivity, { keys: ['id'] }),
    hits: personalRows(ruleHits, { keys: ['id'] }),
    snoozes: personalRows(ruleSnoozes, { keys: ['id'] }),
    simulatedAlerts: personalRows(simulatedAlerts, { keys: ['id'] }),
  },
  keptSince: async (tx, userId) => {
    const [last] = await tx.execute<{ at: string | null }>(sql`
      select greatest(
        (select max(occurred_at) from monitored_activity where user_id = ${userId}),
        (select max(at) from rule_hits where user_id = ${userId}))::text as at`);
    return last?.at ? parseInstant(last.at) : null;
  },
  // A keyed hash finds an account again for whoever holds the keyring.
  erase: async (tx, _ctx, userId) => {
    await tx
      .update(monitoredActivity)
      .set({ counterpartyIndex: null })
      .where(and(eq(monitoredActivity.userId, userId), isNotNull(monitoredActivity.counterpartyIndex)));
  },
};
