/**
 * From tables to the wire: the one drizzle-zod factory. Custom column types are overridden by what
 * they look like in JSON: amounts and instants are strings, sealed bytes have no wire form at all.
 */
import { z } from '@hono/zod-openapi';
import { getTableColumns } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { createSchemaFactory } from 'drizzle-zod';
import { type Amount, DECIMAL_PATTERN, formatAmount, parseAmount } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import { type Instant, parseInstant } from '../../kernel/time.ts';

const { createSelectSchema } = createSchemaFactory({ zodInstance: z });

const DECIMAL_SOURCE = DECIMAL_PATTERN.source;

/** A decimal string in an answer. */
export const wireDecimal = z.string().regex(DECIMAL_PATTERN).openapi({ example: '125.5' });

/** An instant in an answer: RFC 3339, UTC. */
export const wireInstant = z
  .string()
  .openapi({ format: 'date-time', example: '2026-01-31T09:30:00.000000Z' });

export const wireId = z.string().openapi({ format: 'uuid', example: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' });

/** An identifier in a request. */
export const idInput = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a lower-case UUID')
  .transform((text) => text as Id)
  .openapi({ type: 'string', format: 'uuid', example: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' });

/** A positive amount in a request, parsed to a scaled bigint. */
export const amountInput = z
  .string()
  .regex(DECIMAL_PATTERN, 'must be a decimal string with at most 12 digits and 8 decimals')
  .refine((text) => !text.startsWith('-') && /[1-9]/.test(text), 'must be greater than zero')
  .transform((text): Amount => parseAmount(text))
  .openapi({ type: 'string', pattern: DECIMAL_SOURCE, example: '100.25' });

const EARLIEST = '1900-01-01T00:00:00.000000Z';
const LATEST = '9998-12-31T23:59:59.999999Z';

/** An instant in a request; years beyond have another spelling, and PostgreSQL knows no year zero. */
export const instantInput = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 instant' })
  .refine((text) => !/\.\d{10}/.test(text), 'must have at most nine decimals of a second')
  .transform((text): Instant => parseInstant(text))
  .refine((instant) => EARLIEST <= instant && instant <= LATEST, 'must lie in the years 1900 to 9998')
  .openapi({ type: 'string', format: 'date-time', example: '2026-01-31T09:30:00Z' });

/** A day in a request, in the same years. */
export const dayInput = z.iso
  .date({ error: 'must be a day as YYYY-MM-DD' })
  .refine((day) => EARLIEST.slice(0, 10) <= day && day <= LATEST, 'must lie in the years 1900 to 9998')
  .openapi({ example: '2026-01-31' });

type WireOf<Column> = Column extends { _: { data: infer Data; notNull: infer NotNull } }
  ? NotNull extends true
    ? WireValue<Data>
    : z.ZodNullable<WireValue<Data>>
  : never;

type WireValue<Data> = [Data] extends [bigint]
  ? z.ZodString
  : [Data] extends [Uint8Array]
    ? z.ZodNever
    : [Data] extends [string]
      ? z.ZodType<Data>
      : z.ZodType<Data>;

type WireShape<Table extends PgTable> = {
  [Key in keyof Table['_']['columns']]: WireOf<Table['_']['columns'][Key]>;
};

/**
 * The wire schema of a table's columns; api.ts files **pick** from it, never omit.
 * @shape one member per column; sealed columns are `never` and fail if picked
 */
export function wireOf<Table extends PgTable>(table: Table): z.ZodObject<WireShape<Table>> {
  const overrides: Record<string, z.ZodType> = {};
  for (const [name, column] of Object.entries(getTableColumns(table))) {
    const override = wireTypeOf(column.getSQLType());
    if (override !== undefined) {
      overrides[name] = column.notNull ? override : z.union([override, z.null()]);
    }
  }
  // drizzle-zod types custom columns as any; WireShape states what the overrides above guarantee.
  return createSelectSchema(table as PgTable, overrides as never) as unknown as z.ZodObject<WireShape<Table>>;
}

/** Turns rows into JSON values: every bigint of a row is an amount. */
export function toWire(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return formatAmount(value);
  }
  if (Array.isArray(value)) {
    return value.map(toWire);
  }
  if (value !== null && typeof value === 'object' && !(value instanceof Uint8Array)) {
    const members: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(value)) {
      members[key] = toWire(member);
    }
    return members;
  }
  return value;
}

/** The same of what a schema names: it drops the other members anyway. */
export function toWireAs(schema: z.ZodType, value: unknown): unknown {
  if (!(schema instanceof z.ZodObject) || schema.def.catchall !== undefined || !isPlain(value)) {
    return toWire(value);
  }
  const members: Record<string, unknown> = {};
  for (const name of membersOf(schema)) {
    const member = value[name];
    if (member !== undefined) {
      members[name] = toWire(member);
    }
  }
  return members;
}

const memberNames = new WeakMap<z.ZodObject, readonly string[]>();

function membersOf(schema: z.ZodObject): readonly string[] {
  const names = memberNames.get(schema) ?? Object.keys(schema.shape);
  memberNames.set(schema, names);
  return names;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function wireTypeOf(sqlType: string): z.ZodType | undefined {
  if (sqlType.startsWith('numeric') || sqlType === 'bigint') {
    return wireDecimal;
  }
  if (sqlType.startsWith('timestamp')) {
    return wireInstant;
  }
  if (sqlType === 'bytea' || sqlType === 'xid8') {
    return z.never();
  }
  return sqlType === 'uuid' ? wireId : undefined;
}
