import { type InferSelectModel, type SQL, sql } from 'drizzle-orm';
import { type Amount, storedAmount } from '../../kernel/amount.ts';
import { assert, present } from '../../kernel/assert.ts';
import { dayOf } from '../../kernel/business-date.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import { type Id, newId, newIdBytes } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { type Ctx, perDeps } from '../../platform/context.ts';
import {
  amountArray,
  type BinaryArray,
  integerArray,
  uuidBytesArray,
} from '../../platform/db/binary-array.ts';
import type { Tx } from '../../platform/db/client.ts';
import { constraintOf, sqlStateOf } from '../../platform/db/errors.ts';
import { arrayParameter } from '../../platform/db/insert-rows.ts';
import { executePrepared } from '../../platform/db/prepared.ts';
import { refuseLedger } from './errors.ts';
import { type JournalKind, misfit } from './journal-kinds.ts';
import { journalReversals, type wallets } from './schema.ts';
import { type WalletFacts, walletFacts } from './wallet-facts.ts';

export type Wallet = InferSelectModel<typeof wallets>;
export type Book = Wallet['book'];

export type NewEntry = { readonly walletId: Id; readonly amount: Amount };

export type NewJournal = {
  /** Made by the caller where something else must name the journal; a new one otherwise. */
  readonly id?: Id;
  readonly book: Book;
  readonly kind: JournalKind;
  readonly referenceType: string;
  readonly referenceId: Id;
  readonly description: string;
  /** Sum to zero per asset. @units 1e-8 of the wallet's asset, signed */
  readonly entries: readonly NewEntry[];
  readonly metadata?: { readonly [key: string]: Json };
  /** The day interest and statements count from; the firm's day of booking unless given. @units YYYY-MM-DD */
  readonly valueDate?: string;
  readonly reversesId?: Id;
  /** The decision of two people that a posting by hand rests on. */
  readonly approvalId?: Id;
  /** Where two assets change hands: the price, who said it and when. @units to-asset for one from-asset */
  readonly rate?: { readonly value: string; readonly source: string; readonly at: Instant };
  readonly requestId?: string;
};

/**
 * Posts any number of journals in one statement: the one way money and units move (I1, I3). It locks
 * the wallets in id order and books the entries in the order given, so that a batch behaves like one
 * journal after another. The database's own trigger proves the sums and moves the balances.
 * @effects rows of `journals` and `ledger_entries`; `wallets.total` by the trigger; for what it reverses, of
 *   `journal_reversals`
 * @errors wallet_not_active, insufficient_funds (a customer wallet would fall below what is reserved),
 *   balance_out_of_range, journal_reversed; AssertionError for entries that do not fit their kind
 * @shape journal ids in the order given
 */
export async function postJournals(
  tx: Tx,
  ctx: Ctx,
  postings: readonly NewJournal[],
): Promise<readonly Id[]> {
  if (postings.length === 0) {
    return [];
  }
  const { ids, statement } = await prepareJournals(tx, ctx, postings);
  await executePrepared(tx, statement).catch((error: unknown) => {
    throw postingRefusal(error);
  });
  await keepReversals(tx, ctx, postings, ids);
  return ids;
}

/** What one statement does before it locks a wallet. */
export type Foregoing = {
  /** A condition that is asked first, and raises where nothing may be posted; so does a wallet with open positions. */
  readonly held?: SQL;
  /** Insertions that belong to the postings, such as their evidence. */
  readonly writes: readonly SQL[];
};

/**
 * What posts the journals, for a caller whose transaction is this one statement.
 * @errors AssertionError for what no caller may post
 */
export async function prepareJournals(
  tx: Tx,
  ctx: Ctx,
  postings: readonly NewJournal[],
  foregoing: Foregoing = { writes: [] },
): Promise<{ readonly ids: readonly Id[]; readonly statement: SQL }> {
  const legs = legsOf(ctx, postings);
  const facts = await walletFacts(tx, ctx, legs.walletIds);
  for (const moved of legs.moved.values()) {
    moved.wallet = facts.get(moved.walletId);
  }
  let at = 0;
  for (const posting of postings) {
    refuseMisfit(posting, legs.ofEach, at);
    at += posting.entries.length;
  }
  const ids = postings.map((posting) => posting.id ?? newId());
  return { ids, statement: statementOf(ctx, { postings, ids, legs }, foregoing) };
}

