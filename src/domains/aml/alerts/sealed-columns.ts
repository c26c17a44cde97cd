import type { SealedColumn } from '../../../platform/crypto/sealed-columns.ts';

/** What the work on alerts seals: what people wrote to them. */
export const alertSealedColumns: readonly SealedColumn[] = [
  {
    table: 'aml_alert_events',
    column: 'comment',
    rowId: { id: 'uuid' },
    person: '(select user_id from aml_alerts where aml_alerts.id = alert_id)',
    orHouse: true,
    fixed: true,
  },
];
