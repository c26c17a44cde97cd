/**
 * Row-level security, declared beside each table. It guards a forgotten WHERE: a customer's login
 * sees rows of the user in its context and nothing without one. Grants, not policies, decide which
 * commands a login may run (migrations/*_grants.sql). FORCE is set by migration for every table
 * that has a policy.
 */
import { type SQL, sql } from 'drizzle-orm';
import { type AnyPgColumn, pgPolicy, pgRole } from 'drizzle-orm/pg-core';

export const APP_ROLE = 'plimsoll_app';
export const STAFF_ROLE = 'plimsoll_staff';
export const ENGINE_ROLE = 'plimsoll_engine';

const app = pgRole(APP_ROLE).existing();
const staff = pgRole(STAFF_ROLE).existing();
const engine = pgRole(ENGINE_ROLE).existing();

/** The user in the transaction's context; NULL, hence no row, where there is none. */
const contextUser = sql`(select nullif(current_setting('plimsoll.user_id', true), '')::uuid)`;

/** Policies of a customer-owned table: the customer's own rows, every row for staff and engine. */
export function ownedBy(table: string, userColumn: AnyPgColumn) {
  return [customerPolicy(table, sql`${userColumn} = ${contextUser}`), ...internalRows(table)];
}

/** Policies of a table no customer may ever see: staff and engine only (no tipping off). */
export function internalRows(table: string) {
  const everyRow = sql`true`;
  return [
    pgPolicy(`${table}_staff`, { for: 'all', to: staff, using: everyRow, withCheck: everyRow }),
    pgPolicy(`${table}_engine`, { for: 'all', to: engine, using: everyRow, withCheck: everyRow }),
  ];
}

/** Policies of a table that is nobody's own and that customers may read, such as a price list. */
export function publishedRows(table: string) {
  return [
    pgPolicy(`${table}_app_read`, { for: 'select', to: app, using: sql`true` }),
    ...internalRows(table),
  ];
}

/** Policies of a log that customers write to in their own name and otherwise do not touch. */
export function writtenByAll(table: string, writer: AnyPgColumn) {
  const inOwnName = sql`${writer} is not distinct from ${contextUser}`;
  return [pgPolicy(`${table}_app`, { for: 'insert', to: app, withCheck: inOwnName }), ...internalRows(table)];
}

/** A customer reads the rows of a shared log that are theirs and meant for them. */
export function readByOwner(table: string, userColumn: AnyPgColumn, condition: SQL) {
  return pgPolicy(`${table}_app_read`, {
    for: 'select',
    to: app,
    using: sql`${userColumn} = ${contextUser} and ${condition}`,
  });
}

function customerPolicy(table: string, condition: SQL) {
  return pgPolicy(`${table}_app`, { for: 'all', to: app, using: condition, withCheck: condition });
}
