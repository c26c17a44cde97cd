/**
 * What a domain hands to the application through its front door. The application wires; no domain
 * knows who else is there.
 */
import type { Id } from '../kernel/id.ts';
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
  /** @units five-field cron, UTC */
  readonly cron: string;
  readonly run: (ctx: Ctx) => Promise<void>;
};

/** What a domain holds on a person, for export and erasure. */
export type PersonalData = {
  readonly name: string;
  readonly exportOf: (tx: Tx, ctx: Ctx, userId: Id) => Promise<unknown>;
};

export type Domain = {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly checks: readonly Check[];
  readonly consumers: readonly Consumer[];
  readonly approvalActions: readonly ApprovalAction[];
  readonly jobs: readonly Job[];
  readonly personalData: readonly PersonalData[];
};