/** Entries of the wrong kind are a mistake of ours: what people post was held against the table before. */
function refuseMisfit(posting: NewJournal, moved: readonly Moved[], from: number): void {
  const legs = posting.entries.map(({ amount }, place) => ({
    wallet: present(moved[from + place]?.wallet, 'the facts of every wallet were read'),
    amount,
  }));
  const { kind, book, reversesId = null } = posting;
  const reason = misfit({ kind, book, legs, reversesId });
  assert(reason === null, reason ?? '');
}

/** A journal is reversed once at most: the primary key says so. */
async function keepReversals(
  tx: Tx,
  ctx: Ctx,
  postings: readonly NewJournal[],
  ids: readonly Id[],
): Promise<void> {
  const reversedAt = ctx.deps.clock.now();
  const rows = postings.flatMap(({ reversesId }, index) =>
    reversesId === undefined
      ? []
      : [{ journalId: reversesId, reversalId: present(ids[index], 'each posting has its id'), reversedAt }],
  );
  if (rows.length === 0) {
    return;
  }
  const kept = await tx.insert(journalReversals).values(rows).onConflictDoNothing().returning();
  if (kept.length !== rows.length) {
    throw refuseLedger('journal_reversed');
  }
}

/** The CHECK on the wallet and the trigger are the last authority (I2); this gives their word a name. */
export function postingRefusal(error: unknown): unknown {
  switch (sqlStateOf(error)) {
    case '23514':
      return constraintOf(error) === 'wallets_total_check' ? refuseLedger('insufficient_funds') : error;
    case 'PL005':
      return refuseLedger('wallet_not_active');
    case 'PL006':
      return refuseLedger('insufficient_funds');
    case '22003':
      return refuseLedger('balance_out_of_range');
    default:
      return error;
  }
}

/**
 * Locks, computes and inserts. An entry whose wallet was not locked lacks what a row must have, so that no journal is
 * left without its entries; and the entries come in the order of their journals, by which they are indexed. Wallets
 * keep their time: where the clocks of two nodes differ, the later posting books at the instant of the earlier.
 */
function statementOf(ctx: Ctx, { postings, ids, legs }: Batch, { held, writes }: Foregoing): SQL {
  const now = ctx.deps.clock.now();
  const own = ownColumns(postings, ids, ctx.requestId);
  const common = commonColumns(postings, dayOf(now, ctx.deps.timeZone));
  const uniform = common.every(({ values }) => values.every((value) => value === values[0]));
  const arrays = uniform ? own : [...own, ...common];
  const ownArrays = own.map(arrayOf);
  // Most batches hold one kind of posting: what they have in common is then sent once, and not per row.
  const inBatch = (column: Column) =>
    uniform && common.includes(column) ? constantOf(column) : sql`batch.${sql.identifier(column.name)}`;
  const ofLeg = (name: string) => {
    const column = present(
      [...own, ...common].find((candidate) => candidate.name === name),
      'a column of journals',
    );
    const place = own.indexOf(column);
    return uniform && place >= 0 ? sql`(${ownArrays[place]})[leg.journal]` : inBatch(column);
  };
  const done = writes.map((_, index) => sql.identifier(`written_${index}`));
  const written = writes.map((write, index) => sql`${done[index]} as (${write} returning 1), `);
  // Whoever asks no balance did not look at prices either, and only the lock says that nothing depends on them.
  const plain =
    held === undefined ? sql`` : sql`having no_positions(coalesce(bool_or(has_positions), false))`;
  // A condition that names no row is asked before the first row is looked for.
  const first = [
    ...(held === undefined ? [] : [sql`and (select ${held})`]),
    ...done.map((name) => sql`and (select count(*) from ${name}) > 0`),
  ];
  return sql`
    with ${sql.join(written)}locked as materialized (
      select id, user_id, account_id, asset, total, version, last_entry_at, has_positions from wallets
      where id = any (${sql.param(arrayParameter('uuid', legs.walletIds))}::uuid[]) ${sql.join(first, sql` `)}
      order by id for update
    ), booking as materialized (
      select greatest(${sql.param(now)}::text::timestamptz, max(last_entry_at)) as at from locked ${plain}
    ), batch as (
      select * from unnest(${list(uniform ? ownArrays : [...ownArrays, ...common.map(arrayOf)])})
        with ordinality as batch (${namesOf(arrays)}, place)
    ), posted as (
      insert into journals (booked_at, ${namesOf([...own, ...common])})
      select booking.at, ${list([...own, ...common].map(inBatch))} from booking, batch
    )
    insert into ledger_entries (id, booked_at, journal_id, wallet_id, user_id, account_id, book, asset, amount,
      balance_after, wallet_version, kind, reference_type, reference_id)
    select leg.id, booking.at, ${ofLeg('id')}, leg.wallet_id, locked.user_id, locked.account_id,
      ${ofLeg('book')}, locked.asset, leg.amount, locked.total + leg.moved, locked.version + leg.nth,
      ${ofLeg('kind')}, ${ofLeg('reference_type')}, ${ofLeg('reference_id')}
    from booking, unnest(${list(legs.columns.map(arrayOf))}) as leg (${namesOf(legs.columns)})
      left join locked on locked.id = leg.wallet_id ${uniform ? sql`` : sql`join batch on batch.place = leg.journal`}`;
}

