/** What an export's file is made of, from slices of the log. */

import type { Json } from '../../kernel/canonical-json.ts';
import { canonicalJson } from '../../kernel/canonical-json.ts';
import type { Id } from '../../kernel/id.ts';
import { toBase64 } from '../../platform/audit/base64.ts';
import type { ExportRow } from '../../platform/audit/export-format.ts';
import { isAsCommitted, type RowText, type SliceRow } from '../../platform/audit/export-slices.ts';
import { openPersonal } from '../../platform/audit/row.ts';
import { TILE_WIDTH } from '../../platform/audit/tiles.ts';
import { type ExportBlock, formatRow } from '../../platform/audit/write-export.ts';
import type { Ctx } from '../../platform/context.ts';
import { type DataKey, SealError } from '../../platform/crypto/seal.ts';
import type { Ciphertext } from '../../platform/db/columns.ts';
import { readerOf } from '../../platform/db/transact-at-once.ts';

/** The personal part of a row, opened, or its hash where it cannot be. */
export type Personal = { readonly hash: string } | { readonly salt: string; readonly text: string };

/** A row as a file shows it. */
export type ShownRow = { readonly sequence: number; readonly leafHash: Uint8Array; readonly row: RowText };

/** Fetches the keys of those who acted in the rows of a slice, once for all. */
export async function openerOf(ctx: Ctx, rows: readonly SliceRow[]): Promise<(row: RowText) => Personal> {
  const people = new Set<Id>();
  for (const { row } of rows) {
    if (row?.actorUserId != null) {
      people.add(row.actorUserId as Id);
    }
  }
  const keys = await ctx.deps.personKeys.ofMany(readerOf(ctx, 'engine'), [...people]);
  const { house } = ctx.deps.keyring;
  return (row) => {
    const key = row.actorUserId === null ? house : keys.get(row.actorUserId as Id);
    return (key && opened(key, row)) ?? { hash: toBase64(row.personalHash) };
  };
}

/** The blocks of a range, with the lines of their rows; `counted` is told how many rows are shown. */
export async function blocksOf(
  ctx: Ctx,
  rows: readonly SliceRow[],
  range: { readonly begin: number; readonly end: number },
  counted: { shown: number },
): Promise<readonly ExportBlock[]> {
  const open = await openerOf(ctx, rows);
  const blocks: ExportBlock[] = [];
  for (let at = 0; at < rows.length; at += TILE_WIDTH) {
    const block = rows.slice(at, at + TILE_WIDTH);
    let lines = '';
    let count = 0;
    for (const one of block) {
      if (one.sequence >= range.begin && one.sequence < range.end) {
        const reason = withheld(one);
        counted.shown += reason === undefined ? 1 : 0;
        lines += lineOf(one, reason, open);
        count += 1;
      }
    }
    const index = Math.floor((block[0]?.sequence ?? 0) / TILE_WIDTH);
    blocks.push({ index, leaves: block.map(({ leafHash }) => leafHash), lines, count });
  }
  return blocks;
}

/** The chosen rows of a slice, in the shape of rows with proofs of their own. */
export async function chosenRows(ctx: Ctx, rows: readonly SliceRow[]): Promise<readonly ExportRow[]> {
  const open = await openerOf(ctx, rows);
  return shownRows(rows).map(({ sequence, row }) => {
    const personal = open(row);
    return {
      sequence,
      content: {
        publicSalt: bytesOf(row.publicSalt),
        publicPart: JSON.parse(row.publicText) as Json,
        personal:
          'hash' in personal
            ? { hash: row.personalHash }
            : { salt: bytesOf(personal.salt), part: JSON.parse(personal.text) as Json },
      },
    };
  });
}

/** The rows of a slice that were asked for. */
export function shownRows(rows: readonly SliceRow[]): readonly ShownRow[] {
  return rows.flatMap(({ sequence, leafHash, row, chosen }) =>
    row !== null && chosen ? [{ sequence, leafHash, row }] : [],
  );
}

/** A row whose time was altered is shown as it is, so that it cannot slip out of the period unseen. */
function withheld(one: SliceRow): string | undefined {
  if (one.row === null) {
    return one.archived ? 'archived' : 'missing';
  }
  return !one.chosen && isAsCommitted(one) ? 'outside' : undefined;
}

function lineOf(one: SliceRow, reason: string | undefined, open: (row: RowText) => Personal): string {
  const { sequence, row } = one;
  if (reason !== undefined || row === null) {
    return `${canonicalJson({ sequence, type: 'row', withheld: reason })}\n`;
  }
  const { publicText, publicSalt } = row;
  return formatRow({ sequence, publicText, publicSalt, personal: open(row) });
}

function opened(key: DataKey, row: RowText): Personal | undefined {
  try {
    const { salt, part } = openPersonal(key, { id: row.id, personal: row.personal as Ciphertext });
    return { salt: toBase64(salt), text: canonicalJson(part) };
  } catch (error) {
    if (error instanceof SealError) {
      return undefined;
    }
    throw error;
  }
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}
