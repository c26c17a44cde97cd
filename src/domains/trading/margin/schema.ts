/**
 * What is done about positions that have too little behind them, and what holding them costs. Calls,
 * liquidations and their orders are state that ends once; funding is append-only evidence (I4). Who keeps margin
 * works under an epoch, so that a keeper that was replaced writes nothing.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { amount, instant } from '../../../platform/db/columns.ts';
import { internalRows, ownedBy } from '../../../platform/db/policies.ts';
import { accounts } from '../../accounts/schema.ts';
import { wallets } from '../../ledger/schema.ts';
import { instruments } from '../../markets/schema.ts';
import { positions } from '../positions/schema.ts';
import { orderSide } from '../schema.ts';

/** Who keeps margin now: one row. */
export const marginKeepers = pgTable(
  'margin_keepers',
  {
    name: text('name').primaryKey(),
    epoch: bigint('epoch', { mode: 'bigint' }).notNull(),
    since: instant('since').notNull(),
  },
  () => [...internalRows('margin_keepers')],
);

export const marginCallOutcome = pgEnum('margin_call_outcome', ['cured', 'liquidated']);

/** An account was told that it needs more behind its positions: one open call for each settlement wallet. */
export const marginCalls = pgTable(
  'margin_calls',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    asset: text('asset').notNull(),
    /** As it was called. @units asset */
    equity: amount('equity').notNull(),
    initialMargin: amount('initial_margin').notNull(),
    maintenanceMargin: amount('maintenance_margin').notNull(),
    /** What was missing until the call would have been over. */
    shortBy: amount('short_by').notNull(),
    calledAt: instant('called_at').notNull(),
    /** Until when it is to be met. */
    deadlineAt: instant('deadline_at').notNull(),
    /** When the customer was mailed that they are called; one mail stands for all calls of an hour. */
    mailedAt: instant('mailed_at'),
    /** When the customer was reminded that the deadline comes near. */
    remindedAt: instant('reminded_at'),
    /** When somebody was told that the deadline is over. */
    overdueToldAt: instant('overdue_told_at'),
    endedAt: instant('ended_at'),
    outcome: marginCallOutcome('outcome'),
  },
  (table) => [
    foreignKey({
      name: 'margin_calls_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    uniqueIndex('margin_calls_open_key').on(table.walletId).where(sql`${table.endedAt} is null`),
    index('margin_calls_wallet_id_idx').on(table.walletId),
    index('margin_calls_account_id_idx').on(table.accountId, table.id),
    index('margin_calls_user_id_idx').on(table.userId, table.id),
    check('margin_calls_outcome_check', sql`(${table.endedAt} is null) = (${table.outcome} is null)`),
    check('margin_calls_deadline_check', sql`${table.deadlineAt} > ${table.calledAt}`),
    ...ownedBy('margin_calls', table.userId),
  ],
);

export const liquidationCause = pgEnum('liquidation_cause', ['threshold', 'deadline']);
export const liquidationOutcome = pgEnum('liquidation_outcome', ['restored', 'closed_out']);

/** The engine closes what an account can no longer carry: one at a time for each settlement wallet. */
export const liquidations = pgTable(
  'liquidations',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    walletId: uuid('wallet_id')
      .notNull()
      .references(() => wallets.id),
    asset: text('asset').notNull(),
    cause: liquidationCause('cause').notNull(),
    /** As it began. @units asset */
    equity: amount('equity').notNull(),
    initialMargin: amount('initial_margin').notNull(),
    maintenanceMargin: amount('maintenance_margin').notNull(),
    /** How often orders were placed. */
    steps: integer('steps').notNull(),
    /** Why nothing is done just now; null while something is. */
    heldBack: text('held_back'),
    /** Not before then is the next step taken. */
    nextStepAt: instant('next_step_at').notNull(),
    startedAt: instant('started_at').notNull(),
    endedAt: instant('ended_at'),
    outcome: liquidationOutcome('outcome'),
  },
  (table) => [
    foreignKey({
      name: 'liquidations_account_id_user_id_fkey',
      columns: [table.accountId, table.userId],
      foreignColumns: [accounts.id, accounts.userId],
    }),
    uniqueIndex('liquidations_open_key').on(table.walletId).where(sql`${table.endedAt} is null`),
    index('liquidations_wallet_id_idx').on(table.walletId),
    index('liquidations_account_id_idx').on(table.accountId, table.id),
    index('liquidations_user_id_idx').on(table.userId, table.id),
    check('liquidations_outcome_check', sql`(${table.endedAt} is null) = (${table.outcome} is null)`),
    ...ownedBy('liquidations', table.userId),
  ],
);