type Column = { readonly name: string; readonly type: string; readonly values: readonly (string | null)[] };

type LegColumn = { readonly name: string; readonly type: string; readonly array: string | BinaryArray };

type Legs = {
  readonly moved: ReadonlyMap<Id, Moved>;
  readonly walletIds: readonly Id[];
  /** What the wallet of each leg gets of the batch. */
  readonly ofEach: readonly Moved[];
  readonly columns: readonly LegColumn[];
};

type Batch = { readonly postings: readonly NewJournal[]; readonly ids: readonly Id[]; readonly legs: Legs };

/** What each journal has of its own. */
function ownColumns(
  postings: readonly NewJournal[],
  ids: readonly Id[],
  requestId: string,
): readonly Column[] {
  return [
    { name: 'id', type: 'uuid', values: ids },
    { name: 'reference_id', type: 'uuid', values: postings.map((posting) => posting.referenceId) },
    { name: 'request_id', type: 'text', values: postings.map((posting) => posting.requestId ?? requestId) },
  ];
}

/** What the journals of a batch often have in common. */
function commonColumns(postings: readonly NewJournal[], today: string): readonly Column[] {
  const column = (name: string, type: string, pick: (posting: NewJournal) => string | null): Column => ({
    name,
    type,
    values: postings.map(pick),
  });
  return [
    column('book', 'book', (posting) => posting.book),
    column('kind', 'journal_kind', (posting) => posting.kind),
    column('reference_type', 'text', (posting) => posting.referenceType),
    column('description', 'text', (posting) => posting.description),
    column('metadata', 'jsonb', ({ metadata }) => (metadata === undefined ? '{}' : JSON.stringify(metadata))),
    column('value_date', 'date', (posting) => posting.valueDate ?? today),
    column('reverses_id', 'uuid', (posting) => posting.reversesId ?? null),
    ...rateColumns(postings),
    ...approvalColumn(postings),
  ];
}

function approvalColumn(postings: readonly NewJournal[]): readonly Column[] {
  return postings.every(({ approvalId }) => approvalId === undefined)
    ? []
    : [{ name: 'approval_id', type: 'uuid', values: postings.map(({ approvalId }) => approvalId ?? null) }];
}

