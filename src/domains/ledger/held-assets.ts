import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm';
import { type Amount, amountOf, parseAmount, ZERO } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { cutPage, readCursor } from '../../platform/http/cursor.ts';
import { findAccount } from '../accounts/index.ts';
import { assets, lotDisposals, lots, wallets } from './schema.ts';
import { unsettledFunds } from './settled-funds.ts';
import { type Settling, settlingIn } from './settlements/read-obligations.ts';
import type { AccountPage } from './store.ts';

/** What the open part of an asset's lots cost, where that is known. */
export type OpenCost = { readonly amount: Amount; readonly currency: string };

/** A wallet as its owner thinks of it: what is held, and what it cost. */
export type HeldAsset = {
  readonly asset: string;
  readonly kind: (typeof assets.$inferSelect)['kind'];
  readonly quantity: Amount;
  readonly available: Amount;
  readonly reserved: Amount;
  readonly unsettled: Amount;
  /** What trades brought and is not settled, by day. */
  readonly settling: readonly Settling[];
  /** Null for money, and where a part came without a price or was paid in several currencies. */
  readonly cost: OpenCost | null;
};

/** What an account holds now, by asset; wallets that are empty are left out. */
export async function heldAssets(tx: Tx, accountId: Id): Promise<readonly HeldAsset[]> {
  const held = await tx
    .select({ wallet: wallets, kind: assets.kind })
    .from(wallets)
    .innerJoin(assets, eq(assets.code, wallets.asset))
    .where(and(eq(wallets.accountId, accountId), gt(wallets.total, ZERO)))
    .orderBy(asc(wallets.asset));
  const open = await tx
    .select()
    .from(lots)
    .where(and(eq(lots.accountId, accountId), gt(lots.quantityOpen, ZERO)));
  const settling = await settlingIn(
    tx,
    held.flatMap(({ wallet }) => (wallet.unsettled > 0n ? [wallet.id] : [])),
  );
  return held.map(({ wallet, kind }) => ({
    asset: wallet.asset,
    kind,
    quantity: wallet.total,
    available: amountOf(wallet.total - wallet.reserved),
    reserved: wallet.reserved,
    unsettled: unsettledFunds(wallet),
    settling: settling.get(wallet.id) ?? [],
    cost: openCost(open.filter((lot) => lot.walletId === wallet.id)),
  }));
}

/** What left the lots of an account and what it realised, newest first. @errors not_found, invalid_cursor */
export async function listClosedPositions(ctx: Ctx, page: AccountPage) {
  const listing = `closed positions ${page.accountId}`;
  const key = ctx.deps.keyring.cursorKey;
  return transact(ctx, ctx.login, async (tx) => {
    await findAccount(tx, ctx, page.accountId);
    const [before] = page.cursor === undefined ? [] : readCursor(key, listing, page.cursor);
    const rows = await tx
      .select({ disposal: lotDisposals, lot: lots })
      .from(lotDisposals)
      .innerJoin(lots, eq(lots.id, lotDisposals.lotId))
      .where(
        and(
          eq(lotDisposals.accountId, page.accountId),
          before === undefined ? undefined : lt(lotDisposals.id, before),
        ),
      )
      .orderBy(desc(lotDisposals.id))
      .limit(page.limit + 1);
    const cut = cutPage(key, listing, rows, page.limit, ({ disposal }) => [disposal.id]);
    return { ...cut, data: cut.data.map(closedPosition) };
  });
}

/** What an account's disposals realised so far, by the currency they were paid in. */
export async function realisedGains(tx: Tx, accountId: Id): Promise<readonly OpenCost[]> {
  // Added up where they lie: who trades much has more disposals than one answer should read.
  const rows = await tx.execute<{ currency: string; amount: string }>(sql`
    select d.currency, sum(d.proceeds - d.cost)::numeric(20,8)::text as amount
    from ${lotDisposals} d join ${lots} l on l.id = d.lot_id and l.cost_currency = d.currency
      and d.cost is not null and d.proceeds is not null
    where d.account_id = ${accountId}
    group by d.currency order by d.currency`);
  return rows.map(({ currency, amount }) => ({ currency, amount: parseAmount(amount) }));
}

type DisposalOfLot = {
  readonly disposal: typeof lotDisposals.$inferSelect;
  readonly lot: typeof lots.$inferSelect;
};

/** Profit is told only where cost and proceeds are known, in one currency. */
function closedPosition({ disposal, lot }: DisposalOfLot) {
  const { cost, proceeds, currency } = disposal;
  const comparable = cost !== null && proceeds !== null && lot.costCurrency === currency;
  return {
    ...disposal,
    asset: lot.asset,
    costCurrency: lot.costCurrency,
    acquiredAt: lot.acquiredAt,
    source: lot.source,
    realisedPnl: comparable ? amountOf(proceeds - cost) : null,
  };
}

function openCost(open: readonly (typeof lots.$inferSelect)[]): OpenCost | null {
  let amount = 0n;
  let currency: string | null = null;
  for (const lot of open) {
    if (
      lot.costOpen === null ||
      lot.costCurrency === null ||
      (currency ?? lot.costCurrency) !== lot.costCurrency
    ) {
      return null;
    }
    currency = lot.costCurrency;
    amount += lot.costOpen;
  }
  return currency === null ? null : { amount: amountOf(amount), currency };
}
