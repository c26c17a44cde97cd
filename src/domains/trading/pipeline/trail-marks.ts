/**
 * The best prices trailing orders have seen, as they are stored: those of a side held from a number on,
 * up to the next row, have seen its mark. So a new best price is one row, however many orders follow
 * it, written in the transaction that settles what moved the price.
 */
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import { amountOf } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { trailMarks } from '../schema.ts';
import { type BookName, bookKey } from './desk.ts';
import type { OrderRow } from './ticket.ts';

type Side = OrderRow['side'];

/** The marks that a settlement changes, by book and side. */
export type MarkChanges = Map<string, MarkChange>;

type MarkChange = {
  readonly name: BookName;
  readonly side: Side;
  /** Rows from here on are gone; null where none is. */
  goneFrom: bigint | null;
  readonly marks: Map<bigint, bigint>;
};

/** An order begins to trail at a mark. */
export function beginTrail(
  changes: MarkChanges,
  name: BookName,
  side: Side,
  heldSeq: bigint,
  mark: bigint,
): void {
  changeOf(changes, name, side).marks.set(heldSeq, mark);
}

/** All from a number on have seen a better price. */
export function raiseMarks(
  changes: MarkChanges,
  name: BookName,
  side: Side,
  from: bigint,
  mark: bigint,
): void {
  const change = changeOf(changes, name, side);
  for (const heldSeq of change.marks.keys()) {
    if (heldSeq >= from) {
      change.marks.delete(heldSeq);
    }
  }
  change.goneFrom = change.goneFrom === null || from < change.goneFrom ? from : change.goneFrom;
  change.marks.set(from, mark);
}

function changeOf(changes: MarkChanges, name: BookName, side: Side): MarkChange {
  const key = `${bookKey(name)}:${side}`;
  const change = changes.get(key) ?? { name, side, goneFrom: null, marks: new Map<bigint, bigint>() };
  changes.set(key, change);
  return change;
}

/** @effects rows of `trail_marks` */
export async function keepMarks(tx: Tx, changes: MarkChanges): Promise<void> {
  for (const { name, side, goneFrom, marks } of changes.values()) {
    const from = [...marks.keys()].reduce(
      (least, next) => (next < least ? next : least),
      goneFrom ?? 1n << 62n,
    );
    // A number that is given anew after its order has gone takes the place of that order's mark.
    const gone =
      goneFrom === null
        ? sql`${trailMarks.fromHeldSeq} = any (${sql.param([...marks.keys()].map(String))}::bigint[])`
        : sql`${trailMarks.fromHeldSeq} >= ${from.toString()}::bigint`;
    await tx
      .delete(trailMarks)
      .where(
        and(
          eq(trailMarks.instrumentId, name.instrumentId),
          eq(trailMarks.book, name.book),
          eq(trailMarks.side, side),
          gone,
        ),
      );
    await insertRows(
      tx,
      trailMarks,
      [...marks].map(([fromHeldSeq, mark]) => ({
        instrumentId: name.instrumentId,
        book: name.book,
        side,
        fromHeldSeq,
        mark: amountOf(mark),
      })),
    );
  }
}

/** What a trailing order has seen as its best price; null where it trails nothing. */
export type MarkOf = (order: Pick<OrderRow, 'instrumentId' | 'book' | 'side' | 'heldSeq'>) => Amount | null;

/** The marks of the trailing orders of some instruments, as they are stored. */
export async function readMarks(tx: Tx, instrumentIds: readonly Id[]): Promise<MarkOf> {
  const rows =
    instrumentIds.length === 0
      ? []
      : await tx
          .select()
          .from(trailMarks)
          .where(inArray(trailMarks.instrumentId, [...new Set(instrumentIds)]))
          .orderBy(trailMarks.fromHeldSeq);
  const lines = Map.groupBy(rows, (row) => `${bookKey(row)}:${row.side}`);
  return (order) => {
    const { heldSeq } = order;
    if (heldSeq === null) {
      return null;
    }
    const line = lines.get(`${bookKey(order)}:${order.side}`) ?? [];
    return line.findLast((row) => row.fromHeldSeq <= heldSeq)?.mark ?? null;
  };
}
