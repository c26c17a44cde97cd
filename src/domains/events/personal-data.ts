import { sql } from 'drizzle-orm';
import { outbox } from '../../platform/db/schema.ts';
import type { PersonalData } from '../../platform/domain.ts';
import { personalRows } from '../../platform/privacy/personal-rows.ts';

/** The feed a customer may read; events between domains repeat what the domains hold themselves. */
export const personalFeed: PersonalData = {
  name: 'events',
  recordClass: 'customer_file',
  tables: ['outbox'],
  sections: {
    events: personalRows(outbox, {
      keys: ['position'],
      where: sql`${outbox.customerVisible} and ${outbox.position} is not null`,
      without: ['txid', 'customerVisible'],
      more: (rows) => rows.map((row) => ({ position: row.position?.toString() ?? null })),
    }),
  },
};
