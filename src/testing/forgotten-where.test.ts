/**
 * A handler whose conditions are gone still tells a customer nothing of others (I12). Every operation that
 * reads for a customer runs through the application with `where X` turned into `where ((X) or true)` in each
 * select: on the customers' login nobody else's id, name or amount comes out, and on a login that stands
 * above row-level security the very same requests give them away.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { AsyncLocalStorage } from 'node:async_hooks';
import { drizzle } from 'drizzle-orm/postgres-js';
import type postgres from 'postgres';
import { operationsOf } from '../app.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { type Database, type Login, openClient } from '../platform/db/client.ts';
import { driverCall } from './driver-call.ts';
import type { Answer } from './send.ts';
import { OTHERS_AMOUNTS, startTwoCustomers, type TwoCustomers } from './two-customers.ts';
import { withoutWhere } from './without-where.ts';
import type { OperationCall } from './world.ts';

const reads = operationsOf({ domains: allDomains, platformEndpoints }).filter(
  ({ method, access }) => method === 'get' && !('public' in access) && (access.customer || access.self),
);
const readIds = reads.map((operation) => operation.operationId);

/** They read what is true for everybody, and nothing of a customer. */
const SHARED = new Set([
  'getInstrument',
  'getMarketClock',
  'getOrderBook',
  'getQuote',
  'listAgreements',
  'listAssets',
  'listCandles',
  'listInstruments',
  'listKycLevels',
  'listMarketCalendars',
  'listMarketHolidays',
  'listTrades',
  'listTradingHalts',
  'listTradingFees',
  'listTradingSessions',
  'openStream',
]);

/** What keeps quiet without row-level security too, and how it answers: a second barrier stands behind it. */
const BARRED: Readonly<Record<string, number | string>> = {
  // Sealed under the other person's key, which the answer is not read with.
  getMe: 500,
  listSessions: 500,
  getSetting: 500,
  getWatchlist: 500,
  listWatchlists: 500,
  listKycDeclarations: 500,
  listKycParties: 500,
  exportUserData: 'broke off',
  // They say yes or no, how many, which names: nothing that tells one person from another.
  getRecoveryCodes: 200,
  getTotp: 200,
  // They tell prices and limits, and a sum that names nobody.
  listFees: 200,
  listFundingLimits: 200,
  quoteDeposit: 200,
  quoteWithdrawal: 200,
  // Read on a login that is not the customers': CLOSED_READS.
  listDebts: 200,
  listSettings: 200,
  // The account that was found is held against the caller once more.
  getAccount: 404,
  getAccountRiskLimits: 404,
  getFeeTier: 404,
  getHold: 404,
  getMargin: 404,
  getPortfolio: 404,
  getPortfolioHistory: 404,
  listAccountTrades: 404,
  listClosedPositions: 404,
  listEntries: 404,
  listHolds: 404,
  listHoldings: 404,
  listLots: 404,
  listPositions: 404,
  listSettlements: 404,
  listWallets: 404,
};

/** Whose row comes first is the database's choice: their own tells nothing, another's sealed one cannot be read. */
const AS_IT_COMES: Readonly<Record<string, number>> = { getKycApplication: 500, getPosition: 200 };

/** What a request may ask of other logins before its handler runs: who is it, and may they ask now. */
const BEFORE_THE_HANDLER = new Set([
  'api_keys',
  'audit_logs',
  'person_keys',
  'role_grants',
  'sessions',
  'take_tokens',
  'token_keys',
  'users',
]);

/** What is closed to the customers' login and read for them on another: each condition here has to hold. */
const CLOSED_READS: Readonly<Record<string, string[]>> = {
  exportUserData: [
    'break_glass_seals',
    'credentials',
    'email_tokens',
    'liquidation_orders',
    'liquidation_takeovers',
    'position_exit_orders',
    'position_funding',
    'recovery_codes',
    'wallets',
  ],
  // Limits are the firm's; those of the account, and nobody else's, are named one by one (src/domains/risk/routes.test.ts).
  getAccountRiskLimits: ['risk_limit_withdrawals', 'risk_limits'],
  getRecoveryCodes: ['recovery_codes'],
  // What a person owes lies in a wallet of the house that names them (src/domains/funding/debts.test.ts).
  listDebts: ['wallets'],
};

type Asked = { readonly login: Login; readonly query: string };

let people: TwoCustomers;
let theirs: readonly string[];
let restore: () => void;
const calls = new Map<string, OperationCall>();
const clients: postgres.Sql[] = [];
/** The queries of the request that runs, and of nothing that goes on beside it. */
const request = new AsyncLocalStorage<Asked[]>();

beforeAll(async () => {
  people = await startTwoCustomers(import.meta.file);
  for (const operationId of readIds) {
    const { params = {}, query = {} } = await driverCall(people.world, operationId);
    calls.set(operationId, { params, query });
  }
  calls.set('exportUserData', { params: { id: people.own.userId } });
  theirs = await marksOfOthers();
  const { db } = people.world.deps;
  const real = { ...db };
  restore = () => Object.assign(db, real);
}, 120_000);

