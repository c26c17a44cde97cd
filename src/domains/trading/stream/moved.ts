/** What a process tells others when orders, books or trades moved; see src/platform/changes/changes.ts. */
export const ORDERS_MOVED = 'orders';
