/**
 * Which limit binds and whether something keeps it. Pure. A limit that is not set refuses (I9):
 * defaults are seeded rows of the platform's scope, not code.
 */
import type { Amount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';

export type LimitScope = 'platform' | 'user' | 'account' | 'instrument' | 'asset';
export type LimitType =
  | 'max_position'
  | 'max_order_value'
  | 'max_daily_volume'
  | 'max_open_orders'
  | 'max_leverage'
  | 'max_daily_loss';

export type LimitRow = {
  readonly id: Id;
  readonly scope: LimitScope;
  readonly scopeId: string;
  readonly type: LimitType;
  readonly value: Amount;
  readonly currency: string | null;
  readonly effectiveFrom: Instant;
};

/** What is traded, by whom; `currency` is what its value is counted in. */
export type LimitSubject = {
  readonly accountId: Id;
  readonly userId: Id;
  readonly instrumentId: Id;
  readonly asset: string;
  readonly currency: string;
};

export type LimitRefusal = 'limit_missing' | 'limit_exceeded';

/** The narrowest scope that has the limit decides, also where a wider one is stricter. */
const RESOLUTION_ORDER: readonly LimitScope[] = ['account', 'user', 'instrument', 'asset', 'platform'];

/**
 * The limit that binds; null where none is set. Within a scope the row that took effect last counts.
 * A limit in another currency is not comparable and does not bind.
 */
export function bindingLimit(
  rows: readonly LimitRow[],
  type: LimitType,
  subject: LimitSubject,
): LimitRow | null {
  for (const scope of RESOLUTION_ORDER) {
    const scopeId = scopeIdOf(scope, subject);
    const inScope = rows.filter(
      (row) =>
        row.type === type &&
        row.scope === scope &&
        row.scopeId === scopeId &&
        (row.currency === null || row.currency === subject.currency),
    );
    const latest = inScope.reduce<LimitRow | null>(
      (newest, row) => (newest === null || isLater(row, newest) ? row : newest),
      null,
    );
    if (latest !== null) {
      return latest;
    }
  }
  return null;
}

/** Whether an amount keeps the limit; null means it does. @units inclusive */
export function limitRefusal(limit: LimitRow | null, wanted: bigint): LimitRefusal | null {
  if (limit === null) {
    return 'limit_missing';
  }
  return wanted > limit.value ? 'limit_exceeded' : null;
}

function scopeIdOf(scope: LimitScope, subject: LimitSubject): string {
  switch (scope) {
    case 'account':
      return subject.accountId;
    case 'user':
      return subject.userId;
    case 'instrument':
      return subject.instrumentId;
    case 'asset':
      return subject.asset;
    case 'platform':
      return '';
  }
}

function isLater(row: LimitRow, than: LimitRow): boolean {
  return (
    row.effectiveFrom > than.effectiveFrom || (row.effectiveFrom === than.effectiveFrom && row.id > than.id)
  );
}