afterAll(async () => {
  restore();
  await Promise.all(clients.map((client) => client.end()));
  const report = await people.world.reconcile();
  await people.world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

/**
 * Lets the customers' reads run on a login of choice with their conditions gone, and notes every query of
 * every login.
 */
function forgetConditions(login: Login): void {
  restore();
  const { db } = people.world.deps;
  const open = (as: Login, on: Login, change: (query: string) => string): Database => {
    const client = openClient(db.connections[on], 2);
    clients.push(client);
    return drizzle(
      changing(client, (query) => {
        request.getStore()?.push({ login: as, query });
        return change(query);
      }),
    );
  };
  const same = (query: string) => query;
  // The dependencies are read-only to the product; the test stands between it and its database.
  Object.assign(db, {
    app: open('app', login, withoutWhere),
    staff: open('staff', 'staff', same),
    engine: open('engine', 'engine', same),
  });
}

/** The client with each query changed on its way, in transactions too. */
function changing<Client extends postgres.Sql | postgres.TransactionSql>(
  client: Client,
  change: (query: string) => string,
): Client {
  return new Proxy(client, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (name === 'unsafe') {
        return (query: string, ...rest: [never, never]) => target.unsafe(change(query), ...rest);
      }
      if (name === 'begin' || name === 'savepoint') {
        const begin = value as (work: (tx: postgres.TransactionSql) => unknown) => unknown;
        return (work: (tx: postgres.TransactionSql) => unknown) => {
          const inRequest = AsyncLocalStorage.snapshot();
          return begin.call(target, (tx) => inRequest(() => work(changing(tx, change))));
        };
      }
      return value;
    },
  });
}

/** Ids of everybody's rows but the asking customer's, their e-mail addresses, and amounts only they have. */
async function marksOfOthers(): Promise<string[]> {
  const { world, own, other } = people;
  const engine = openClient(world.database.connections.engine, 1);
  const columns = await engine<{ table: string; owner: string; ids: string[] }[]>`
    select c.relname as table, substring(pg_get_expr(p.polqual, p.polrelid) from '^\\(+(\\w+) = ') as owner,
      array(select attname from pg_attribute where attrelid = c.oid and atttypid = 'uuid'::regtype
        and attnum > 0 and not attisdropped) as ids
    from pg_policy p join pg_class c on c.oid = p.polrelid
    where 'plimsoll_app'::regrole = any(p.polroles) and p.polcmd in ('*', 'r')
      and pg_get_expr(p.polqual, p.polrelid) <> 'true'`;
  const [ofOthers, ofOwn] = [new Set<string>(), new Set<string>()];
  for (const { table, owner, ids } of columns) {
    for (const row of await engine`select ${engine(owner)} as owner, ${engine(ids)} from ${engine(table)}`) {
      const marks = row.owner === own.userId ? ofOwn : ofOthers;
      for (const id of ids.map((name) => row[name] as string | null)) {
        if (id !== null) {
          marks.add(id);
        }
      }
    }
  }
  const shared = await engine`
    select id from instruments union select id from agreements union select id from trades`;
  await engine.end();
  const ids = [...ofOthers].filter((id) => !ofOwn.has(id) && !shared.some((row) => row.id === id));
  expect(ids).toContain(other.accountId);
  return [...ids, other.email, 'Sweta', 'Boodhoo', ...OTHERS_AMOUNTS];
}

type Told = {
  readonly status: Answer['status'] | 'broke off';
  readonly text: string;
  readonly asked: Asked[];
};

/** A stream that finds what it may not read ends in the middle. */
async function ask(operationId: string): Promise<Told> {
  const asked: Asked[] = [];
  const call = { ...calls.get(operationId), as: people.own };
  return request.run(asked, async () => {
    const answer = await people.world.call(operationId, call).catch(() => undefined);
    return { status: answer?.status ?? 'broke off', text: JSON.stringify(answer?.body ?? ''), asked };
  });
}

/**
 * What of others an answer holds, but for what the request itself named. A person's file also holds what their
 * refused requests had named.
 */
function leaksIn(operationId: string, text: string): string[] {
  const asked = operationId === 'exportUserData' ? [...calls.values()] : [calls.get(operationId)];
  const named = new Set(
    asked.flatMap((call) => [...Object.values(call?.params ?? {}), ...Object.values(call?.query ?? {})]),
  );
  return theirs.filter((mark) => !named.has(mark) && text.includes(mark));
}

describe('with row-level security', () => {
  beforeAll(() => forgetConditions('app'));

  test.each(readIds)('%s tells nothing of others although it forgot its conditions', async (operationId) => {
    const { status, text, asked } = await ask(operationId);
    expect([operationId, leaksIn(operationId, text)]).toEqual([operationId, []]);
    expect(['broke off', 500]).not.toContain(status);
    const forgotten = asked.some(({ login, query }) => login === 'app' && withoutWhere(query) !== query);
    const bare = SHARED.has(operationId) || CLOSED_READS[operationId] !== undefined;
    expect([operationId, forgotten || bare]).toEqual([operationId, true]);
  });

  test.each(readIds)('%s reads on no login that stands above it', async (operationId) => {
    const { asked } = await ask(operationId);
    const beyond = asked.filter(({ login }) => login !== 'app').flatMap(({ query }) => tablesOf(query));
    const closed = beyond.filter((table) => !BEFORE_THE_HANDLER.has(table));
    expect([operationId, [...new Set(closed)].toSorted()]).toEqual([
      operationId,
      CLOSED_READS[operationId] ?? [],
    ]);
  });
});

describe('without it', () => {
  beforeAll(() => forgetConditions('engine'));

  const telling = readIds.filter((operationId) => !SHARED.has(operationId));
  test.each(telling)('%s gives others away, so that the tests above can fail', async (operationId) => {
    const { status, text } = await ask(operationId);
    const told = leaksIn(operationId, text).length > 0 || status === AS_IT_COMES[operationId];
    expect<unknown[]>([operationId, told ? 'told' : status]).toEqual([
      operationId,
      BARRED[operationId] ?? 'told',
    ]);
  });
});

function tablesOf(query: string): string[] {
  return [...query.matchAll(/\b(?:from|join|into|update)\s+"?([a-z_]+)"?/gi)].map((match) => match[1] ?? '');
}
