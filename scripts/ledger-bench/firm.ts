/**
 * Our side of `bench ledger`: customers with funded accounts on a migrated database, and callers who
 * each await the commit of their own transfer. A transfer is what the product posts: a journal with two
 * entries and an audit row, personal part sealed, under triggers and row-level security.
 */
import { sql } from 'drizzle-orm';
import { buildDeps } from '../../src/deps.ts';
import { ledgerChecks } from '../../src/domains/ledger/checks.ts';
import { type NewJournal, postJournals } from '../../src/domains/ledger/post-journals.ts';
import { transferChecks } from '../../src/domains/ledger/transfers/checks.ts';
import { transferFunds } from '../../src/domains/ledger/transfers/transfer-funds.ts';
import { type Amount, amountOf, parseAmount } from '../../src/kernel/amount.ts';
import { present } from '../../src/kernel/assert.ts';
import { type Id, newId } from '../../src/kernel/id.ts';
import { type Ctx, type Deps, machineCtx } from '../../src/platform/context.ts';
import { type Connection, openClient } from '../../src/platform/db/client.ts';
import { arrayLiteral } from '../../src/platform/db/insert-rows.ts';
import { applyMigrations } from '../../src/platform/db/migrate.ts';
import { ensureSandboxPasswords, sandboxConnections } from '../../src/platform/db/sandbox-logins.ts';
import { transact } from '../../src/platform/db/transact.ts';
import { buildLogger } from '../../src/platform/log/logger.ts';
import { TEST_SETTINGS } from '../../src/testing/foundation.ts';

export type Firm = {
  /** Transfers answered per second, among the first so many accounts. */
  readonly run: (accounts: number, seconds: number) => Promise<number>;
  /** What does not hold of the books after all runs. */
  readonly faults: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
};

type Customer = { readonly ctx: Ctx; readonly accountId: Id; readonly userId: Id; readonly walletId: Id };

const ACCOUNTS_PER_CUSTOMER = 10;
const CALLERS = 1_024;
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
  const answered = { transfers: 0 };
  return {
    run: (among, seconds) => transferFor(customers.slice(0, among), seconds, answered),
    faults: () => faultsOf(system, answered.transfers),
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

/** Every caller asks again as soon as its last transfer is durable. */
async function transferFor(
  customers: readonly Customer[],
  seconds: number,
  answered: { transfers: number },
): Promise<number> {
  let open = true;
  const caller = async (): Promise<void> => {
    while (open) {
      const payer = Math.floor(Math.random() * customers.length);
      const from = present(customers[payer], 'a customer');
      await transferFunds(
        { ...from.ctx, requestId: newId(), idempotencyKey: newId() },
        {
          fromAccountId: from.accountId,
          toAccountId: siblingOf(customers, payer).accountId,
          asset: 'USD',
          amount: AMOUNT,
        },
      );
      answered.transfers += 1;
    }
  };
  const callers = Array.from({ length: CALLERS }, caller);
  await Bun.sleep(WARM_UP_SECONDS * 1_000);
  const [before, startedMs] = [answered.transfers, performance.now()];
  await Bun.sleep(seconds * 1_000);
  const rate = ((answered.transfers - before) * 1_000) / (performance.now() - startedMs);
  open = false;
  await Promise.all(callers);
  return rate;
}

/** Another account of the same person: nobody moves money to anybody else. */
function siblingOf(customers: readonly Customer[], index: number): Customer {
  const first = index - (index % ACCOUNTS_PER_CUSTOMER);
  const step = 1 + Math.floor(Math.random() * (ACCOUNTS_PER_CUSTOMER - 1));
  return present(customers[first + ((index - first + step) % ACCOUNTS_PER_CUSTOMER)], 'a sibling');
}

async function faultsOf(system: Ctx, transfers: number): Promise<readonly string[]> {
  return system.deps.db.engine.transaction(async (tx) => {
    await tx.execute(sql`select set_config('statement_timeout', '0', true)`);
    const [stored] = await tx.execute<Readonly<Record<string, number>>>(sql`select
      (select count(*)::int from journals where kind = 'transfer') as journals,
      (select count(*)::int from transfers) as transfers,
      (select count(*)::int from outbox where type = 'ledger.transfer_posted') as events,
      (select count(*)::int from audit_logs where event_type = 'transfer.posted') as records`);
    const counted = Object.entries(stored ?? {})
      .filter(([, count]) => count !== transfers)
      .map(([name, count]) => `${transfers} answers, ${count} ${name}`);
    const breaks: string[] = [];
    for (const check of [...ledgerChecks, ...transferChecks]) {
      const found = await check.run(tx);
      breaks.push(...found.breaks.map(({ object, detail }) => `${check.name}: ${object} ${detail}`));
    }
    return [...counted, ...breaks];
  });
}