/**
 * What a step of a liquidation orders. Written before the order is placed: its id is the order's
 * idempotency key, so that a step that was interrupted places it once.
 */
export const liquidationOrders = pgTable(
  'liquidation_orders',
  {
    id: uuid('id').primaryKey(),
    liquidationId: uuid('liquidation_id')
      .notNull()
      .references(() => liquidations.id),
    positionId: uuid('position_id')
      .notNull()
      .references(() => positions.id),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    symbol: text('symbol').notNull(),
    side: orderSide('side').notNull(),
    step: integer('step').notNull(),
    quantity: amount('quantity').notNull(),
    orderId: uuid('order_id'),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    uniqueIndex('liquidation_orders_step_key').on(table.liquidationId, table.step, table.positionId),
    uniqueIndex('liquidation_orders_order_id_key').on(table.orderId),
    index('liquidation_orders_unplaced_idx').on(table.liquidationId).where(sql`${table.orderId} is null`),
    index('liquidation_orders_position_id_idx').on(table.positionId),
    index('liquidation_orders_user_id_idx').on(table.userId),
    check('liquidation_orders_quantity_check', sql`${table.quantity} > 0`),
    ...internalRows('liquidation_orders'),
  ],
);

/** What holding a position cost in one period: append-only, once for each. */
export const positionFunding = pgTable(
  'position_funding',
  {
    positionId: uuid('position_id')
      .notNull()
      .references(() => positions.id),
    /** The period ends here: who holds the position then is charged for all of it. */
    periodEnd: instant('period_end').notNull(),
    userId: uuid('user_id').notNull(),
    accountId: uuid('account_id').notNull(),
    instrumentId: uuid('instrument_id')
      .notNull()
      .references(() => instruments.id),
    walletId: uuid('wallet_id').notNull(),
    /** Negative for a short position. @units base */
    quantity: amount('quantity').notNull(),
    price: amount('price').notNull(),
    rateBps: integer('rate_bps').notNull(),
    periodSeconds: integer('period_seconds').notNull(),
    /** What the customer paid, or received where it is negative. @units settlement asset */
    amount: amount('amount').notNull(),
    /** What of it the customer did not have. */
    borne: amount('borne').notNull(),
    /** Nothing is taken from or given to whom a restriction freezes, nor to a wallet that is not active. */
    waived: boolean('waived').notNull(),
    /** Null where there was nothing to book. */
    journalId: uuid('journal_id'),
    chargedAt: instant('charged_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'position_funding_pkey', columns: [table.positionId, table.periodEnd] }),
    index('position_funding_instrument_id_idx').on(table.instrumentId),
    index('position_funding_user_id_idx').on(table.userId),
    check(
      'position_funding_borne_check',
      sql`${table.borne} >= 0 and ${table.borne} <= greatest(${table.amount}, 0)`,
    ),
    ...internalRows('position_funding'),
  ],
);

/** Up to which end of a period the positions of an instrument are charged. */
export const fundingCursors = pgTable(
  'funding_cursors',
  {
    instrumentId: uuid('instrument_id')
      .primaryKey()
      .references(() => instruments.id),
    chargedTo: instant('charged_to').notNull(),
  },
  () => [...internalRows('funding_cursors')],
);
