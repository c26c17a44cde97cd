import type { Tx } from '../../../platform/db/client.ts';
import { refuseLedger } from '../errors.ts';
import type { assets } from '../schema.ts';
import { requireAsset } from '../wallets.ts';

/**
 * An asset that can be converted: money alone. Whatever has lots changes hands through orders, which keep
 * them (I16).
 * @errors unknown_asset, asset_not_convertible
 */
export async function requireMoney(
  tx: Tx,
  code: string,
  pointer: string,
): Promise<typeof assets.$inferSelect> {
  const asset = await requireAsset(tx, code);
  if (asset.kind !== 'fiat') {
    const detail = 'is no money; units are bought and sold through orders';
    throw refuseLedger('asset_not_convertible', { errors: [{ pointer, code: 'not_money', detail }] });
  }
  return asset;
}
