import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { auditLogs, outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../../testing/trading-desk.ts';
import { until } from '../../../testing/until.ts';
import { accounts } from '../../accounts/schema.ts';
import { gateLockName } from '../../identity/index.ts';
import { createHold } from '../holds.ts';
import { postJournals } from '../post-journals.ts';
import { ledgerEntries, lots, transfers, wallets } from '../schema.ts';
import { customerWallet, houseWallet } from '../wallets.ts';
import { transferChecks } from './checks.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
});
afterAll(() => desk.close());

type Pair = { readonly trader: Trader; readonly to: Id };

/** A person with money in one account, and another account without. */
async function pair(funds: Readonly<Record<string, string>> = { USD: '100' }): Promise<Pair> {
  const trader = await desk.newTrader(funds);
  return { trader, to: await openAccount(trader, 'live') };
}

async function openAccount(trader: Trader, type: 'live' | 'paper'): Promise<Id> {
  const id = newId();
  const at = desk.deps.clock.now();
  await desk.deps.db.engine.insert(accounts).values({
    id,
    userId: trader.userId,
    type,
    name: 'Other',
    baseCurrency: 'USD',
    status: 'active',
    createdAt: at,
    updatedAt: at,
  });
  return id;
}

const bodyOf = ({ trader, to }: Pair, amount: unknown, more: object = {}) => ({
  fromAccountId: trader.accountId,
  toAccountId: to,
  asset: 'USD',
  amount,
  ...more,
});
const move = (of: Pair, amount: unknown, more: object = {}, key: string = newId()) =>
  desk.request(of.trader, 'POST', '/v1/transfers', { body: bodyOf(of, amount, more), key });

async function totals(of: Pair, asset = 'USD'): Promise<readonly string[]> {
  const at = async (accountId: Id) => {
    const answer = await desk.request(of.trader, 'GET', `/v1/accounts/${accountId}/wallets`);
    const wallet = answer.body.data.find((row: { asset: string }) => row.asset === asset);
    return wallet?.total ?? 'none';
  };
  return [await at(of.trader.accountId), await at(of.to)];
}

const storedOf = (of: Pair) =>
  desk.deps.db.engine.select().from(transfers).where(eq(transfers.userId, of.trader.userId));

async function walletOf(of: Pair, accountId: Id) {
  const [wallet] = await desk.deps.db.engine
    .select()
    .from(wallets)
    .where(and(eq(wallets.accountId, accountId), eq(wallets.asset, 'USD')));
  return present(wallet, `the wallet of ${of.trader.userId}`);
}

describe('works', () => {
  test('moves money with its journal, evidence and event, and is found again', async () => {
    const of = await pair();
    for (const amount of ['40', '0.5']) {
      // The first makes the wallet that receives; the second meets everything as it was remembered.
      const answer = await move(of, amount);
      expect([answer.status, answer.body.amount]).toEqual([201, amount]);
      const { id, journalId } = answer.body;
      const legs = await desk.deps.db.engine
        .select({ amount: ledgerEntries.amount, accountId: ledgerEntries.accountId })
        .from(ledgerEntries)
        .where(eq(ledgerEntries.journalId, journalId))
        .orderBy(ledgerEntries.amount);
      expect(legs).toEqual([
        { amount: -parseAmount(amount) as never, accountId: of.trader.accountId },
        { amount: parseAmount(amount), accountId: of.to },
      ]);
      const [row] = await desk.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.resourceId, id));
      expect([row?.eventType, row?.actorUserId, row?.subjectUserId]).toEqual([
        'transfer.posted',
        of.trader.userId,
        of.trader.userId,
      ]);
      const events = await desk.deps.db.engine
        .select({ data: outbox.data, requestId: outbox.requestId, shown: outbox.customerVisible })
        .from(outbox)
        .where(and(eq(outbox.userId, of.trader.userId), eq(outbox.type, 'ledger.transfer_posted')));
      expect(events.filter(({ data }) => (data as { transferId: string }).transferId === id)).toEqual([
        {
          data: expect.objectContaining({ amount, journalId }),
          requestId: row?.requestId ?? '',
          shown: true,
        },
      ]);
      expect((await desk.request(of.trader, 'GET', `/v1/transfers/${id}`)).body).toEqual(answer.body);
    }
    const listed = await desk.request(of.trader, 'GET', `/v1/transfers?accountId=${of.to}`);
    expect(listed.body.data.map((row: { amount: string }) => row.amount)).toEqual(['0.5', '40']);
    expect(await totals(of)).toEqual(['59.5', '40.5']);
  });

  test('units take their lots along, at what they cost and with their age', async () => {
    const of = await pair({ BTC: '2' });
    const held = await desk.deps.db.engine.select().from(lots).where(eq(lots.userId, of.trader.userId));
    expect((await move(of, '0.5', { asset: 'BTC' })).status).toBe(201);
    const moved = await desk.deps.db.engine.select().from(lots).where(eq(lots.accountId, of.to));
    expect(moved.map((lot) => [lot.quantityOpen, lot.source, lot.acquiredAt])).toEqual([
      [parseAmount('0.5'), 'transfer', present(held[0], 'the deposit made a lot').acquiredAt],
    ]);
    expect(await totals(of, 'BTC')).toEqual(['1.5', '0.5']);
  });

  test('paper moves between paper accounts, whatever the gate says of live money', async () => {
    const trader = await desk.newTrader({ USD: '10' }, { book: 'paper', gate: { kycStatus: 'rejected' } });
    const of = { trader, to: await openAccount(trader, 'paper') };
    expect((await move(of, '10')).status).toBe(201);
    expect(await totals(of)).toEqual(['0', '10']);
  });

  test('frees what an expired hold still reserves, though no job has come by', async () => {
    const of = await pair({ USD: '100' });
    await move(of, '1');
    const wallet = await walletOf(of, of.trader.accountId);
    await transact(desk.system, 'engine', (tx) =>
      createHold(tx, desk.system, {
        walletId: wallet.id,
        amount: parseAmount('90'),
        reason: 'other',
        referenceType: 'test',
        referenceId: newId(),
        expiresAt: addMs(desk.deps.clock.now(), 1_000),
      }),
    );
    expect((await move(of, '50')).body.code).toBe('insufficient_funds');
    desk.advance(2_000);
    expect((await move(of, '50')).status).toBe(201);
    expect((await walletOf(of, of.trader.accountId)).reserved).toBe(parseAmount('0'));
  });
});

