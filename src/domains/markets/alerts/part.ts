import { eq } from 'drizzle-orm';
import { openText } from '../../../platform/crypto/seal.ts';
import { inventoryOf } from '../../../platform/db/inventory.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { priceAlertEndpoints } from './routes.ts';
import { priceAlerts } from './schema.ts';
import { messagePlace } from './store.ts';

const personalAlerts: PersonalData = {
  name: 'price_alerts',
  recordClass: 'customer_file',
  tables: ['price_alerts'],
  sections: {
    priceAlerts: personalRows(priceAlerts, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map((row) => ({
          message:
            key === undefined || row.message === null
              ? null
              : openText(key, messagePlace(row.id), row.message),
        })),
    }),
  },
  erase: async (tx, _ctx, userId) => {
    await tx.delete(priceAlerts).where(eq(priceAlerts.userId, userId));
  },
};

/** What price alerts hand to the front door of markets. */
export const priceAlertPart: DomainPart = {
  endpoints: priceAlertEndpoints,
  personalData: [personalAlerts],
  peopleBehind: [peopleBehind(priceAlerts, priceAlerts.id, priceAlerts.userId)],
  sealedColumns: [{ table: 'price_alerts', column: 'message', rowId: { id: 'uuid' }, person: 'user_id' }],
  inventory: [
    inventoryOf(priceAlerts, 'customer_file', {
      id: 'internal',
      userId: 'internal',
      instrumentId: 'personal, cleared at erasure',
      kind: 'internal',
      condition: 'personal, cleared at erasure',
      message: 'personal, sealed under the person key',
      repeat: 'internal',
      cooldownSeconds: 'internal',
      expiresAt: 'internal',
      active: 'internal',
      armed: 'internal',
      triggerCount: 'internal',
      triggeredAt: 'internal',
      triggeredValue: 'internal',
      version: 'internal',
      createdAt: 'internal',
      changedAt: 'internal',
    }),
  ],
};
