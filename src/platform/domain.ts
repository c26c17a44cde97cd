/**
 * What a domain hands to the application through its front door. The application wires; no domain
 * knows who else is there.
 */
import type { Id } from '../kernel/id.ts';
import type { Instant } from '../kernel/time.ts';
import type { ApprovalAction } from './approvals/actions.ts';
import type { Ctx } from './context.ts';
import type { Tx } from './db/client.ts';
import type { Endpoint } from './http/endpoint.ts';
import type { Consumer } from './outbox/consumer.ts';

export type Break = {
  /** What is wrong: a wallet, a journal, an order. */
  readonly object: string;
  readonly detail: string;
};

export type CheckResult = {
  /** How many objects the check looked at; compared with the catalogue, so that seeing nothing shows. */
  readonly seen: number;
  readonly breaks: readonly Break[];
};

/** One whole-book invariant, run by `reconcile` on the engine's login. */
export type Check = {
  /** `domain.what_holds`. */
  readonly name: string;
  readonly invariant: string;
  readonly run: (tx: Tx) => Promise<CheckResult>;
};

/** Repeated work; every job is safe to run twice. */
export type Job = {
  readonly name: string;
  /** @units five-field cron, UTC unless `inFirmZone` */
  readonly cron: string;
  /** The cron is read in the firm's time zone. */
  readonly inFirmZone?: true;
  readonly run: (ctx: Ctx) => Promise<void>;
};

/** A page of rows, and where the next one starts; null after the last. */
export type PersonalPage = {
  readonly rows: readonly unknown[];
  readonly next: readonly string[] | null;
};

/** Reads the rows of one kind on a person, page by page, so that no export needs them all in memory. */
export type PersonalSection = (
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  after: readonly string[] | null,
) => Promise<PersonalPage>;

/** What a domain holds on a person, for export, retention and erasure. */
export type PersonalData = {
  readonly name: string;
  /** The tables whose rows on a person this answers for; a test holds them against the catalogue. */
  readonly tables: readonly string[];
  /** Shown to nobody but compliance and MLRO, and never to the person it is about (no tipping off). */
  readonly restricted?: true;
  /** Customers' login cannot read these tables, so their own export reads them on the engine's. */
  readonly internal?: true;
  readonly sections: Readonly<Record<string, PersonalSection>>;
  /** The latest fact from which on these records have to be kept; null where there is none. */
  readonly keptSince?: (tx: Tx, userId: Id) => Promise<Instant | null>;
  /** Removes what could still be read or found without the person's key. */
  readonly erase?: (tx: Tx, ctx: Ctx, userId: Id) => Promise<void>;
};

/** Why a relationship cannot end yet, in words that a customer may be told. */
export type ClosingObstacle = { readonly code: string; readonly detail: string };

export type ClosingObstacles = (tx: Tx, userId: Id) => Promise<readonly ClosingObstacle[]>;

export type Domain = {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly checks: readonly Check[];
  readonly consumers: readonly Consumer[];
  readonly approvalActions: readonly ApprovalAction[];
  readonly jobs: readonly Job[];
  readonly personalData: readonly PersonalData[];
  readonly closingObstacles?: ClosingObstacles;
  /** Audit events that tell of staff who saw a person; reading many people in an hour raises an alarm. */
  readonly personReads?: readonly string[];
};
