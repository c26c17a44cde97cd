/**
 * The port through which orders leave for somebody who executes them. What a venue has to keep to:
 *
 * - `reference` is ours and names one order for good: a second `send` of a reference changes nothing, whatever
 *   became of the first.
 * - Every report has an id that the venue never uses again. It may come twice, late, and in any order; told
 *   again it says the same.
 * - What ends an order (`cancelled`, `done`) says how much of it was executed in all, so that executions which
 *   are still on their way are waited for.
 * - What `collect` tells of an order it tells again as long as it is asked about it: an answer may be lost.
 * - A call that fails, or takes longer than `VENUE_TIMEOUT_MS`, says nothing about what happened.
 * - A `send` that reaches it after its `takeUntil` fails and changes nothing, however long it was on its way: the venue
 *   itself refuses it (a deadline or receive window of the request, `ExpireTime`, FIX's check of `SendingTime`).
 * - `lookUp` says `not_there` where the venue, asked by our reference, has never had such an order. That is how things
 *   stand and no promise: a `send` that travels may still arrive. It is final once the venue was asked later than
 *   `settleMs` after the `takeUntil` of every send of the reference; who asks counts that, and not the venue. One that
 *   refuses nothing that is late, forgets orders, or says the same of those it only cannot find has a `settleMs` of
 *   null, or answers `unknown`: its silence is never final, and people say what became of the order.
 *
 * docs/howto/execution-venues.md says how to add one; every venue passes `venues/testing/venue-contract.ts`.
 */
import type { Amount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { NewOrder, VenueEnd } from '../engine/command.ts';

/** How long a venue may take to answer a call. */
export const VENUE_TIMEOUT_MS = 3_000;

/** What a venue is asked to execute. */
export type VenueOrder = {
  readonly reference: Id;
  /** The account it is of, by a name that says nothing: a venue elsewhere sees one client, the firm, and is not told. */
  readonly client: Id;
  readonly instrumentId: Id;
  readonly symbol: string;
  readonly side: NewOrder['side'];
  readonly timeInForce: NewOrder['timeInForce'];
  /** The worst price it may be executed at; null accepts any. */
  readonly limit: Amount | null;
  /** A market order does not rest, though its price is bounded. */
  readonly isMarket: boolean;
  /** How many units at most; null for a market order that only a notional bounds. */
  readonly quantity: Amount | null;
  /** How much a market order may turn over at most; a sale that has a quantity too goes beyond neither. */
  readonly notional: Amount | null;
  readonly postOnly: boolean;
  /** Until when this `send` may be taken, in real time by the clock of whoever sends; another one bears its own. */
  readonly takeUntil: Instant;
};

/** What a venue says of an order. */
export type ExecutionReport = {
  readonly reference: Id;
  /** The venue's own, unique there for good. */
  readonly reportId: string;
} & (
  | {
      readonly type: 'accepted';
      /** What the venue itself calls the order: people cite it when they ask there. */
      readonly venueOrderId?: string;
    }
  | {
      readonly type: 'fill';
      readonly price: Amount;
      readonly quantity: Amount;
      readonly liquidity: 'maker' | 'taker';
      /** What the venue charges the firm for it; no customer pays it. */
      readonly fee: Amount;
      readonly feeAsset: string;
    }
  | { readonly type: 'rejected'; readonly reason: VenueEnd }
  | { readonly type: 'cancelled'; readonly reason: VenueEnd; readonly executed: Amount }
  | { readonly type: 'done'; readonly executed: Amount }
);

/** What a call has brought. */
export type VenueAnswer = {
  readonly reports: readonly ExecutionReport[];
  /** When to collect again without a reason; null where the venue has nothing under way. @units ms */
  readonly againInMs: number | null;
};

export type LookUp =
  | { readonly known: true; readonly reports: readonly ExecutionReport[] }
  | { readonly known: false; readonly why: 'not_there' | 'unknown' };

/** Whether the firm lets the instrument trade now; what a venue executes all the same is a fact. */
export type Trading = { readonly trading: boolean };

export type Venue = {
  readonly name: string;
  /**
   * How long after `takeUntil` it may take until a look-up shows what was taken, with the difference between its clock and
   * ours; null where that is not known, or where it takes what is late.
   */
  readonly settleMs: number | null;
  readonly send: (order: VenueOrder) => Promise<VenueAnswer>;
  /** Asks for an order back; it has ended only once a report says so. */
  readonly cancel: (reference: Id) => Promise<VenueAnswer>;
  /** Everything the venue knows of an order. */
  readonly lookUp: (reference: Id) => Promise<LookUp>;
  /** What has happened to open orders; asked when prices move, and each second. */
  readonly collect: (references: readonly Id[], now: Trading) => Promise<VenueAnswer>;
};
