/** What the writer of an export and the worker that reads the log for it say to one another. */
import type { Instant } from '../../kernel/time.ts';
import type { Connection } from '../db/client.ts';
import type { LeafRange } from './merkle.ts';
import { TILE_WIDTH } from './tiles.ts';

/** Whole blocks, so that each is read once. @units leaves */
export const SLICE_LEAVES = 16 * TILE_WIDTH;

/** Which rows are asked for; a member left out asks for all. */
export type RowChoice = {
  readonly from: Instant;
  readonly to: Instant;
  readonly userId?: string | undefined;
  readonly actorId?: string | undefined;
  readonly category?: string | undefined;
  readonly severity?: string | undefined;
  readonly class?: string | undefined;
  readonly outcome?: string | undefined;
  readonly eventType?: string | undefined;
  readonly resourceType?: string | undefined;
  readonly resourceId?: string | undefined;
};

/** Where a slice is read into: its bytes, and where each column begins and how long it is. It is handed over whole. */
export type Room = {
  readonly bytes: ArrayBuffer;
  readonly begins: Int32Array<ArrayBuffer>;
  readonly lengths: Int32Array<ArrayBuffer>;
};

/** What the writer asks for. A room that it gives back is read into again. */
export type Asked =
  | {
      readonly kind: 'read';
      readonly connection: Connection;
      readonly range: LeafRange;
      readonly choice: RowChoice;
    }
  | { readonly kind: 'room'; readonly room: Room }
  | { readonly kind: 'end' };

/** What the reader says. Of a fault only its kind is told: its text may hold what nobody should read. */
export type Answered =
  | { readonly kind: 'slice'; readonly range: LeafRange; readonly room: Room }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly isAssertion: boolean; readonly code: string };

/** What hands a room over instead of copying it. */
export function partsOfRoom({ bytes, begins, lengths }: Room): ArrayBuffer[] {
  return [bytes, begins.buffer, lengths.buffer];
}
