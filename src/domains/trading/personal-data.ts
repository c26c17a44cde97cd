import { eq } from 'drizzle-orm';
import type { PersonalData } from '../../platform/domain.ts';
import { fills, orders } from './schema.ts';

/** What trading holds on a person. */
export const personalOrders: PersonalData = {
  name: 'trading',
  exportOf: async (tx, _ctx, userId) => ({
    orders: (await tx.select().from(orders).where(eq(orders.userId, userId))).map(
      ({ requestHash: _hash, bookSeq, ...order }) => ({ ...order, bookSeq: bookSeq?.toString() ?? null }),
    ),
    fills: await tx.select().from(fills).where(eq(fills.userId, userId)),
  }),
};
