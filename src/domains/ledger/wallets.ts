import { and, eq, isNotNull, sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount } from '../../kernel/amount.ts';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { sqlStateOf } from '../../platform/db/errors.ts';
import { arrayLiteral, arrayParameter } from '../../platform/db/insert-rows.ts';
import { executePrepared } from '../../platform/db/prepared.ts';
import type { HouseRole } from './chart.ts';
import { refuseLedger } from './errors.ts';
import type { Book, Wallet } from './post-journals.ts';
import { assets, wallets } from './schema.ts';

export type WalletOwner = { readonly userId: Id; readonly accountId: Id; readonly book: Book };

/**
 * The wallet of an account in one asset, made on first use.
 * @effects perhaps one row of `wallets`
 * @errors unknown_asset
 */
export async function customerWallet(tx: Tx, ctx: Ctx, owner: WalletOwner, asset: string): Promise<Wallet> {
  await requireAsset(tx, asset);
  await insertWallet(tx, ctx, { ...owner, asset });
  const [wallet] = await tx
    .select()
    .from(wallets)
    .where(and(eq(wallets.accountId, owner.accountId), eq(wallets.asset, asset)));
  const found = present(wallet, 'the wallet was just made');
  assert(found.userId === owner.userId && found.book === owner.book, 'the wallet belongs to its account');
  return found;
}

type HouseName = {
  readonly role: HouseRole;
  readonly reference: string;
  readonly book: Book;
  readonly asset: string;
};

/**
 * A wallet of the house chart, made on first use.
 * @units reference: the bank, custodian or debtor that tells wallets of one role apart; id: of a new one
 * @effects perhaps one row of `wallets`
 */
export async function houseWallet(tx: Tx, ctx: Ctx, house: HouseName, id = newId()): Promise<Wallet> {
  await requireAsset(tx, house.asset);
  const known = await findHouseWallet(tx, house);
  if (known !== undefined) {
    return known;
  }
  await insertWallet(tx, ctx, house, id);
  return present(await findHouseWallet(tx, house), 'the house wallet was just made');
}

/** The same where it is there already: looking opens none. */
export async function findHouseWallet(tx: Tx, house: HouseName): Promise<Wallet | undefined> {
  const [known] = await tx
    .select()
    .from(wallets)
    .where(
      and(
        eq(wallets.book, house.book),
        eq(wallets.houseRole, house.role),
        eq(wallets.asset, house.asset),
        eq(wallets.houseReference, house.reference),
        isNotNull(wallets.houseRole),
      ),
    );
  return known;
}

/** The house's live wallet of what is on its way with a provider or a venue: their own events make it, no person. */
export async function findClearingWallet(
  tx: Tx,
  { reference, asset }: { readonly reference: string; readonly asset: string },
): Promise<Wallet | undefined> {
  const [known] = await tx
    .select()
    .from(wallets)
    .where(
      and(
        eq(wallets.book, 'live'),
        eq(wallets.houseRole, 'clearing'),
        eq(wallets.houseReference, reference),
        eq(wallets.asset, asset),
      ),
    );
  return known;
}

export type ReservationChange = { readonly walletId: Id; readonly delta: Amount };

/**
 * Moves what wallets have reserved, for holds and for orders (I3). Wallets must be locked already, in
 * id order, by the caller.
 * @effects `wallets.reserved`
 * @errors insufficient_funds when a wallet's total does not cover it
 */
export async function changeReserved(tx: Tx, changes: readonly ReservationChange[]): Promise<void> {
  const deltas = new Map<Id, bigint>();
  for (const change of changes) {
    deltas.set(change.walletId, (deltas.get(change.walletId) ?? 0n) + change.delta);
  }
  const moved = [...deltas].filter(([, delta]) => delta !== 0n);
  if (moved.length === 0) {
    return;
  }
  const ids = sql.param(
    arrayParameter(
      'uuid',
      moved.map(([id]) => id),
    ),
  );
  const amounts = sql.param(arrayLiteral(moved.map(([, delta]) => formatAmount(amountOf(delta)))));
  try {
    const [updated] = await executePrepared<{ count: number }>(
      tx,
      sql`with updated as (
          update wallets w set reserved = w.reserved + change.delta
          from unnest(${ids}::uuid[], ${amounts}::numeric[]) as change (id, delta)
          where w.id = change.id and w.id = any (${ids}::uuid[]) returning 1
        ) select count(*)::int as count from updated`,
    );
    assert(updated?.count === moved.length, 'every wallet whose reservation changes exists');
  } catch (error) {
    throw sqlStateOf(error) === '23514' ? refuseLedger('insufficient_funds') : error;
  }
}

/** @errors unknown_asset */
export async function requireAsset(tx: Tx, code: string): Promise<typeof assets.$inferSelect> {
  const [asset] = await tx.select().from(assets).where(eq(assets.code, code));
  if (asset === undefined) {
    throw refuseLedger('unknown_asset');
  }
  return asset;
}

type NewWallet =
  | (WalletOwner & { readonly asset: string })
  | { readonly role: HouseRole; readonly reference: string; readonly book: Book; readonly asset: string };

/**
 * Names the columns it fills: no login may insert a total, and drizzle's insert names them all.
 */
async function insertWallet(tx: Tx, ctx: Ctx, wallet: NewWallet, id = newId()): Promise<void> {
  const owner = 'role' in wallet ? undefined : wallet;
  const house = 'role' in wallet ? wallet : undefined;
  await tx.execute(sql`
    insert into wallets (id, user_id, account_id, house_role, house_reference, book, asset, status, created_at)
    values (${id}, ${owner?.userId ?? null}, ${owner?.accountId ?? null}, ${house?.role ?? null},
      ${house?.reference ?? null}, ${wallet.book}, ${wallet.asset}, 'active', ${ctx.deps.clock.now()})
    on conflict do nothing`);
}