/** Few postings have a rate, and the others do not pay for its columns. */
function rateColumns(postings: readonly NewJournal[]): readonly Column[] {
  if (postings.every((posting) => posting.rate === undefined)) {
    return [];
  }
  return [
    { name: 'rate', type: 'numeric', values: postings.map(({ rate }) => rate?.value ?? null) },
    { name: 'rate_source', type: 'text', values: postings.map(({ rate }) => rate?.source ?? null) },
    { name: 'rate_at', type: 'timestamptz', values: postings.map(({ rate }) => rate?.at ?? null) },
  ];
}

/** What a wallet has got of the batch so far. */
type Moved = { readonly walletId: Id; sum: bigint; entries: number; wallet: WalletFacts | undefined };

/**
 * Each leg with what its wallet has got by then: what the balance after it is, and which entry of the wallet it is, is
 * said before the wallet is read. The trigger proves it.
 */
function legsOf(ctx: Ctx, postings: readonly NewJournal[]): Legs {
  const moved = new Map<Id, Moved>();
  const ofEach: Moved[] = [];
  const amounts: Amount[] = [];
  const sums: bigint[] = [];
  const nths: number[] = [];
  const journals: number[] = [];
  postings.forEach((posting, index) => {
    assert(posting.entries.length >= 2, 'a journal has at least two entries');
    for (const { walletId, amount } of posting.entries) {
      let wallet = moved.get(walletId);
      if (wallet === undefined) {
        wallet = { walletId, sum: 0n, entries: 0, wallet: undefined };
        moved.set(walletId, wallet);
      }
      wallet.sum += amount;
      wallet.entries += 1;
      ofEach.push(wallet);
      amounts.push(amount);
      sums.push(wallet.sum);
      nths.push(wallet.entries);
      journals.push(index + 1);
    }
  });
  const columns = [
    { name: 'id', type: 'uuid', array: uuidBytesArray(newIdBytes(ofEach.length)) },
    {
      name: 'wallet_id',
      type: 'uuid',
      array: arrayParameter(
        'uuid',
        ofEach.map(({ walletId }) => walletId),
      ),
    },
    { name: 'amount', type: 'numeric', array: amountsParameter(amounts) },
    { name: 'moved', type: 'numeric', array: amountsParameter(sums) },
    { name: 'nth', type: 'integer', array: integerArray(nths) },
    { name: 'journal', type: 'integer', array: integerArray(journals) },
  ];
  return { moved, walletIds: likeliestMovedFirst(ctx, moved), ofEach, columns };
}

/** The wallets of the batch that this process made last: what it moved, another may have to read again. */
const madeLast = perDeps((): { wallets: ReadonlyMap<Id, Moved> } => ({ wallets: new Map() }));

/**
 * Where another statement moved a wallet since this one began, PostgreSQL looks for it in the list of them, from the
 * front: those of the batch before, which may still be under way, come first.
 */
function likeliestMovedFirst(ctx: Ctx, moved: ReadonlyMap<Id, Moved>): readonly Id[] {
  const last = madeLast(ctx.deps);
  const before = last.wallets;
  last.wallets = moved;
  const [first, then]: [Id[], Id[]] = [[], []];
  for (const walletId of moved.keys()) {
    (before.has(walletId) ? first : then).push(walletId);
  }
  return [...first, ...then];
}

/** Sums on the way may be greater than any balance. */
function amountsParameter(amounts: readonly bigint[]): string | BinaryArray {
  return amountArray(amounts) ?? arrayParameter('numeric', amounts.map(storedAmount));
}

function arrayOf(column: Column | LegColumn): SQL {
  const array = 'array' in column ? column.array : arrayParameter(column.type, column.values);
  return sql`${sql.param(array)}::${sql.raw(column.type)}[]`;
}

/** Of many rows, a query of its own, so that the value is read from its text once and not for each. */
function constantOf({ type, values }: Column): SQL {
  const read = sql`${sql.param(values[0] ?? null)}::text::${sql.raw(type)}`;
  return values.length === 1 ? read : sql`(select ${read})`;
}

function namesOf(columns: readonly { readonly name: string }[]): SQL {
  return list(columns.map(({ name }) => sql.identifier(name)));
}

function list(items: readonly (SQL | ReturnType<typeof sql.identifier>)[]): SQL {
  return sql.join([...items], sql`, `);
}
