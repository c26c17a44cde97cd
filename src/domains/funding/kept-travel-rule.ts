/**
 * The Travel Rule data a withdrawal keeps: opened for the staff who hand them to the custodian, and bound by their keyed
 * hash to what the checkers decided on, so that they cannot be exchanged in between without the keyring (I10).
 */
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Keyring } from '../../platform/crypto/keyring.ts';
import { openJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { withdrawalPlace } from './destination.ts';
import type { TravelRule } from './ivms101.ts';
import type { Withdrawal } from './store.ts';

/** Null where the withdrawal has none. @errors SealError */
export async function openTravelRule(tx: Tx, ctx: Ctx, row: Withdrawal): Promise<TravelRule | null> {
  if (row.travelRule === null) {
    return null;
  }
  const key = await ctx.deps.personKeys.of(tx, row.userId);
  return openJson<TravelRule>(key, withdrawalPlace(row.id, 'travel_rule'), row.travelRule);
}

/** Binds an approval to every member of the data; null to there being none. */
export function travelRuleHash(keyring: Keyring, kept: TravelRule | null): string | null {
  return kept === null
    ? null
    : Buffer.from(keyring.blindIndex('withdrawal.travel_rule', canonicalJson(kept as Json))).toString('hex');
}
