import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';

/** What is signed of a run: everything it found, in one spelling. */
export function resultHashOf(run: {
  readonly id: string;
  readonly legalEntity: string;
  readonly businessDate: string;
  readonly timeZone: string;
  readonly checks: unknown;
  readonly results: unknown;
}): Uint8Array {
  const { id, legalEntity, businessDate, timeZone, checks, results } = run;
  const found = { id, legalEntity, businessDate, timeZone, checks, results };
  return sha256(canonicalJson(found as { readonly [key: string]: Json }));
}
