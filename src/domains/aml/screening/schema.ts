/**
 * How screening weighs what it finds, version by version. A version that left its draft stays as it was, so
 * that the numbers behind a screening's configuration hash can be read for as long as the screening is kept.
 * Internal.
 */
import { sql } from 'drizzle-orm';
import { check, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../../../platform/db/columns.ts';
import { internalRows } from '../../../platform/db/policies.ts';
import type { ScreeningConfig } from '../config.ts';
import type { ConfigSimulation } from './config-simulation.ts';

export const screeningConfigs = pgTable(
  'screening_configs',
  {
    id: uuid('id').primaryKey(),
    version: integer('version').notNull(),
    status: text('status').notNull(),
    /** `release` came with the program, `staff` was drafted by people. */
    origin: text('origin').notNull(),
    content: jsonb('content').$type<ScreeningConfig>().notNull(),
    /** What screenings name it by. @units lowercase hex SHA-256 */
    contentHash: text('content_hash').notNull(),
    algorithm: text('algorithm').notNull(),
    reason: text('reason').notNull(),
    simulation: jsonb('simulation').$type<ConfigSimulation>(),
    approvalId: uuid('approval_id'),
    createdBy: text('created_by').notNull(),
    createdAt: instant('created_at').notNull(),
    activatedAt: instant('activated_at'),
    retiredAt: instant('retired_at'),
  },
  (table) => [
    uniqueIndex('screening_configs_version_key').on(table.version),
    uniqueIndex('screening_configs_active_key').on(table.status).where(sql`${table.status} = 'active'`),
    check('screening_configs_status_check', sql`${table.status} in ('draft', 'active', 'retired')`),
    check('screening_configs_origin_check', sql`${table.origin} in ('release', 'staff')`),
    ...internalRows('screening_configs'),
  ],
);
