/**
 * Our side of `bench ledger`: customers with funded accounts on a migrated database, and callers who
 * each await the commit of their own transfer. `post` is the ledger alone: a journal with two entries and
 * an audit row, personal part sealed, under triggers and row-level security. `order` is the whole verb of
 * `POST /v1/transfers`: gates, accounts and memory of them, the key, the transfer's row and its event too.
 */
import { sql } from 'drizzle-orm';
import { buildDeps } from '../../src/deps.ts';
import { LEDGER_EVENTS } from '../../src/domains/ledger/audit.ts';
import { ledgerChecks } from '../../src/domains/ledger/checks.ts';
import { createQueue, type Outcome } from '../../src/domains/ledger/intake/queue.ts';
import { type NewJournal, postJournals, prepareJournals } from '../../src/domains/ledger/post-journals.ts';
import { transferChecks } from '../../src/domains/ledger/transfers/checks.ts';
import { transferFunds } from '../../src/domains/ledger/transfers/transfer-funds.ts';
import { type Amount, amountOf, parseAmount } from '../../src/kernel/amount.ts';
import { present } from '../../src/kernel/assert.ts';
import { type Id, newId } from '../../src/kernel/id.ts';
import { type Change, prepareRecords, recordStatements } from '../../src/platform/audit/record.ts';
import { type Ctx, type Deps, machineCtx } from '../../src/platform/context.ts';
import { type Connection, openClient } from '../../src/platform/db/client.ts';
import { arrayLiteral } from '../../src/platform/db/insert-rows.ts';
import { applyMigrations } from '../../src/platform/db/migrate.ts';
import { ensureSandboxPasswords, sandboxConnections } from '../../src/platform/db/sandbox-logins.ts';
import { transact } from '../../src/platform/db/transact.ts';
import { readerOf, transactAtOnce } from '../../src/platform/db/transact-at-once.ts';
import { buildLogger } from '../../src/platform/log/logger.ts';
import { TEST_SETTINGS } from '../../src/testing/foundation.ts';

export type Firm = {
  /** Transfers answered per second, among the first so many accounts. */
  readonly run: (way: Way, accounts: number, seconds: number) => Promise<number>;
  /** What does not hold of the books after all runs. */
  readonly faults: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
};

export type Way = 'post' | 'order';

type Customer = { readonly ctx: Ctx; readonly accountId: Id; readonly userId: Id; readonly walletId: Id };

const ACCOUNTS_PER_CUSTOMER = 10;
/** Enough to fill two batches while two more are written; one person's share of the verb's queue is less. */
const CALLERS = { post: 2_048, order: 1_024 } as const;
const WARM_UP_SECONDS = 1;
const FUNDS = parseAmount('1000000');
const AMOUNT = parseAmount('1.25');

/** Migrates the database and opens the accounts. */
export async function startFirm(owner: Connection, dataDir: string, accounts: number): Promise<Firm> {
  await applyMigrations(owner);
  await ensureSandboxPasswords(owner);
  const deps = buildDeps({
    mode: 'sandbox',
    dataDir,
    connections: sandboxConnections(owner),
    pools: { app: 1, staff: 1, engine: 4 },
    rootKeys: [{ name: 'bench', key: new Uint8Array(32).fill(7) }],
    log: buildLogger('warn'),
    wakeRelay: () => {},
    domains: [],
    settings: TEST_SETTINGS,
  });
  const system = machineCtx(deps, { kind: 'system', name: 'bench' }, newId());
  const customers = await openAccounts(deps, system, accounts);
  const client = openClient(owner, 1);
  await client.unsafe('VACUUM ANALYZE');
  await client.end({ timeout: 5 });
  const answered = { post: 0, order: 0 };
  const post = posting(system);
  return {
    run: async (way, among, seconds) => {
      const count = () => {
        answered[way] += 1;
      };
      const send = way === 'post' ? post : order;
      return await rateOf(customers.slice(0, among), { seconds, callers: CALLERS[way] }, send, count);
    },
    faults: () => faultsOf(system, answered),
    close: () => deps.db.close(),
  };
}

