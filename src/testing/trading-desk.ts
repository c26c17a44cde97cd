/**
 * What tests of trading start from: two instruments with prices and limits, and traders with funded
 * accounts, on a database of their own. The credential port is a fake: a bearer names its actor.
 */
import { and, eq, isNull } from 'drizzle-orm';
import type { Hono } from 'hono';
import { createApp } from '../app.ts';
import { buildDeps } from '../deps.ts';
import { accounts } from '../domains/accounts/schema.ts';
import { customerGates, users } from '../domains/identity/schema.ts';
import {
  type Book,
  customerWallet,
  houseWallet,
  ledgerDomain,
  openLots,
  postJournals,
  type ReconcileReport,
  reconcile,
} from '../domains/ledger/index.ts';
import { assets, wallets } from '../domains/ledger/schema.ts';
import { createInstrument, marketsDomain, setQuote } from '../domains/markets/index.ts';
import { reportsDomain } from '../domains/reports/index.ts';
import { riskDomain, setRiskLimit } from '../domains/risk/index.ts';
import { type TradingEngine, tradingDomain, tradingEngine } from '../domains/trading/index.ts';
import { orders } from '../domains/trading/schema.ts';
import type { Actor, Role } from '../kernel/actor.ts';
import { amountOf, formatAmount, parseAmount } from '../kernel/amount.ts';
import { type Id, newId } from '../kernel/id.ts';
import { approvalEndpoints } from '../platform/approvals/endpoints.ts';
import type { Ctx, Deps } from '../platform/context.ts';
import { sealText } from '../platform/crypto/seal.ts';
import { transact } from '../platform/db/transact.ts';
import type { Domain } from '../platform/domain.ts';
import { refuse } from '../platform/http/refuse.ts';
import { endInOrder } from './ending.ts';
import { type Foundation, startFoundation, TEST_SETTINGS } from './foundation.ts';
import { type Answer, send } from './send.ts';
import { type GateWish, setGate } from './set-gate.ts';

/** A person at the desk with a live account. */
export type Trader = {
  readonly userId: Id;
  readonly accountId: Id;
  readonly actor: Actor;
};

export type Call = {
  readonly body?: unknown;
  readonly key?: string;
  /** What the change was read as. */
  readonly ifMatch?: string;
};

export type Funds = Readonly<Record<string, string>>;

/** One process: what it answers, and its order path. */
export type Process = {
  readonly app: Hono;
  readonly engine: TradingEngine;
  readonly request: (trader: Trader | null, method: string, path: string, call?: Call) => Promise<Answer>;
  /** `'buy 0.5 at 60000'` in BTC/USD, as a limit order good till cancelled. */
  readonly place: (trader: Trader, words: string, more?: object, key?: string) => Promise<Answer>;
};

export type TradingDesk = Foundation &
  Process & {
    /** Another process on the same database, whose engine is not started. */
    readonly elsewhere: Process;
    readonly newTrader: (funds?: Funds, more?: TraderOptions) => Promise<Trader>;
    readonly newStaff: (...roles: Role[]) => Promise<Trader>;
    readonly changeGate: (trader: Trader, change: GateWish) => Promise<void>;
    /** Takes every resting order out, so that a test meets only its own. */
    readonly emptyTheBooks: () => Promise<void>;
    /** An order as it is once everything accepted is settled. */
    readonly later: (trader: Trader, orderId: string) => Promise<Answer['body']>;
    /** Total and reserved of one wallet. */
    readonly balance: (trader: Trader, asset: string) => Promise<string>;
    readonly reconcile: () => Promise<ReconcileReport>;
  };

export type TraderOptions = {
  readonly gate?: GateWish;
  readonly book?: Book;
  /** The highest leverage of a margin account; none without. */
  readonly leverage?: string;
  /** What else is unusual of the account. */
  readonly account?: Partial<typeof accounts.$inferInsert>;
};

const DOMAINS = [ledgerDomain, marketsDomain, riskDomain, tradingDomain, reportsDomain];
const VERIFIED: GateWish = { kycStatus: 'approved', kycLevel: 'standard', screening: 'clear' };

