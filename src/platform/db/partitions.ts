/**
 * Tables cut by month. drizzle-kit does not model partitions, so scripts/db-generate.ts adds the
 * clause to what it generates; migrations create the partitions themselves.
 */
export const PARTITIONED_BY: Readonly<Record<string, string>> = {
  audit_logs: 'recorded_at',
  journals: 'booked_at',
  ledger_entries: 'booked_at',
  price_ticks: 'received_at',
};

/** How many months of partitions are kept ahead, this month included. */
export const MONTHS_AHEAD = 13;