describe('refuses', () => {
  test.each([['1.000000001'], ['0'], ['0.00000000'], ['-1'], ['1e3'], ['1000000000000'], [1]])(
    'the amount %p, naming the field',
    async (amount) => {
      const of = await pair();
      const answer = await move(of, amount);
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, '/amount']);
      expect(await storedOf(of)).toEqual([]);
    },
  );

  test('what the sending account does not have, from either way of posting, and writes nothing', async () => {
    const of = await pair();
    await move(of, '40');
    for (const amount of ['60.01', '1000']) {
      expect([(await move(of, amount)).status, (await move(of, amount)).body.code]).toEqual([
        422,
        'insufficient_funds',
      ]);
    }
    expect((await move(of, '1', { asset: 'EUR' })).body.code).toBe('insufficient_funds');
    expect([await totals(of), (await storedOf(of)).length]).toEqual([['60', '40'], 1]);
  });

  test('a transfer to the same account, of an unknown asset, or finer than the asset', async () => {
    const of = await pair();
    const same = await move(of, '1', { toAccountId: of.trader.accountId });
    expect([same.status, same.body.errors[0].pointer]).toEqual([422, '/toAccountId']);
    expect((await move(of, '1', { asset: 'ZZZ' })).body.code).toBe('unknown_asset');
    expect((await move(of, '0.001')).body.code).toBe('amount_too_precise');
  });

  test('to mix live and paper', async () => {
    const of = await pair();
    const paper = { ...of, to: await openAccount(of.trader, 'paper') };
    expect((await move(paper, '1')).body.code).toBe('transfer_books_differ');
  });

  test('what the receiving wallet could not hold', async () => {
    const trader = await desk.newTrader({ EUR: '1' }, { book: 'paper' });
    const of = { trader, to: await openAccount(trader, 'paper') };
    await transact(desk.system, 'engine', async (tx) => {
      const owner = { userId: trader.userId, accountId: of.to, book: 'paper' } as const;
      const full = await customerWallet(tx, desk.system, owner, 'EUR');
      const role = { role: 'client_money_bank', reference: 'another', book: 'paper', asset: 'EUR' } as const;
      const bank = await houseWallet(tx, desk.system, role);
      await postJournals(tx, desk.system, [
        {
          book: 'paper',
          kind: 'deposit',
          referenceType: 'test',
          referenceId: newId(),
          description: 'As much as there can be',
          entries: [
            { walletId: bank.id, amount: parseAmount('-999999999999.5') },
            { walletId: full.id, amount: parseAmount('999999999999.5') },
          ],
        },
      ]);
    });
    expect((await move(of, '1', { asset: 'EUR' })).body.code).toBe('balance_out_of_range');
    expect((await move(of, '0.25', { asset: 'EUR' })).status).toBe(201);
    expect(await totals(of, 'EUR')).toEqual(['0.75', '999999999999.75']);
  });
});