/** `more` domains take part besides those of trading. */
export async function startTradingDesk(file: string, more: readonly Domain[] = []): Promise<TradingDesk> {
  const foundation = await startFoundation(file, [...DOMAINS, ...more]);
  const { deps, system } = foundation;
  await seed(system);
  const here = processOf(deps);
  const otherDeps = buildDeps({
    mode: 'sandbox',
    dataDir: deps.dataDir,
    connections: foundation.database.connections,
    pools: { app: 2, staff: 2, engine: 4 },
    rootKeys: [{ name: 'test', key: new Uint8Array(32).fill(7) }],
    log: deps.log,
    wakeRelay: () => {},
    domains: DOMAINS,
    settings: TEST_SETTINGS,
    clock: deps.clock,
  });
  const elsewhere = processOf(otherDeps);
  const { engine, request } = here;
  const emptyTheBooks = async (): Promise<void> => {
    await engine.settled();
    const open = await deps.db.engine
      .selectDistinct({ userId: orders.userId, accountId: orders.accountId })
      .from(orders)
      .where(isNull(orders.closedAt));
    for (const { userId, accountId } of open) {
      const trader = { userId, accountId, actor: signedIn(userId, ['customer']) };
      await request(trader, 'DELETE', `/v1/orders?accountId=${accountId}`);
    }
    await engine.settled();
  };
  return {
    ...foundation,
    ...here,
    elsewhere,
    newTrader: (funds = {}, more = {}) => newPerson(foundation, ['customer'], funds, more),
    newStaff: (...roles) => newPerson(foundation, roles, {}, { gate: {} }),
    changeGate: async (trader, change) => {
      await setGate(system, trader.userId, change);
    },
    emptyTheBooks: () => endInOrder(file, [['emptying the books', emptyTheBooks]]),
    later: async (trader, orderId) => {
      await engine.settled();
      return (await request(trader, 'GET', `/v1/orders/${orderId}`)).body;
    },
    balance: (trader, asset) => balanceOf(system, trader, asset),
    reconcile: () =>
      reconcile(
        system,
        DOMAINS.flatMap((domain) => domain.checks),
      ),
    close: () =>
      endInOrder(file, [
        ['the engine', () => engine.stop()],
        ['the other engine', () => elsewhere.engine.stop()],
        ['the connections of the other process', () => otherDeps.db.close()],
        ['the foundation', () => foundation.close()],
      ]),
  };
}

function processOf(deps: Deps): Process {
  const app = createApp(deps, {
    domains: DOMAINS,
    platformEndpoints: approvalEndpoints,
    authenticate: async (_deps, bearer) => actorOf(bearer),
    clientAddress: () => '127.0.0.1',
  });
  const request: Process['request'] = (trader, method, path, { body, key, ifMatch } = {}) =>
    send(app, method, path, {
      ...(trader === null ? {} : { token: Buffer.from(JSON.stringify(trader.actor)).toString('base64url') }),
      ...(body === undefined ? {} : { body }),
      headers: {
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
      },
    });
  return {
    app,
    engine: tradingEngine(deps),
    request,
    place: (trader, words, more = {}, key = newId()) =>
      request(trader, 'POST', '/v1/orders', {
        key,
        body: { accountId: trader.accountId, ...orderOf(words), ...more },
      }),
  };
}

function orderOf(words: string): object {
  const [side, quantity, , limitPrice] = words.split(' ');
  const common = { symbol: 'BTC/USD', side, quantity };
  return limitPrice === undefined
    ? { ...common, type: 'market' }
    : { ...common, type: 'limit', timeInForce: 'gtc', limitPrice };
}

function actorOf(bearer: string): Actor {
  const actor = JSON.parse(Buffer.from(bearer, 'base64url').toString('utf8')) as Actor;
  if (!('userId' in actor)) {
    throw refuse('credential_invalid');
  }
  return actor;
}

async function seed(ctx: Ctx): Promise<void> {
  const createdAt = ctx.deps.clock.now();
  const kinds = [
    ['USD', 'fiat', 2],
    ['EUR', 'fiat', 2],
    ['BTC', 'crypto', 8],
    ['ETH', 'crypto', 8],
  ] as const;
  await transact(ctx, 'engine', (tx) =>
    tx
      .insert(assets)
      .values(kinds.map(([code, kind, scale]) => ({ code, name: code, kind, scale, createdAt }))),
  );
  await list(ctx, { symbol: 'BTC/USD', last: '60000', tick: '0.01', lot: '0.0001' });
  await list(ctx, { symbol: 'ETH/BTC', last: '0.05', tick: '0.0001', lot: '0.001' });
  const limits = [
    ['max_order_value', '10000000', 'USD'],
    ['max_order_value', '100', 'BTC'],
    ['max_open_orders', '1000', null],
    ['max_position', '100000000', null],
    ['max_daily_volume', '1000000000', null],
    ['max_daily_loss', '10000000', null],
    ['max_leverage', '20', null],
  ] as const;
  for (const [type, value, currency] of limits) {
    await setRiskLimit(ctx, {
      scope: 'platform',
      scopeId: '',
      type,
      value: parseAmount(value),
      currency,
      effectiveFrom: createdAt,
      effectiveUntil: null,
      setBy: 'seed',
      approvalId: null,
      reason: 'Default',
      subjectUserId: null,
    });
  }
}

