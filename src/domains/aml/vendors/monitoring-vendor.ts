/**
 * The port of outside vendors that watch the same activity as this program does. No vendor lets anything pass and
 * none keeps anybody waiting: its word is evidence beside our own hits, and where it finds more, somebody looks.
 * Nothing that names a person, an account or a document is in a question.
 */
import type { Amount } from '../../../kernel/amount.ts';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { ActivityKind } from '../../../platform/activity.ts';
import type { Deps } from '../../../platform/context.ts';
import type { VendorFailure } from './vendor.ts';

/** One activity that a vendor is asked about. */
export type ActivityQuery = {
  /** Ours, by which people find it again here. */
  readonly ref: string;
  /** The same for all that one person does, and this vendor's alone: a keyed hash. */
  readonly customerRef: string;
  /** The same for all that goes to or comes from one place; a keyed hash, null where there is no other side. */
  readonly counterpartyRef: string | null;
  readonly kind: ActivityKind;
  readonly occurredAt: Instant;
  readonly direction: 'in' | 'out' | 'none';
  readonly asset: string | null;
  /** @units of the asset */
  readonly amount: Amount | null;
  /** How large it is. @units basis points of the asset's reference amount */
  readonly sizeBps: number;
  /** @units ISO 3166-1 alpha-2 */
  readonly counterpartyCountry: string | null;
};

/** `skipped` is what the vendor's own settings do not look at. */
export type AssessmentVerdict = 'pass' | 'review' | 'stop' | 'skipped';

/** What our own rules made of it: nothing, hits, hits that went into an alert, or into one that stops. */
export type OwnVerdict = 'none' | 'hit' | 'alert' | 'stop';

/** What a vendor makes of one activity. */
export type Assessment = {
  readonly verdict: AssessmentVerdict;
  /** In the vendor's own points; null where it gave none. */
  readonly score: number | null;
  /** What the vendor calls its decision; null where it made none. */
  readonly reference: string | null;
  readonly answer: Json;
};

export type AssessmentReply =
  | { readonly ok: true; readonly assessment: Assessment }
  | {
      readonly ok: false;
      readonly failure: VendorFailure;
      /** How long the vendor asks to be left alone. @units ms */
      readonly retryAfterMs?: number;
    };

export type MonitoringVendor = {
  readonly name: string;
  /** Whether its findings only stand beside our own, or the stricter of both counts. */
  readonly mode: 'compare' | 'decide';
  readonly kinds: readonly ActivityKind[];
  readonly assess: (deps: Deps, query: ActivityQuery) => Promise<AssessmentReply>;
};