describe('protects', () => {
  test('another person’s accounts look like none, whichever end they are', async () => {
    const [of, stranger] = [await pair(), await pair()];
    for (const accounts of [{ toAccountId: stranger.to }, { fromAccountId: stranger.trader.accountId }]) {
      const known = await move(of, '1', accounts);
      const unknown = await move(of, '1', { toAccountId: newId() });
      expect([known.status, known.body.code]).toEqual([404, unknown.body.code]);
    }
    const { body } = await move(stranger, '1');
    expect((await desk.request(of.trader, 'GET', `/v1/transfers/${body.id}`)).status).toBe(404);
    const listed = await desk.request(of.trader, 'GET', `/v1/transfers?userId=${stranger.trader.userId}`);
    expect(listed.body.data).toEqual([]);
  });

  test('what a gate, a person or an account no longer allows, although it was remembered', async () => {
    const of = await pair();
    expect((await move(of, '1')).status).toBe(201);
    expect((await move(of, '1')).status).toBe(201);
    await desk.changeGate(of.trader, { restriction: 'no_out' });
    expect((await move(of, '1')).body.code).toBe('account_restricted');
    await desk.changeGate(of.trader, { restriction: 'none', screening: 'open' });
    expect((await move(of, '1')).body.code).toBe('under_review');
    await desk.changeGate(of.trader, { screening: 'clear' });
    expect((await move(of, '1')).status).toBe(201);
    await desk.deps.db.engine.update(accounts).set({ status: 'frozen' }).where(eq(accounts.id, of.to));
    expect((await move(of, '1')).body.code).toBe('account_not_active');
    expect(await totals(of)).toEqual(['97', '3']);
  });

  test('a transfer that waits for the gate obeys what the gate became', async () => {
    const of = await pair();
    await move(of, '1');
    await move(of, '1');
    const changed = Promise.withResolvers<void>();
    const waits = Promise.withResolvers<void>();
    const changing = transact(desk.system, 'engine', async (tx) => {
      await lockExclusive(tx, [gateLockName(of.trader.userId)]);
      waits.resolve();
      await changed.promise;
      await tx.execute(sql`insert into gate_restrictions (id, user_id, restriction, cause, reference_type,
          reference_id, placed_by, placed_at)
        values (gen_random_uuid(), ${of.trader.userId}, 'frozen', 'aml_case', 'test', ${of.trader.userId}, 'test', now())`);
      await tx.execute(sql`update customer_gates set restriction = 'frozen', version = version + 1
        where user_id = ${of.trader.userId}`);
    });
    await waits.promise;
    const moving = move(of, '1');
    // It is in the database and waits for the lock; only then does the gate change.
    await until(async () => {
      const [row] = await desk.deps.db.engine.execute<{ n: number }>(
        sql`select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`,
      );
      return (row?.n ?? 0) > 0;
    });
    changed.resolve();
    await changing;
    expect((await moving).body.code).toBe('account_restricted');
    expect(await totals(of)).toEqual(['98', '2']);
  });

  test('unsettled money stays where its deposit came in', async () => {
    const of = await pair();
    await move(of, '10');
    const { id } = await walletOf(of, of.trader.accountId);
    await desk.deps.db.engine.execute(sql`update wallets set unsettled = 60 where id = ${id}`);
    expect((await move(of, '30.01')).body.code).toBe('insufficient_funds');
    expect((await move(of, '30')).status).toBe(201);
    expect((await move(of, '0.01')).body.code).toBe('insufficient_funds');
    await desk.deps.db.engine.execute(sql`update wallets set unsettled = 0 where id = ${id}`);
    expect(await totals(of)).toEqual(['60', '40']);
  });
});

describe('keys', () => {
  test('fifty at once with one key have one effect and one answer', async () => {
    const of = await pair();
    const key = newId();
    const answers = await Promise.all(Array.from({ length: 50 }, () => move(of, '2.5', {}, key)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
    const replayed = answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true');
    expect([answers[0]?.status, replayed.length]).toEqual([201, 49]);
    expect(await totals(of)).toEqual(['97.5', '2.5']);
  });

  test('fifty at once from two processes have one effect and one answer', async () => {
    const of = await pair();
    await move(of, '10');
    const key = newId();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? desk : desk.elsewhere).request(of.trader, 'POST', '/v1/transfers', {
          body: bodyOf(of, '2.5'),
          key,
        }),
      ),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null).length).toBe(1);
    expect(await totals(of)).toEqual(['87.5', '12.5']);
  });

  test('a key answers what it first did, also after the gate closed; with another body it is refused', async () => {
    const of = await pair();
    const key = newId();
    const first = await move(of, '1.50', {}, key);
    await desk.changeGate(of.trader, { restriction: 'frozen' });
    const again = await move(of, '1.5', {}, key);
    expect([again.status, again.body, again.headers.get('idempotent-replayed')]).toEqual([
      201,
      first.body,
      'true',
    ]);
    const other = await move(of, '2', {}, key);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect((await storedOf(of)).length).toBe(1);
  });

  test('a refused key may be used again', async () => {
    const of = await pair();
    const key = newId();
    expect((await move(of, '200', {}, key)).status).toBe(422);
    expect((await move(of, '100', {}, key)).status).toBe(201);
  });
});

