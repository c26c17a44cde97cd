/**
 * What people did, as domains tell it to whoever watches over all of it. A source reads rows that are there
 * anyway, in the order they came about, so that being watched costs the paths of money and orders nothing. No
 * domain knows who reads, and no reader knows a domain's tables.
 */
import type { SQL } from 'drizzle-orm';
import type { Amount } from '../kernel/amount.ts';
import type { Json } from '../kernel/canonical-json.ts';
import type { Id } from '../kernel/id.ts';
import type { Instant } from '../kernel/time.ts';
import type { Tx } from './db/client.ts';

export type ActivityKind =
  | 'deposit'
  | 'withdrawal_requested'
  /** What became of it is in `data.end`; what was taken back moved nothing. */
  | 'withdrawal_ended'
  | 'beneficiary_added'
  | 'transfer'
  | 'order_placed'
  | 'order_closed'
  | 'fill';

/** One thing one person did. Nothing in it names anybody but by id or keyed hash. */
export type Activity = {
  /** With `sourceId` what makes it one thing, however often it is read. */
  readonly source: string;
  readonly sourceId: string;
  readonly kind: ActivityKind;
  readonly userId: Id;
  readonly accountId: Id | null;
  readonly occurredAt: Instant;
  readonly asset: string | null;
  /** @units of the asset */
  readonly amount: Amount | null;
  /** Where the money went, from the person's side. */
  readonly direction: 'in' | 'out' | 'none';
  /** A keyed hash of the bank account, address or name on the other side. */
  readonly counterpartyIndex: Uint8Array | null;
  /** @units ISO 3166-1 alpha-2 */
  readonly counterpartyCountry: string | null;
  readonly instrument: string | null;
  readonly side: 'buy' | 'sell' | null;
  readonly price: Amount | null;
  readonly quantity: Amount | null;
  /** The person on the other side of a trade. */
  readonly linkedUserId: Id | null;
  /** Codes, instants and amounts as text. */
  readonly data: { readonly [key: string]: Json };
};

/** One of a page; `position` is where reading goes on behind it. */
export type PlacedActivity = { readonly activity: Activity; readonly position: string };

/** A stream of activity in an order of its own, which follows time but for what committed late. */
export type ActivitySource = {
  /** `domain.rows`, for good: it names the position of whoever reads. */
  readonly name: string;
  /**
   * The page behind a position, from the beginning where it is empty. A position is read again for as long as
   * something may commit late: a source of many rows leaves out those that the reader says it has, by the SQL of
   * their `sourceId`.
   */
  readonly read: (
    tx: Tx,
    after: string,
    limit: number,
    isKept: (sourceId: SQL) => SQL,
  ) => Promise<readonly PlacedActivity[]>;
  /** The position of whatever comes about at an instant, by either clock. */
  readonly positionAt: (at: { readonly business: Instant; readonly realMs: number }) => string;
};

/** The members that most activities leave empty. */
export const NO_ACTIVITY = {
  accountId: null,
  asset: null,
  amount: null,
  direction: 'none',
  counterpartyIndex: null,
  counterpartyCountry: null,
  instrument: null,
  side: null,
  price: null,
  quantity: null,
  linkedUserId: null,
  data: {},
} as const satisfies Partial<Activity>;

/**
 * The position of a stream in the order of its ids, which begin with their time.
 * @source RFC 9562 section 5.7
 */
export function positionById({ realMs }: { readonly realMs: number }): string {
  const hex = Math.max(0, Math.trunc(realMs)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`;
}

/** Before the first id there is. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000';
