/**
 * What no hand may do to client money, whatever the kinds of journals allow. Money that is on its way is settled by
 * hand and never made, it comes from a bank or goes to one by a line of a statement, and nothing leaves for the firm
 * while clients would be left with less than they are owed.
 */
import { sql } from 'drizzle-orm';
import { type Amount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { HOUSE_CHART, type HousePart, rolesOf } from '../chart.ts';
import { refuseLedger } from '../errors.ts';
import type { LockedWallet } from '../lock-wallets.ts';
import type { PostedWallets } from './manual-journal.ts';

type Entries = readonly { readonly walletId: Id; readonly amount: Amount }[];
type Leg = { readonly wallet: LockedWallet; readonly amount: bigint };

/** Posting by hand between client money and the firm's own is one at a time, in order of the assets. */
export async function lockTakings(tx: Tx, assets: readonly string[]): Promise<void> {
  await lockExclusive(
    tx,
    [...new Set(assets)].sort().map((asset) => `fees.sweep:${asset}`),
  );
}

/** The assets in which a journal moves money between client money and the firm's own. */
export function assetsTaken(entries: Entries, found: PostedWallets): readonly string[] {
  const owns = legsOf(entries, found).filter(({ wallet }) => isOwn(wallet));
  return owns.map(({ wallet }) => wallet.asset);
}

/**
 * Holds a journal by hand against what no hand may do.
 * @errors journal_misfit, sweep_leaves_shortfall
 */
export async function refuseHandOnClientMoney(tx: Tx, entries: Entries, found: PostedWallets): Promise<void> {
  const legs = legsOf(entries, found);
  const reason = clearingMisfit(legs) ?? feesMisfit(legs);
  if (reason !== null) {
    throw refuseLedger('journal_misfit', { detail: reason });
  }
  await refuseShortfall(tx, entries, found);
}

/**
 * Refuses what takes client money for the firm while less would be held than clients are owed.
 * @errors sweep_leaves_shortfall
 */
export async function refuseShortfall(tx: Tx, entries: Entries, found: PostedWallets): Promise<void> {
  for (const asset of new Set(assetsTaken(entries, found))) {
    const inAsset = movesOf(legsOf(entries, found).filter(({ wallet }) => wallet.asset === asset));
    const leaves = sumOf(inAsset.filter(({ wallet }) => partOf(wallet) === 'held'));
    const taken = inAsset.reduce((sum, move) => sum + surplusTaken(move), 0n);
    if (leaves > 0n && (await surplusOf(tx, asset)) < taken) {
      throw refuseLedger('sweep_leaves_shortfall');
    }
  }
}

/** How much less is over once a wallet has moved; by the sum that `surplusOf` makes. */
function surplusTaken({ wallet, amount }: Leg): bigint {
  switch (partOf(wallet)) {
    case 'client':
    case 'held':
      return amount;
    case 'owed':
    case 'in_transit':
      return notBelowZero(wallet.total + amount) - notBelowZero(wallet.total);
    default:
      return 0n;
  }
}

/**
 * Why a journal may not move what is on its way; null where it may. A hand takes such a wallet towards zero and not
 * beyond: what would be a claim of ours, only an event of its own makes.
 */
function clearingMisfit(legs: readonly Leg[]): string | null {
  const clearing = movesOf(legs).filter(({ wallet }) => wallet.houseRole === 'clearing');
  const settles = ({ wallet: { total }, amount }: Leg) =>
    total > 0n === amount < 0n && magnitude(amount) <= magnitude(total);
  if (!clearing.every((move) => move.amount === 0n || settles(move))) {
    return 'what is on its way is settled by hand, up to what there is of it, and never made';
  }
  for (const asset of new Set(clearing.map(({ wallet }) => wallet.asset))) {
    const inAsset = legs.filter(({ wallet }) => wallet.asset === asset);
    const settled = sumOf(inAsset.filter(({ wallet }) => wallet.houseRole === 'clearing'));
    const own = sumOf(inAsset.filter(({ wallet }) => wallet.houseRole === 'firm_account'));
    const atBank = inAsset.some(({ wallet }) => wallet.houseRole === 'client_money_bank');
    const isTheFirms = own !== 0n && own > 0n === settled > 0n && magnitude(own) >= magnitude(settled);
    if (atBank && settled !== 0n && !isTheFirms) {
      return 'what is on its way reaches a bank, and leaves it, by a line of a statement: explain the receipt or the debit';
    }
  }
  return null;
}

/** The one way of fees to the firm counts how many were earned. */
function feesMisfit(legs: readonly Leg[]): string | null {
  const sweeps = legs.some(
    ({ wallet: { houseRole, asset }, amount }) =>
      houseRole === 'fees_earned' &&
      amount < 0n &&
      legs.some(({ wallet }) => isOwn(wallet) && wallet.asset === asset),
  );
  return sweeps ? 'fees leave client money through /v1/fee-sweeps' : null;
}

/**
 * What is held at banks and custodians beyond what is owed to clients, to others and to providers and venues; what is
 * owed to us is not held, and what is missing is nobody's surplus.
 */
async function surplusOf(tx: Tx, asset: string): Promise<bigint> {
  const held = sql.param([...rolesOf('held')]);
  const owed = sql.param([...rolesOf('owed', 'in_transit')]);
  const [row] = await tx.execute<{ surplus: string }>(sql`
    select (-coalesce(sum(case when house_role::text = any (${owed}::text[]) then greatest(total, 0) else total end),
      0))::numeric(28,8)::text as surplus
    from wallets
    where book = 'live' and asset = ${asset}
      and (house_role is null or house_role::text = any (${held}::text[] || ${owed}::text[]))`);
  return parseAmount(present(row, 'a sum is one row').surplus);
}

/** Paper money is nobody's. */
function legsOf(entries: Entries, found: PostedWallets): readonly Leg[] {
  return entries
    .map(({ walletId, amount }) => ({
      wallet: present(found.get(walletId), 'every wallet was found'),
      amount,
    }))
    .filter(({ wallet }) => wallet.book === 'live');
}

/** What each wallet moves in all: one may be named twice, by its id and as the house's. */
function movesOf(legs: readonly Leg[]): readonly Leg[] {
  const moved = new Map<LockedWallet, bigint>();
  for (const { wallet, amount } of legs) {
    moved.set(wallet, (moved.get(wallet) ?? 0n) + amount);
  }
  return [...moved].map(([wallet, amount]) => ({ wallet, amount }));
}

function partOf({ houseRole }: LockedWallet): HousePart | 'client' {
  return houseRole === null ? 'client' : HOUSE_CHART[houseRole].part;
}

function isOwn(wallet: LockedWallet): boolean {
  return partOf(wallet) === 'own';
}

function notBelowZero(amount: bigint): bigint {
  return amount > 0n ? amount : 0n;
}

function sumOf(legs: readonly Leg[]): bigint {
  return legs.reduce((sum, { amount }) => sum + amount, 0n);
}

function magnitude(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}
