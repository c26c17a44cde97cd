/**
 * The column types of this project. The drivers' own types lose precision (dates) or pad
 * (numerics); these keep microseconds and exact decimals. drizzle-zod cannot see through a custom
 * type, so wire.ts overrides each of them.
 */
import { customType } from 'drizzle-orm/pg-core';
import {
  type Amount,
  formatAmount,
  parseAmount,
  readStoredAmount,
  storedAmount,
} from '../../kernel/amount.ts';
import { type Instant, readStoredInstant } from '../../kernel/time.ts';

declare const ciphertextBrand: unique symbol;

/** Sealed bytes; only platform/crypto makes them, so plaintext cannot be stored by mistake (I10). */
export type Ciphertext = Uint8Array & { readonly [ciphertextBrand]: true };

/** Money or units. @units 1e-8 of the asset */
export const amount = customType<{ data: Amount; driverData: string }>({
  dataType: () => 'numeric(20, 8)',
  fromDriver: (value) => readStoredAmount(value),
  toDriver: (value) => storedAmount(value),
});

/** A ratio such as a margin threshold, as decimal text in its shortest form: PostgreSQL pads it. */
export const ratio = customType<{ data: string; driverData: string }>({
  dataType: () => 'numeric(12, 6)',
  fromDriver: (value) => formatAmount(parseAmount(value)),
});

/** An exchange rate, kept as decimal text. */
export const rate = customType<{ data: string; driverData: string }>({
  dataType: () => 'numeric(20, 10)',
});

/** An instant with microseconds. */
export const instant = customType<{ data: Instant; driverData: string }>({
  dataType: () => 'timestamp (6) with time zone',
  fromDriver: (value) => readStoredInstant(value),
  toDriver: (value) => value,
});

/** Encrypted personal data. */
export const ciphertext = customType<{ data: Ciphertext; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: (value) => value,
  fromDriver: (value) => new Uint8Array(value) as Ciphertext,
});

/** A hash, MAC or public key. */
export const digest = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: (value) => value,
  fromDriver: (value) => new Uint8Array(value),
});

/** A transaction id, for orders that must follow commit visibility. */
export const xid8 = customType<{ data: string; driverData: string }>({
  dataType: () => 'xid8',
});
