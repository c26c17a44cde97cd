/**
 * Keyset pages. A cursor is the last row's key, signed for one listing, so that it cannot be forged
 * or carried to another listing.
 */
import { createHmac } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT, type Page } from '../../kernel/page.ts';
import { equalSecrets } from '../crypto/keyring.ts';
import { refuse } from './refuse.ts';

const TAG_BYTES = 16;

/** The query members every listing takes. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^[1-9]\d{0,2}$/, `must be a whole number from 1 to ${MAX_PAGE_LIMIT}`)
    .transform((text) => Number.parseInt(text, 10))
    .refine((limit) => limit <= MAX_PAGE_LIMIT, `must be a whole number from 1 to ${MAX_PAGE_LIMIT}`)
    .default(DEFAULT_PAGE_LIMIT)
    .openapi({
      type: 'integer',
      minimum: 1,
      maximum: MAX_PAGE_LIMIT,
      default: DEFAULT_PAGE_LIMIT,
      example: 50,
    }),
  cursor: z.string().max(1024).optional(),
};

export type PageRequest = { readonly limit: number; readonly cursor?: string | undefined };

/** The body of a listing of `row`. */
export function pageOf<Row extends z.ZodType>(row: Row) {
  return z.object({ data: z.array(row), nextCursor: z.union([z.string(), z.null()]) });
}

/**
 * Signs the key of the last row of a page.
 * @units listing: the operation id plus what filters it
 */
export function signCursor(key: Uint8Array, listing: string, position: readonly string[]): string {
  const body = Buffer.from(JSON.stringify(position), 'utf8');
  return Buffer.concat([tagOf(key, listing, body), body]).toString('base64url');
}

/** @errors invalid_cursor when it was altered or made for another listing */
export function readCursor(key: Uint8Array, listing: string, cursor: string): readonly string[] {
  const bytes = Buffer.from(cursor, 'base64url');
  const body = bytes.subarray(TAG_BYTES);
  if (bytes.length <= TAG_BYTES || !equalSecrets(bytes.subarray(0, TAG_BYTES), tagOf(key, listing, body))) {
    throw refuse('invalid_cursor');
  }
  return JSON.parse(body.toString('utf8')) as readonly string[];
}

/**
 * Cuts rows, fetched with `limit + 1`, to one page.
 * @shape data has at most `limit` rows; nextCursor is null on the last page
 */
export function cutPage<Row>(
  key: Uint8Array,
  listing: string,
  rows: readonly Row[],
  limit: number,
  positionOf: (row: Row) => readonly string[],
): Page<Row> {
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { data, nextCursor: more ? signCursor(key, listing, positionOf(last)) : null };
}

function tagOf(key: Uint8Array, listing: string, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(listing).update('\0').update(body).digest().subarray(0, TAG_BYTES);
}
