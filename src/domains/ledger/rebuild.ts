/**
 * Recomputes every wallet from its entries alone and compares. Reconcile asks the database to add up; this
 * adds up itself, in exact integers, entry by entry in the order of each wallet's history. It holds one
 * fetch of entries and one step of wallets in memory, however long the histories are. Each step of wallets
 * is one snapshot, so that postings may go on beside it.
 */
import { sql } from 'drizzle-orm';
import { formatAmount, readStoredAmount, storedAmount } from '../../kernel/amount.ts';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, isId } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Database, Tx } from '../../platform/db/client.ts';
import type { Break } from '../../platform/domain.ts';
import { keepAndCall, runChecks } from './reconcile.ts';

export type RebuildReport = {
  readonly wallets: number;
  readonly entries: number;
  readonly breakCount: number;
  /** The first of them. */
  readonly breaks: readonly Break[];
};

const WALLETS_A_STEP = 500;
const ENTRIES_A_FETCH = 5_000;
const KEPT_BREAKS_MAX = 1_000;
const NO_NUMBER = 'NaN';

/**
 * Rebuilds every wallet, and calls somebody where one differs.
 * @effects where something differs those of `keepAndCall`, as the check `ledger.wallets_rebuild`
 */
export async function rebuild(ctx: Ctx): Promise<RebuildReport> {
  const startedAt = ctx.deps.clock.realNow();
  const rebuilt = await rebuildWallets(ctx.deps.db.engine);
  if (rebuilt.breakCount > 0) {
    const { wallets: seen, breaks, breakCount } = rebuilt;
    const report = { name: 'ledger.wallets_rebuild', invariant: 'I1', seen, breaks };
    await keepAndCall(ctx, { startedAt, reports: [report], furtherBreaks: breakCount - breaks.length });
  }
  return rebuilt;
}

/** @shape what was read and what differs; a login that does not see everything is a break */
export async function rebuildWallets(
  db: Database,
  { walletsAStep = WALLETS_A_STEP, entriesAFetch = ENTRIES_A_FETCH } = {},
): Promise<RebuildReport> {
  const seen = { wallets: 0, entries: 0, breakCount: 0, breaks: [] as Break[] };
  const tell = (object: string, detail: string) => {
    seen.breakCount += 1;
    if (seen.breaks.length < KEPT_BREAKS_MAX) {
      seen.breaks.push({ object, detail });
    }
  };
  let after: Id | null = null;
  let first = true;
  do {
    after = await db.transaction(
      async (tx) => {
        if (first) {
          const reports = await runChecks(tx, []);
          for (const found of reports.flatMap((report) => report.breaks)) {
            tell(found.object, found.detail);
          }
          first = false;
        }
        return rebuildStep(tx, { after, walletsAStep, entriesAFetch }, seen, tell);
      },
      { isolationLevel: 'repeatable read', accessMode: 'read only' },
    );
  } while (after !== null);
  return seen;
}

type Tell = (object: string, detail: string) => void;
type Counts = { wallets: number; entries: number };
type Step = { readonly after: Id | null; readonly walletsAStep: number; readonly entriesAFetch: number };

/** @shape the last wallet of the step; null after the last step */
async function rebuildStep(tx: Tx, step: Step, seen: Counts, tell: Tell): Promise<Id | null> {
  const kept = await tx.execute<WalletRow>(sql`
    select id, total::text, version::text, last_entry_at::text as last_at from wallets
    where ${step.after}::text::uuid is null or id > ${step.after}::text::uuid
    order by id limit ${step.walletsAStep}`);
  const next = kept.length < step.walletsAStep ? null : present(kept[kept.length - 1], 'the step is full').id;
  const wallets = new Map(kept.map((wallet) => [wallet.id, { ...wallet, rebuilt: emptyWallet() }]));
  seen.wallets += wallets.size;
  await declareEntries(tx, step.after, next);
  for (;;) {
    const entries = await tx.execute<EntryRow>(sql.raw(`fetch ${step.entriesAFetch} from history`));
    for (const entry of entries) {
      seen.entries += 1;
      const wallet = wallets.get(entry.wallet_id);
      if (wallet === undefined) {
        tell(`entry ${entry.id}`, `is of wallet ${entry.wallet_id}, which is not there`);
      } else {
        follow(wallet.rebuilt, entry, tell);
      }
    }
    if (entries.length < step.entriesAFetch) {
      break;
    }
  }
  for (const wallet of wallets.values()) {
    compare(wallet, tell);
  }
  return next;
}

type WalletRow = {
  readonly id: Id;
  readonly total: string;
  readonly version: string;
  readonly last_at: string | null;
};

type EntryRow = {
  readonly id: string;
  readonly wallet_id: Id;
  readonly amount: string;
  readonly balance_after: string;
  readonly version: string;
  readonly at: string;
};

type Rebuilt = { total: bigint; version: bigint; lastAt: string | null };

function emptyWallet(): Rebuilt {
  return { total: 0n, version: 0n, lastAt: null };
}

/** A cursor takes no parameters, so the bounds are written out; they are identifiers the database gave. */
async function declareEntries(tx: Tx, after: Id | null, until: Id | null): Promise<void> {
  assert(
    [after, until].every((bound) => bound === null || isId(bound)),
    'bounds are identifiers',
  );
  const bounds = [
    ...(after === null ? [] : [`wallet_id > '${after}'`]),
    ...(until === null ? [] : [`wallet_id <= '${until}'`]),
  ];
  await tx.execute(
    sql.raw(`declare history no scroll cursor for
      select id::text, wallet_id::text, amount::text, balance_after::text, wallet_version::text as version,
        booked_at::text as at
      from ledger_entries ${bounds.length === 0 ? '' : `where ${bounds.join(' and ')}`}
      order by wallet_id, booked_at, wallet_version`),
  );
}

/** Adds one entry to what its wallet holds. */
function follow(rebuilt: Rebuilt, entry: EntryRow, tell: Tell): void {
  // PostgreSQL knows a numeric that is no number; compared as text, it is a break and not the end of the run.
  const isNumber = entry.amount !== NO_NUMBER;
  if (!isNumber) {
    tell(`entry ${entry.id}`, 'moves what is no number');
  }
  const total = rebuilt.total + (isNumber ? readStoredAmount(entry.amount) : 0n);
  const version = rebuilt.version + 1n;
  if (entry.balance_after !== storedAmount(total)) {
    tell(`entry ${entry.id}`, `leaves ${entry.balance_after}, the entries add up to ${formatAmount(total)}`);
  }
  if (BigInt(entry.version) !== version) {
    tell(`entry ${entry.id}`, `is number ${entry.version}, it should be ${version}`);
  }
  rebuilt.total = total;
  rebuilt.version = version;
  rebuilt.lastAt = entry.at;
}

function compare(wallet: WalletRow & { readonly rebuilt: Rebuilt }, tell: Tell): void {
  const { rebuilt } = wallet;
  if (wallet.total !== storedAmount(rebuilt.total)) {
    tell(`wallet ${wallet.id}`, `holds ${wallet.total}, rebuilt it holds ${formatAmount(rebuilt.total)}`);
  }
  if (BigInt(wallet.version) !== rebuilt.version) {
    tell(`wallet ${wallet.id}`, `is at version ${wallet.version}, rebuilt at ${rebuilt.version}`);
  }
  if (wallet.last_at !== rebuilt.lastAt) {
    tell(`wallet ${wallet.id}`, `had its last entry ${wallet.last_at}, rebuilt ${rebuilt.lastAt}`);
  }
}
