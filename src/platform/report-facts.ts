/**
 * What domains know that a report to an authority has to name: accounts and what is in them, and who stood on the
 * other side of a payment. It is opened for a report and for nothing else; whoever opens it records that. No domain
 * knows who asks, and who asks knows no domain's tables.
 */
import type { Amount } from '../kernel/amount.ts';
import type { Id } from '../kernel/id.ts';
import type { Instant } from '../kernel/time.ts';
import type { Ctx } from './context.ts';
import type { Tx } from './db/client.ts';

/** An account of somebody, as it is known to them. */
export type AccountFact = {
  readonly id: Id;
  readonly userId: Id;
  readonly name: string;
  readonly currency: string;
  readonly status: 'active' | 'frozen' | 'suspended' | 'closed';
  readonly openedAt: Instant;
  readonly closedAt: Instant | null;
};

/** What somebody has. */
export type HoldingFact = {
  readonly userId: Id;
  readonly accountId: Id | null;
  readonly asset: string;
  /** @units of the asset */
  readonly balance: Amount;
};

/** Who stood on the other side of a payment, as far as it is known. */
export type PartyFact = {
  /** Which activity it is of, as the activity's source says. */
  readonly source: string;
  readonly sourceId: string;
  readonly name: string | null;
  /** The bank account, address or number the money came from or went to. */
  readonly account: string | null;
  /** Of the bank, where one is known. @units ISO 9362 */
  readonly bic: string | null;
  /** What the payment is known by. */
  readonly reference: string | null;
  /** Whether the money has moved, in the words of its domain. */
  readonly status: string;
};

/** What an asset was worth in another, as two people agreed then. */
export type RateFact = {
  readonly asset: string;
  /** Units of the other asset for one of this one. @units decimal string */
  readonly rate: string;
  /** The rate is for the other way round: units of this asset for one of the other. */
  readonly isInverse: boolean;
  readonly asOf: Instant;
};

type OfPeople<Fact> = (tx: Tx, ctx: Ctx, userIds: readonly Id[]) => Promise<readonly Fact[]>;

export type ReportFacts = {
  readonly accounts?: OfPeople<AccountFact>;
  readonly holdings?: OfPeople<HoldingFact>;
  /** Of the activities of one source; what is not there is left out. */
  readonly parties?: (
    tx: Tx,
    ctx: Ctx,
    source: string,
    sourceIds: readonly string[],
  ) => Promise<readonly PartyFact[]>;
  /** What assets were worth in a currency, the newest first. */
  readonly rates?: (
    tx: Tx,
    ctx: Ctx,
    currency: string,
    assets: readonly string[],
  ) => Promise<readonly RateFact[]>;
};