async function openAccounts(deps: Deps, system: Ctx, count: number): Promise<readonly Customer[]> {
  const people = Array.from({ length: Math.ceil(count / ACCOUNTS_PER_CUSTOMER) }, () => newId());
  const customers = Array.from({ length: count }, (_, index): Customer => {
    const userId = present(people[Math.floor(index / ACCOUNTS_PER_CUSTOMER)], 'every account has its owner');
    return { ctx: ctxOf(system, userId), userId, accountId: newId(), walletId: newId() };
  });
  const bank = newId();
  await transact(system, 'engine', async (tx) => {
    const column = (values: readonly Id[]) => sql`${sql.param(arrayLiteral(values))}::uuid[]`;
    const owners = column(customers.map(({ userId }) => userId));
    const accountIds = column(customers.map(({ accountId }) => accountId));
    const walletIds = column(customers.map(({ walletId }) => walletId));
    await tx.execute(sql`insert into assets (code, name, kind, scale, created_at)
      values ('USD', 'US dollar', 'fiat', 2, now())`);
    await tx.execute(sql`insert into users (id, email, email_index, profile, status, created_at, updated_at)
      select id, '\\x01', uuid_send(id), '\\x01', 'active', now(), now() from unnest(${column(people)}) u (id)`);
    await tx.execute(sql`insert into customer_gates (user_id, kyc_status, kyc_level, screening, restriction,
        agreements_current, changed_by, changed_at)
      select id, 'approved', 'standard', 'clear', 'none', true, 'bench', now() from unnest(${column(people)}) u (id)`);
    await tx.execute(sql`insert into accounts (id, user_id, type, name, base_currency, status, created_at, updated_at)
      select a, u, 'live', 'Bench', 'USD', 'active', now(), now() from unnest(${accountIds}, ${owners}) t (a, u)`);
    await tx.execute(sql`insert into wallets (id, account_id, user_id, book, asset, status, created_at)
      select w, a, u, 'live', 'USD', 'active', now()
      from unnest(${walletIds}, ${accountIds}, ${owners}) t (w, a, u)`);
    await tx.execute(sql`insert into wallets (id, house_role, house_reference, book, asset, status, created_at)
      values (${bank}, 'client_money_bank', 'main', 'live', 'USD', 'active', now())`);
    for (const userId of people) {
      await deps.personKeys.create(tx, userId, deps.clock.now());
    }
    for (let from = 0; from < customers.length; from += 1_000) {
      const funded = customers.slice(from, from + 1_000);
      await postJournals(
        tx,
        system,
        funded.map(({ walletId }) => journalOf('deposit', bank, walletId, FUNDS)),
      );
    }
  });
  return customers;
}

function ctxOf(system: Ctx, userId: Id): Ctx {
  const session = { sessionId: newId(), mfaAtMs: null };
  return {
    ...system,
    actor: { kind: 'customer', userId, roles: ['customer'], ...session },
    client: { ip: '192.0.2.1', userAgent: 'bench' },
    login: 'app',
  };
}

function journalOf(kind: NewJournal['kind'], from: Id, to: Id, amount: Amount) {
  return {
    id: newId(),
    book: 'live' as const,
    kind,
    referenceType: kind,
    referenceId: newId(),
    description: kind,
    entries: [
      { walletId: from, amount: amountOf(-amount) },
      { walletId: to, amount },
    ],
  };
}

type Send = (from: Customer, to: Customer) => Promise<unknown>;

/** The verb as a request makes it. */
function order(from: Customer, to: Customer): Promise<unknown> {
  return transferFunds(
    { ...from.ctx, requestId: newId(), idempotencyKey: newId() },
    { fromAccountId: from.accountId, toAccountId: to.accountId, asset: 'USD', amount: AMOUNT },
  );
}

/** The ledger's own part, behind a queue as wide as that of the verb. */
function posting(system: Ctx): Send {
  const queue = createQueue<Posting, Id>(
    {
      lanes: 2,
      batchMax: 1_024,
      queueMax: 2 * CALLERS.post,
      shareMax: 2 * CALLERS.post,
      shareOf: ({ userId }) => userId,
    },
    (batch) => postAtOnce(system, batch),
  );
  return (from, to) => {
    const journal = journalOf('transfer', from.walletId, to.walletId, AMOUNT);
    const ctx = { ...from.ctx, requestId: newId() };
    return queue.submit({ ctx, userId: from.userId, journal, from, to });
  };
}