type Listing = {
  readonly symbol: string;
  readonly last: string;
  readonly tick: string;
  readonly lot: string;
};

async function list(ctx: Ctx, { symbol, last, tick, lot }: Listing): Promise<void> {
  const [baseAsset = '', quoteAsset = ''] = symbol.split('/');
  await createInstrument(ctx, {
    symbol,
    name: symbol,
    type: 'crypto',
    exchange: 'CRYPTO',
    baseAsset,
    quoteAsset,
    tick: parseAmount(tick),
    lot: parseAmount(lot),
    minQuantity: parseAmount(lot),
    maxQuantity: parseAmount('1000'),
    collarBps: 1000,
    makerFeeBps: 10,
    takerFeeBps: 20,
    fractional: true,
    settlementCycle: 'T+0',
    description: '',
  });
  await setQuote(ctx, { symbol, last: parseAmount(last), source: 'test' });
}

async function newPerson(
  { deps, system }: Foundation,
  roles: readonly Role[],
  funds: Funds,
  { gate = VERIFIED, book = 'live', leverage, account = {} }: TraderOptions,
): Promise<Trader> {
  const [userId, accountId] = [newId(), newId()];
  const at = deps.clock.now();
  await transact(system, 'engine', async (tx) => {
    const key = await deps.personKeys.create(tx, userId, at);
    const place = (column: string) => ({ table: 'users', column, rowId: userId });
    await tx.insert(users).values({
      id: userId,
      email: sealText(key, place('email'), `${userId}@example.mu`),
      emailIndex: deps.keyring.blindIndex('users.email', userId),
      profile: sealText(key, place('profile'), '{}'),
      riskProfile: leverage === undefined ? null : 'aggressive',
      status: 'active',
      createdAt: at,
      updatedAt: at,
    });
    await tx.insert(customerGates).values({
      userId,
      kycStatus: 'not_started',
      kycLevel: 'none',
      screening: 'none',
      restriction: 'none',
      agreementsCurrent: true,
      changedBy: 'test',
      changedAt: at,
    });
    await tx.insert(accounts).values({
      id: accountId,
      userId,
      type: book,
      name: 'Trading',
      baseCurrency: 'USD',
      status: 'active',
      marginEnabled: leverage !== undefined,
      maxLeverage: leverage ?? '1',
      createdAt: at,
      updatedAt: at,
      ...account,
    });
  });
  await setGate(system, userId, gate);
  for (const [asset, amount] of Object.entries(funds)) {
    await fund(system, { userId, accountId, book }, asset, amount);
  }
  return { userId, accountId, actor: signedIn(userId, roles) };
}

/** Signed in with a second factor just now. */
function signedIn(userId: Id, roles: readonly Role[]): Actor {
  const kind = roles.includes('customer') ? 'customer' : 'staff';
  return { kind, userId, roles, sessionId: newId(), mfaAtMs: Date.now() };
}

type Owner = { readonly userId: Id; readonly accountId: Id; readonly book: Book };

/** Puts money or units of a test into an account. */
export async function fund(ctx: Ctx, owner: Owner, asset: string, text: string): Promise<void> {
  const amount = parseAmount(text);
  const referenceId = newId();
  await transact(ctx, 'engine', async (tx) => {
    const wallet = await customerWallet(tx, ctx, owner, asset);
    const role = asset === 'USD' || asset === 'EUR' ? 'client_money_bank' : 'custody';
    const bank = await houseWallet(tx, ctx, { role, reference: 'test', book: owner.book, asset });
    await postJournals(tx, ctx, [
      {
        book: owner.book,
        kind: 'deposit',
        referenceType: 'test',
        referenceId,
        description: 'Funds of a test',
        entries: [
          { walletId: wallet.id, amount },
          { walletId: bank.id, amount: amountOf(-amount) },
        ],
      },
    ]);
    if (role === 'custody') {
      const { userId, accountId } = owner;
      await openLots(tx, ctx, [
        {
          walletId: wallet.id,
          userId,
          accountId,
          asset,
          quantity: amount,
          cost: { amount: amountOf(amount * 50_000n), currency: 'USD' },
          source: 'deposit',
          referenceId,
        },
      ]);
    }
  });
}

async function balanceOf(ctx: Ctx, trader: Trader, asset: string): Promise<string> {
  const [wallet] = await ctx.deps.db.engine
    .select({ total: wallets.total, reserved: wallets.reserved })
    .from(wallets)
    .where(and(eq(wallets.accountId, trader.accountId), eq(wallets.asset, asset)));
  return `${formatAmount(wallet?.total ?? 0n)} (${formatAmount(wallet?.reserved ?? 0n)})`;
}
