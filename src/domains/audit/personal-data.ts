import { sql } from 'drizzle-orm';
import { auditLogs } from '../../platform/db/schema.ts';
import type { PersonalData } from '../../platform/domain.ts';
import { type Opening, personalRows } from '../../platform/privacy/personal-rows.ts';
import { legalHolds, retentionItems } from '../../platform/privacy/schema.ts';
import { personalOpener } from './personal-part.ts';

type Rows = readonly (typeof auditLogs.$inferSelect)[];

const KEYS = ['recordedAt', 'id'] as const;

/** What one of the staff did about other people belongs to those. */
const ownAffairs = sql`coalesce(${auditLogs.subjectUserId} = ${auditLogs.actorUserId}, true)`;

/** What a person did, as the log says, with where from; what the firm did about them is the firm's. */
export const personalTrail: PersonalData = {
  name: 'audit',
  recordClass: 'audit_log',
  tables: ['audit_logs'],
  internal: true,
  sections: {
    doneByPerson: personalRows(auditLogs, {
      by: 'actorUserId',
      keys: KEYS,
      where: sql`${auditLogs.class} = 'normal' and ${ownAffairs}`,
      without: ['txid'],
      more: whereFrom,
    }),
  },
};

/** What others did about a person, and what only examiners may know of what the person did. */
export const personalEvidence: PersonalData = {
  name: 'audit_evidence',
  recordClass: 'audit_log',
  tables: ['audit_logs'],
  restricted: true,
  sections: {
    doneByPerson: personalRows(auditLogs, {
      by: 'actorUserId',
      keys: KEYS,
      where: sql`(${auditLogs.class} = 'restricted' or not ${ownAffairs})`,
      without: ['txid'],
      more: whereFrom,
    }),
    doneAboutPerson: personalRows(auditLogs, {
      by: 'subjectUserId',
      keys: KEYS,
      where: sql`${auditLogs.actorUserId} is distinct from ${auditLogs.subjectUserId}`,
      without: ['txid'],
    }),
  },
};

/** What keeps a person's records, and what was found to be due of them. */
export const personalRetention: PersonalData = {
  name: 'retention',
  recordClass: 'supervision',
  tables: ['legal_holds', 'retention_items'],
  restricted: true,
  sections: {
    legalHolds: personalRows(legalHolds, { keys: ['id'], without: ['placedBy'] }),
    due: personalRows(retentionItems, { keys: ['id'] }),
  },
};

/** Where others were when they acted is their own affair, so only the person's own rows are opened. */
async function whereFrom(rows: Rows, { tx, ctx }: Opening) {
  const open = await personalOpener(tx, ctx.deps, rows);
  return rows.map((row) => ({ personal: open(row)?.part ?? null }));
}