type Posting = {
  readonly ctx: Ctx;
  readonly userId: Id;
  readonly journal: ReturnType<typeof journalOf>;
  readonly from: Customer;
  readonly to: Customer;
};

async function postAtOnce(system: Ctx, batch: readonly Posting[]): Promise<readonly Outcome<Posting, Id>[]> {
  const reader = readerOf(system, 'engine');
  const records = await prepareRecords(reader, system, batch.map(changeOf));
  const journals = batch.map(({ journal, ctx }) => ({ ...journal, requestId: ctx.requestId }));
  const { statement } = await prepareJournals(reader, system, journals, {
    writes: recordStatements(records),
  });
  await transactAtOnce(system, 'engine', statement);
  return batch.map((ticket) => ({ ticket, answer: ticket.journal.id }));
}

function changeOf({ ctx, userId, journal, from, to }: Posting): Change {
  return {
    event: LEDGER_EVENTS['transfer.posted'],
    resource: { type: 'journal', id: journal.id },
    subjectUserId: userId,
    after: {
      id: journal.referenceId,
      fromAccountId: from.accountId,
      toAccountId: to.accountId,
      asset: 'USD',
      amount: AMOUNT,
      journalId: journal.id,
    },
    ctx,
  };
}

/** Every caller asks again as soon as its last transfer is durable. */
async function rateOf(
  customers: readonly Customer[],
  { seconds, callers }: { readonly seconds: number; readonly callers: number },
  send: Send,
  count: () => void,
): Promise<number> {
  let [open, answers] = [true, 0];
  const caller = async (): Promise<void> => {
    while (open) {
      const payer = Math.floor(Math.random() * customers.length);
      await send(present(customers[payer], 'a customer'), siblingOf(customers, payer));
      answers += 1;
      count();
    }
  };
  const calling = Array.from({ length: callers }, caller);
  await Bun.sleep(WARM_UP_SECONDS * 1_000);
  const [before, startedMs] = [answers, performance.now()];
  await Bun.sleep(seconds * 1_000);
  const rate = ((answers - before) * 1_000) / (performance.now() - startedMs);
  open = false;
  await Promise.all(calling);
  return rate;
}

/** Another account of the same person: nobody moves money to anybody else. */
function siblingOf(customers: readonly Customer[], index: number): Customer {
  const first = index - (index % ACCOUNTS_PER_CUSTOMER);
  const step = 1 + Math.floor(Math.random() * (ACCOUNTS_PER_CUSTOMER - 1));
  return present(customers[first + ((index - first + step) % ACCOUNTS_PER_CUSTOMER)], 'a sibling');
}

async function faultsOf(system: Ctx, answered: Readonly<Record<Way, number>>): Promise<readonly string[]> {
  return system.deps.db.engine.transaction(async (tx) => {
    await tx.execute(sql`select set_config('statement_timeout', '0', true)`);
    const [stored] = await tx.execute<Readonly<Record<string, number>>>(sql`select
      (select count(*)::int from journals where kind = 'transfer') as journals,
      (select count(*)::int from transfers) as transfers,
      (select count(*)::int from outbox where type = 'ledger.transfer_posted') as events,
      (select count(*)::int from audit_logs where event_type = 'transfer.posted') as records`);
    const all = answered.post + answered.order;
    const due = { journals: all, records: all, transfers: answered.order, events: answered.order };
    const counted = Object.entries(due)
      .filter(([name, count]) => stored?.[name] !== count)
      .map(([name, count]) => `${count} answers, ${stored?.[name]} ${name}`);
    const breaks: string[] = [];
    for (const check of [...ledgerChecks, ...transferChecks]) {
      const found = await check.run(tx);
      breaks.push(...found.breaks.map(({ object, detail }) => `${check.name}: ${object} ${detail}`));
    }
    return [...counted, ...breaks];
  });
}