test('a transfer without the journal it names is a break', async () => {
  const of = await pair();
  const { body } = await move(of, '1');
  const [row] = await storedOf(of);
  const stray = { ...present(row, 'the transfer was stored'), idempotencyKey: newId() };
  const check = present(transferChecks[0], 'there is a check');
  const found = () => transact(desk.system, 'engine', (tx) => check.run(tx));
  expect((await found()).breaks).toEqual([]);
  const rolledBack = transact(desk.system, 'engine', async (tx) => {
    await tx.insert(transfers).values([
      { ...stray, id: newId() },
      { ...stray, id: newId(), idempotencyKey: newId(), amount: parseAmount('2') },
    ]);
    expect((await check.run(tx)).breaks.length).toBe(2);
    throw new Error('not kept');
  });
  expect((await Promise.allSettled([rolledBack]))[0]).toMatchObject({ reason: new Error('not kept') });
  expect(body.amount).toBe('1');
});

describe('together', () => {
  test('a bad one does not fail its batch, and each leaves its own evidence', async () => {
    const people = await Promise.all(Array.from({ length: 24 }, () => pair({ USD: '10' })));
    for (const round of ['1', '2']) {
      const answers = await Promise.all(
        people.map((of, index) => move(of, index % 6 === 5 ? '1000' : round)),
      );
      expect(answers.map(({ status }) => status)).toEqual(
        people.map((_, index) => (index % 6 === 5 ? 422 : 201)),
      );
    }
    const stored = await desk.deps.db.engine
      .select()
      .from(transfers)
      .where(
        inArray(
          transfers.userId,
          people.map(({ trader }) => trader.userId),
        ),
      );
    expect(stored.length).toBe(40);
    const rows = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(
        inArray(
          auditLogs.resourceId,
          stored.map(({ id }) => id),
        ),
      );
    const actorOf = new Map(rows.map((row) => [row.resourceId, row.actorUserId]));
    expect(stored.map(({ id }) => actorOf.get(id) ?? null)).toEqual(stored.map(({ userId }) => userId));
    expect(new Set(rows.map(({ requestId }) => requestId)).size).toBe(40);
  });

  test('nothing is spent before it came, in whatever order one commit holds it', async () => {
    const of = await pair({ USD: '10' });
    const back: Pair = { trader: { ...of.trader, accountId: of.to }, to: of.trader.accountId };
    await move(of, '5');
    await move(back, '5');
    // The first of the batch takes what only the second brings.
    const [early, late] = await Promise.all([move(back, '7'), move(of, '7')]);
    expect([early.body.code, late.status]).toEqual(['insufficient_funds', 201]);
    const below = await desk.deps.db.engine
      .select()
      .from(ledgerEntries)
      .where(and(eq(ledgerEntries.userId, of.trader.userId), sql`balance_after < 0`));
    expect(below).toEqual([]);
  });

  test('money that goes round and round among few accounts is neither lost nor made', async () => {
    const of = await pair({ USD: '30' });
    const third = await openAccount(of.trader, 'live');
    const ring = [of.trader.accountId, of.to, third];
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, index) =>
        desk.request(of.trader, 'POST', '/v1/transfers', {
          key: newId(),
          body: {
            fromAccountId: ring[index % 3],
            toAccountId: ring[(index + 1) % 3],
            asset: 'USD',
            amount: String(1 + (index % 7)),
          },
        }),
      ),
    );
    expect(answers.every(({ status }) => status === 201 || status === 422)).toBe(true);
    const [sum] = await desk.deps.db.engine.execute<{ total: string }>(
      sql`select sum(total)::text as total from wallets where user_id = ${of.trader.userId}`,
    );
    expect(sum?.total).toBe('30.00000000');
    expect((await desk.reconcile()).checks.flatMap(({ breaks }) => breaks)).toEqual([]);
  });
});
