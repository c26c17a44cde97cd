/**
 * What a domain hands to the application through its front door. The application wires; no domain
 * knows who else is there.
 */
import type { Id } from '../kernel/id.ts';
import type { Instant } from '../kernel/time.ts';
import type { ActivitySource } from './activity.ts';
import type { ApprovalAction } from './approvals/actions.ts';
import type { AuditEvent } from './audit/events.ts';
import type { Ctx } from './context.ts';
import type { SealedColumn } from './crypto/sealed-columns.ts';
import type { Tx } from './db/client.ts';
import type { TableInventory } from './db/inventory.ts';
import type { Endpoint } from './http/endpoint.ts';
import type { Consumer } from './outbox/consumer.ts';
import type { RecordClass } from './privacy/record-classes.ts';
import type { ReportFacts } from './report-facts.ts';
import type { StreamChannel } from './stream/channel.ts';
import type { WalletMarks } from './wallet-marks.ts';

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
  /** It takes much time of the processor: it runs in the thread of such jobs, not in the one that answers requests. */
  readonly isApart?: true;
  /** Told to end it soon does, between two transactions; the next run goes on where it was. */
  readonly run: (ctx: Ctx, ending?: AbortSignal) => Promise<void>;
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
  /** Which policy says how long. */
  readonly recordClass: RecordClass;
  /** The latest fact from which on these records have to be kept; null where there is none of them. */
  readonly keptSince?: (tx: Tx, userId: Id) => Promise<Instant | null>;
  /** Removes what could still be read or found without the person's key. */
  readonly erase?: (tx: Tx, ctx: Ctx, userId: Id) => Promise<void>;
};

/** What has to go, since nothing need keep it any longer. */
export type DueItem = {
  /** The person, or the month as `YYYY-MM`. */
  readonly subject: string;
  readonly userId: Id | null;
  readonly dueSince: Instant;
  /** A legal hold keeps it for now. */
  readonly held: boolean;
};

/** What a domain reports to be due of one class and, where two people agreed, destroys. */
export type RetentionPiece = {
  readonly recordClass: RecordClass;
  /** A page of the candidates; `next` goes on behind the last of them, null at the end. */
  readonly due: (
    tx: Tx,
    ctx: Ctx,
    after: string | null,
  ) => Promise<{ readonly items: readonly DueItem[]; readonly next: string | null }>;
  /**
   * Destroys one of them after looking again; where absent, another operation does it.
   * @errors DomainError, before anything was written, where it has to be kept after all
   */
  readonly destroy?: (tx: Tx, ctx: Ctx, subject: string, reason: string) => Promise<void>;
};

/** Why a relationship cannot end yet, in words that a customer may be told. */
export type ClosingObstacle = { readonly code: string; readonly detail: string };

export type ClosingObstacles = (tx: Tx, userId: Id) => Promise<readonly ClosingObstacle[]>;

/**
 * How far it is known that a person holds an office, or has a bad name: something that was found is not decided on
 * yet, or was found to be true.
 */
export type Exposure = 'undecided' | 'confirmed';

export type Exposures = (tx: Tx, userId: Id) => Promise<readonly Exposure[]>;

/** The people whose records these ids name; ids of other things are passed over. */
export type PeopleBehind = (tx: Tx, ids: readonly Id[]) => Promise<readonly Id[]>;

/** Ids of restricted things a person is part of and must not learn of, though another is named on them. */
export type ConcealedFrom = (tx: Tx, personId: Id) => Promise<readonly Id[]>;

export type Domain = {
  readonly name: string;
  /** Every event this domain can record; all of them together are the closed registry. */
  readonly auditEvents: readonly AuditEvent[];
  /** The columns this domain seals, and what each is bound to. */
  readonly sealedColumns?: readonly SealedColumn[];
  readonly endpoints: readonly Endpoint[];
  readonly checks: readonly Check[];
  readonly consumers: readonly Consumer[];
  readonly approvalActions: readonly ApprovalAction[];
  readonly jobs: readonly Job[];
  readonly personalData: readonly PersonalData[];
  readonly retention?: readonly RetentionPiece[];
  /** What each column of its tables holds. */
  readonly inventory?: readonly TableInventory[];
  readonly closingObstacles?: ClosingObstacles;
  /** Audit events that tell of staff who saw a person; reading many people in an hour raises an alarm. */
  readonly personReads?: readonly string[];
  /** Finds whom a read of the staff was about. */
  readonly peopleBehind?: readonly PeopleBehind[];
  /** Finds what one of the staff must not learn of, since it is about them as well. */
  readonly concealedFrom?: readonly ConcealedFrom[];
  /** What it tells of what people did, in the order it should be read. */
  readonly activitySources?: readonly ActivitySource[];
  /** What it found about a person that whoever takes them on has to know. */
  readonly exposures?: Exposures;
  /** What it knows that a report to an authority has to name. */
  readonly reportFacts?: readonly ReportFacts[];
  /** What clients may subscribe to over `/v1/stream`. */
  readonly streamChannels?: readonly StreamChannel[];
  /** What has wallets hold for open positions what the prices of now ask. */
  readonly walletMarks?: readonly WalletMarks[];
};
