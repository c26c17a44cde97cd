/**
 * The port of outside vendors that look at the same people as this program does. No vendor clears anybody and none
 * keeps anybody waiting: its word is kept beside our own, and where it finds more, somebody looks.
 */
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Deps } from '../../../platform/context.ts';
import type { ScreeningSubject } from '../score.ts';

/** One subject that a vendor is asked about; the reference is ours and says nothing of who it is. */
export type VendorQuery = {
  readonly ref: string;
  /** Every name of the one subject. */
  readonly names: readonly string[];
  readonly subject: Omit<ScreeningSubject, 'name'>;
};

/** Somebody on a vendor's lists. */
export type VendorMatch = {
  readonly id: string;
  /** @units 0–10,000 */
  readonly scoreBps: number;
  /** Whether the vendor itself calls it a match; else it only comes near. */
  readonly isMatch: boolean;
  /** Why they are listed, in the vendor's words; empty where it does not say. */
  readonly topics: readonly string[];
};

/** What a vendor says of one query; one that failed says nothing of the others. */
export type VendorAnswer =
  | { readonly ok: true; readonly matches: readonly VendorMatch[]; readonly answer: Json }
  | { readonly ok: false; readonly failure: 'query_refused' | 'query_failed' | 'missing' | 'malformed' };

/** `busy` asks to be left alone; `refused` is about what was asked, the others are about the vendor and pass. */
export type VendorFailure = 'unavailable' | 'busy' | 'unauthorised' | 'malformed' | 'refused';

export type VendorReply =
  | { readonly ok: true; readonly answers: ReadonlyMap<string, VendorAnswer> }
  | {
      readonly ok: false;
      readonly failure: VendorFailure;
      /** How long the vendor asks to be left alone. @units ms */
      readonly retryAfterMs?: number;
    };

export type ScreeningVendor = {
  readonly name: string;
  /** Whether its findings only stand beside our own, or the stricter of both counts. */
  readonly mode: 'compare' | 'decide';
  /** How many queries one call takes. */
  readonly queriesMax: number;
  readonly match: (deps: Deps, queries: readonly VendorQuery[]) => Promise<VendorReply>;
};
