import { eq } from 'drizzle-orm';
import { openText } from '../../../platform/crypto/seal.ts';
import { inventoryOf } from '../../../platform/db/inventory.ts';
import type { PersonalData } from '../../../platform/domain.ts';
import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { personalRows } from '../../../platform/privacy/personal-rows.ts';
import { watchlistEndpoints } from './routes.ts';
import { watchlists } from './schema.ts';
import { namePlace } from './store.ts';

const personalWatchlists: PersonalData = {
  name: 'watchlists',
  recordClass: 'customer_file',
  tables: ['watchlists'],
  sections: {
    watchlists: personalRows(watchlists, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map((row) => ({ name: key === undefined ? null : openText(key, namePlace(row.id), row.name) })),
    }),
  },
  erase: async (tx, _ctx, userId) => {
    await tx.delete(watchlists).where(eq(watchlists.userId, userId));
  },
};

/** What watchlists hand to the front door of markets. */
export const watchlistPart: DomainPart = {
  endpoints: watchlistEndpoints,
  personalData: [personalWatchlists],
  peopleBehind: [peopleBehind(watchlists, watchlists.id, watchlists.userId)],
  sealedColumns: [{ table: 'watchlists', column: 'name', rowId: { id: 'uuid' }, person: 'user_id' }],
  inventory: [
    inventoryOf(watchlists, 'customer_file', {
      id: 'internal',
      userId: 'internal',
      name: 'personal, sealed under the person key',
      instrumentIds: 'personal, cleared at erasure',
      version: 'internal',
      createdAt: 'internal',
      updatedAt: 'internal',
    }),
  ],
};
