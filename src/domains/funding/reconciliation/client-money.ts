/**
 * The client-money position: what is owed to clients against what is held for them, per asset. Pure but for
 * `readPosition`. By the house chart the wallets of clients and of the pool sum to zero, so whatever is
 * missing has a name: a debtor, the firm's own trading, or a provider that did not pay over in time. What one person owes is never set against the
 * money of another, nor against fees the firm has earned: it is the firm's to put in.
 */
import { sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, readStoredAmount, ZERO } from '../../../kernel/amount.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { CLIENT_MONEY_ROLES, HOUSE_CHART, type HousePart, type HouseRole } from '../../ledger/index.ts';
import type { Finding } from './finding.ts';

/** The balance of one wallet of the live book; a customer's has no role. */
export type WalletBalance = {
  readonly asset: string;
  readonly role: HouseRole | null;
  readonly total: Amount;
};

/** All but `asset` as amounts of the asset. */
export type Position = {
  readonly asset: string;
  /** Its smallest unit's place after the point. */
  readonly scale: number;
  readonly owedToClients: Amount;
  readonly owedToOthers: Amount;
  readonly held: Amount;
  readonly inTransit: Amount;
  /** What is with others for too long or by no event: a resource no more. */
  readonly inTransitOverdue: Amount;
  readonly feesNotSwept: Amount;
  readonly firmStake: Amount;
  readonly debts: Amount;
  readonly shortfall: Amount;
  readonly surplus: Amount;
  readonly unexplained: Amount;
};

/**
 * Sums wallets into the position of one asset.
 * @units held and in transit are positive where the firm has something, though their wallets are negative
 */
export function positionOf(
  asset: string,
  scale: number,
  wallets: readonly WalletBalance[],
  overdue: Amount = ZERO,
): Position {
  const sums = { clients: 0n, owed: 0n, held: 0n, transit: -overdue, fees: 0n, stake: 0n, debts: 0n };
  let shortfall: bigint = overdue;
  let surplus = 0n;
  for (const { role, total } of wallets) {
    const part = role === null ? 'client' : HOUSE_CHART[role].part;
    if (part === 'client') {
      sums.clients += total;
    } else if (part === 'held') {
      sums.held -= total;
    } else if (part === 'in_transit') {
      sums.transit -= total;
    } else if (part === 'owed') {
      // A difference under investigation may stand below zero: until it is found it is missing.
      sums.owed += total > 0n ? total : 0n;
      shortfall += total < 0n ? -total : 0n;
    } else if (part === 'debt') {
      sums.debts -= total;
      shortfall -= total;
    } else if (part === 'stake') {
      sums[role === 'fees_earned' ? 'fees' : 'stake'] += total;
      shortfall += total < 0n ? -total : 0n;
      surplus += total > 0n ? total : 0n;
    }
  }
  const resources = sums.held + sums.transit;
  return {
    asset,
    scale,
    owedToClients: amountOf(sums.clients),
    owedToOthers: amountOf(sums.owed),
    held: amountOf(sums.held),
    inTransit: amountOf(sums.transit),
    inTransitOverdue: overdue,
    feesNotSwept: amountOf(sums.fees),
    firmStake: amountOf(sums.stake),
    debts: amountOf(sums.debts),
    shortfall: amountOf(shortfall),
    surplus: amountOf(surplus),
    unexplained: amountOf(resources - sums.clients - sums.owed - surplus + shortfall),
  };
}

/** What of a position is a break. Dust below the smallest unit is none. */
export function positionFindings(position: Position): readonly Finding[] {
  const { asset: currency, scale, shortfall, unexplained } = position;
  const object = `client money ${currency}`;
  const smallest = 10n ** BigInt(8 - scale);
  const found: Finding[] = [];
  if (shortfall >= smallest) {
    const detail =
      `Short of ${formatAmount(shortfall)}: owed ${formatAmount(position.owedToClients + position.owedToOthers)}, ` +
      `held and in transit ${formatAmount(position.held + position.inTransit)}, overdue in transit ` +
      `${formatAmount(position.inTransitOverdue)}, debts ${formatAmount(position.debts)}; what the firm has in fees and positions covers none of it`;
    found.push({ kind: 'client_money_shortfall', object, amount: shortfall, currency, detail });
  }
  if (unexplained !== 0n) {
    const detail = 'Client money and the firm’s own were mixed in a journal';
    found.push({ kind: 'client_money_unexplained', object, amount: unexplained, currency, detail });
  }
  return found;
}

/** A wallet of the house that a position is made of, by the signs of the ledger. */
export type HouseWalletView = {
  readonly asset: string;
  readonly role: HouseRole;
  readonly part: HousePart;
  readonly reference: string;
  readonly balance: string;
};

type Positions = {
  readonly positions: readonly Position[];
  /** What of the house they are made of; customers' wallets are one figure. */
  readonly houseWallets: readonly HouseWalletView[];
};

/** The positions at an instant, from entries alone; an asset nobody ever had has none. */
export async function readPositions(
  tx: Tx,
  until: Instant,
  overdue: ReadonlyMap<string, Amount>,
): Promise<Positions> {
  const rows = await tx.execute<{
    asset: string;
    scale: number;
    role: HouseRole | null;
    reference: string | null;
    total: string;
  }>(sql`
    select w.asset, a.scale, w.house_role as role, w.house_reference as reference, sum(e.amount)::text as total
    from wallets w join assets a on a.code = w.asset join ledger_entries e on e.wallet_id = w.id
    where w.book = 'live' and e.booked_at < ${until}
      and (w.house_role is null or w.house_role::text = any (${sql.param([...CLIENT_MONEY_ROLES])}::text[]))
    group by w.id, w.asset, a.scale, w.house_role, w.house_reference
    order by w.asset, w.house_role, w.house_reference`);
  const houseWallets: HouseWalletView[] = [];
  const byAsset = new Map<string, { readonly scale: number; readonly wallets: WalletBalance[] }>();
  for (const { asset, scale, role, reference, total: text } of rows) {
    const known = byAsset.get(asset) ?? { scale, wallets: [] };
    const total = readStoredAmount(text);
    known.wallets.push({ asset, role, total });
    byAsset.set(asset, known);
    if (role !== null && total !== 0n) {
      const { part } = HOUSE_CHART[role];
      houseWallets.push({ asset, role, part, reference: reference ?? '', balance: formatAmount(total) });
    }
  }
  const positions = [...byAsset].map(([asset, { scale, wallets }]) =>
    positionOf(asset, scale, wallets, overdue.get(asset)),
  );
  return { positions, houseWallets };
}
