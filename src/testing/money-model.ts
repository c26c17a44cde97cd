/**
 * The simple model the books are held against: for each wallet, what answered requests said went in and out.
 * It knows no order and no locks; additions commute, so that any interleaving must end where it does.
 */
import { sql } from 'drizzle-orm';
import { amountOf, formatAmount, parseAmount } from '../kernel/amount.ts';
import type { World } from './world.ts';

export type MoneyModel = {
  /** An answer said that this went into a wallet, or out of it where it is negative. */
  readonly moved: (accountId: string, asset: string, amount: bigint) => void;
  /** An answer said that this was booked: it must have exactly one journal of that kind. */
  readonly booked: (kind: string, referenceId: string) => void;
  /** From now on this person may owe: what is taken back goes against whatever wallet has it. */
  readonly mayOwe: (userId: string) => void;
  readonly counts: Readonly<Record<string, number>>;
  readonly count: (what: string) => void;
  /** Where the books and the model differ. */
  readonly differences: (world: World) => Promise<readonly string[]>;
};

type WalletRow = {
  readonly user_id: string;
  readonly account_id: string;
  readonly asset: string;
  readonly total: string;
  readonly reserved: string;
};

/** A model of wallets that hold this much to begin with. */
export function moneyModel(
  opening: readonly { readonly accountId: string; readonly asset: string; readonly amount: string }[],
): MoneyModel {
  const expected = new Map<string, bigint>();
  const bookings = new Map<string, number>();
  const debtors = new Set<string>();
  const counts: Record<string, number> = {};
  const moved = (accountId: string, asset: string, amount: bigint) => {
    const wallet = `${accountId} ${asset}`;
    expected.set(wallet, (expected.get(wallet) ?? 0n) + amount);
  };
  for (const { accountId, asset, amount } of opening) {
    moved(accountId, asset, parseAmount(amount));
  }
  return {
    moved,
    booked: (kind, referenceId) => {
      bookings.set(`${kind} ${referenceId}`, (bookings.get(`${kind} ${referenceId}`) ?? 0) + 1);
    },
    mayOwe: (userId) => {
      debtors.add(userId);
    },
    counts,
    count: (what) => {
      counts[what] = (counts[what] ?? 0) + 1;
    },
    differences: async (world) => [
      ...(await walletDifferences(world, expected, debtors)),
      ...(await bookingDifferences(world, bookings)),
      ...(await sumDifferences(world)),
    ],
  };
}

async function walletDifferences(
  world: World,
  expected: ReadonlyMap<string, bigint>,
  debtors: ReadonlySet<string>,
): Promise<string[]> {
  const rows = await world.deps.db.engine.execute<WalletRow>(
    sql`select user_id, account_id, asset, total::text, reserved::text from wallets where account_id is not null`,
  );
  const accounts = new Set([...expected.keys()].map((wallet) => wallet.split(' ')[0]));
  const mine = rows.filter((row) => accounts.has(row.account_id));
  const found = new Map(mine.map((row) => [`${row.account_id} ${row.asset}`, parseAmount(row.total)]));
  const ownerOf = new Map(mine.map((row) => [row.account_id, row.user_id]));
  const negative = mine.filter((row) => parseAmount(row.reserved) < 0n || parseAmount(row.total) < 0n);
  const owed = await debts(world);
  const ofDebtors = new Map<string, bigint>();
  const differences = negative.map((row) => `wallet ${row.account_id} ${row.asset} is negative`);
  for (const wallet of new Set([...expected.keys(), ...found.keys()])) {
    const [accountId = '', asset = ''] = wallet.split(' ');
    const difference = (found.get(wallet) ?? 0n) - (expected.get(wallet) ?? 0n);
    const owner = ownerOf.get(accountId) ?? '';
    if (debtors.has(owner)) {
      ofDebtors.set(`${owner} ${asset}`, (ofDebtors.get(`${owner} ${asset}`) ?? 0n) + difference);
    } else if (difference !== 0n) {
      differences.push(`wallet ${wallet} is off by ${formatAmount(amountOf(difference))}`);
    }
  }
  for (const [debtor, difference] of ofDebtors) {
    const rest = difference + (owed.get(debtor) ?? 0n);
    if (rest !== 0n) {
      differences.push(`the wallets of debtor ${debtor} are off by ${formatAmount(amountOf(rest))}`);
    }
  }
  return differences;
}

/** What each debtor owes, as the receivable wallets have it: zero or less. */
async function debts(world: World): Promise<ReadonlyMap<string, bigint>> {
  const rows = await world.deps.db.engine.execute<{ debtor: string; asset: string; total: string }>(
    sql`select house_reference as debtor, asset, total::text from wallets where house_role = 'receivable'`,
  );
  return new Map(rows.map((row) => [`${row.debtor} ${row.asset}`, parseAmount(row.total)]));
}

async function bookingDifferences(world: World, bookings: ReadonlyMap<string, number>): Promise<string[]> {
  const rows = await world.deps.db.engine.execute<{ kind: string; reference_id: string; n: number }>(
    sql`select kind::text, reference_id, count(*)::int as n from journals group by kind, reference_id`,
  );
  const found = new Map(rows.map((row) => [`${row.kind} ${row.reference_id}`, row.n]));
  return [...bookings].flatMap(([booking, times]) =>
    found.get(booking) === times
      ? []
      : [`${booking} was answered ${times} and booked ${found.get(booking) ?? 0} times`],
  );
}

async function sumDifferences(world: World): Promise<string[]> {
  const rows = await world.deps.db.engine.execute<{ what: string }>(
    sql`select book || ' ' || asset || ' sums to ' || sum(total) as what from wallets
      group by book, asset having sum(total) <> 0`,
  );
  return rows.map((row) => row.what);
}
