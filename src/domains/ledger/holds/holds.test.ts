import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, asc, eq, sql } from 'drizzle-orm';
import type { Actor } from '../../../kernel/actor.ts';
import { formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { openClient } from '../../../platform/db/client.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { lockRows } from '../../../platform/db/locks.ts';
import { approvals, auditLogs, outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type FundingDesk, type Person, startFundingDesk } from '../../../testing/funding-desk.ts';
import { captureHold, createHold } from '../holds.ts';
import { postJournals } from '../post-journals.ts';
import { holdCaptures, holds, journals, lots, wallets } from '../schema.ts';
import { customerWallet, houseWallet } from '../wallets.ts';

const REASON = { reason: 'Agreed with the customer' };
const TO_BANK = { house: { role: 'client_money_bank', reference: 'main' } };
const TO_FEES = { house: { role: 'fees_earned', reference: 'main' } };

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
  await transact(desk.system, 'engine', (tx) =>
    houseWallet(tx, desk.system, { role: 'fees_earned', reference: 'main', book: 'live', asset: 'USD' }),
  );
});

afterAll(async () => {
  const report = await desk.reconcile();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
  expect(report.checks.find(({ name }) => name === 'ledger.captures_match_journals')?.seen).toBeGreaterThan(
    0,
  );
  await desk.close();
});

type Payer = Person & { readonly walletId: string };

async function payer(amount = '100', asset = 'USD'): Promise<Payer> {
  const customer = await desk.newCustomer();
  await desk.fund(customer, asset, amount);
  return { ...customer, walletId: await walletOf(customer, asset) };
}

async function walletOf(person: Person, asset: string): Promise<string> {
  const owner = { userId: person.userId, accountId: person.accountId, book: 'live' } as const;
  const wallet = await transact(desk.system, 'engine', (tx) => customerWallet(tx, desk.system, owner, asset));
  return wallet.id;
}

function place(walletId: string, body: object, as: Person = desk.operations) {
  const whole = { amount: '40', reason: 'payment', reference: newId(), ...body };
  return desk.request(as, 'POST', `/v1/wallets/${walletId}/holds`, { body: whole });
}

async function placed(walletId: string, body: object = {}, as?: Person): Promise<string> {
  const answer = await place(walletId, body, as);
  expect(answer.status).toBe(201);
  return answer.body.id;
}

function capture(id: string, body: object, { as = desk.operations, key = newId() as string } = {}) {
  const whole = { destination: TO_BANK, ...REASON, ...body };
  return desk.request(as, 'POST', `/v1/holds/${id}/capture`, { body: whole, key });
}

function release(id: string, as: Person = desk.operations) {
  return desk.request(as, 'POST', `/v1/holds/${id}/release`, { body: REASON });
}

type Asked = Awaited<ReturnType<typeof capture>>;

function vote(asked: Asked, as: Person = desk.operations2) {
  expect(asked.status).toBe(202);
  return desk.request(as, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, { body: REASON });
}

/** What leaves a customer above the published amount is looked at by two. */
async function bothVote(asked: Asked) {
  expect((await vote(asked, desk.compliance)).body.status).toBe('pending');
  return vote(asked);
}

/** Keeps wallets until both wait, for them or for one another: neither has committed when the other decides. */
async function bothWaiting<Answer>(walletIds: string[], begin: () => Promise<Answer>[]): Promise<Answer[]> {
  const begun = await transact(desk.system, 'engine', async (tx) => {
    await lockRows(tx, wallets, walletIds);
    const answers = begin();
    for (let waiting = 0; waiting < answers.length; ) {
      // What a transaction sees of who is there stays as it first was, unless it forgets.
      await tx.execute(sql`select pg_stat_clear_snapshot()`);
      const [row] = await tx.execute<{ waiting: number }>(sql`
        select count(distinct l.pid)::int as waiting from pg_locks l join pg_stat_activity a on a.pid = l.pid
        where not l.granted and a.datname = current_database()`);
      waiting = present(row, 'a count is one row').waiting;
    }
    return { answers };
  });
  return Promise.all(begun.answers);
}

function read(id: string, as: Person = desk.operations) {
  return desk.request(as, 'GET', `/v1/holds/${id}`);
}

/** A key of somebody in operations that two people made, or a lesser one. */
async function keyOf(person: Person, changes: object = {}): Promise<Person> {
  const key = {
    kind: 'apiKey',
    userId: person.userId,
    roles: ['operations'],
    keyId: newId(),
    scopes: ['holds:write'],
    service: true,
    ...changes,
  } as Actor;
  return { ...person, actor: key };
}

const hourFromNow = () => addMs(desk.deps.clock.now(), 3_600_000);

async function eventsOf(holdId: string): Promise<string[]> {
  const rows = await desk.deps.db.engine
    .select()
    .from(outbox)
    .where(sql`${outbox.data} ->> 'holdId' = ${holdId}`)
    .orderBy(asc(outbox.id));
  expect(rows.every((row) => row.customerVisible)).toBe(true);
  return rows.map((row) => row.type);
}

async function openLotsOf(walletId: string) {
  const rows = await desk.deps.db.engine.select().from(lots).where(eq(lots.walletId, walletId));
  return rows
    .filter((lot) => lot.quantityOpen > 0n)
    .map((lot) => ({ open: formatAmount(lot.quantityOpen), since: lot.acquiredAt }));
}

async function auditOf(holdId: string) {
  return desk.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.resourceId, holdId))
    .orderBy(asc(auditLogs.recordedAt), asc(auditLogs.id));
}

describe('placing', () => {
  test('reserves at once, leaves its trace, and tells the customer the kind of reason', async () => {
    const customer = await payer();
    const { status, body } = await place(customer.walletId, {
      reference: 'order-1/7',
      expiresAt: hourFromNow(),
      metadata: { terminal: 'T-17' },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      amount: '40',
      remaining: '40',
      status: 'active',
      byHand: true,
      captures: [],
    });
    expect(body).toMatchObject({ reference: 'order-1/7', metadata: { terminal: 'T-17' }, placedByKey: null });
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '100', reserved: '40' });
    expect(await eventsOf(body.id)).toEqual(['ledger.hold_created']);
    expect((await auditOf(body.id)).map((row) => [row.eventType, row.actorUserId])).toEqual([
      ['hold.created', desk.operations.userId],
    ]);
  });

  test('again with the same reason, reference and body is the same hold; with another body it is refused', async () => {
    const customer = await payer();
    const body = { reference: newId(), expiresAt: hourFromNow(), metadata: { a: '1', b: '2' } };
    const id = await placed(customer.walletId, body);
    const again = await place(customer.walletId, { ...body, metadata: { b: '2', a: '1' } });
    expect([again.status, again.body.id]).toEqual([200, id]);
    const { walletId: other } = await payer();
    for (const [wallet, change] of [
      [customer.walletId, { amount: '41' }],
      [customer.walletId, { metadata: {} }],
      [customer.walletId, { expiresAt: undefined }],
      [other, {}],
    ] as const) {
      const refused = await place(wallet, { ...body, ...change });
      expect([refused.status, refused.body.code]).toEqual([409, 'hold_reference_reused']);
    }
    const otherReason = await place(customer.walletId, { ...body, reason: 'escrow' });
    expect(otherReason.status).toBe(201);
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '100', reserved: '80' });
    expect((await desk.balance(customer, 'USD')).reserved).toBe('80');
  });

  test('many times at once is one hold, also where two wallets compete for the reference', async () => {
    const [one, two] = [await payer(), await payer()];
    const reference = newId();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        place(index % 2 === 0 ? one.walletId : two.walletId, { reference }),
      ),
    );
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    const same = answers.filter(({ status }) => status === 200);
    expect(same).toHaveLength(5);
    expect(new Set([...made, ...same].map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ body }) => body.code === 'hold_reference_reused')).toHaveLength(6);
    const reserved = [await desk.balance(one, 'USD'), await desk.balance(two, 'USD')].map(
      (balance) => balance.reserved,
    );
    expect(reserved.toSorted()).toEqual(['0', '40']);
  });

  test('is for operations and for service keys with the scope, and never on oneself', async () => {
    const customer = await payer();
    const clerk = await desk.newStaff('operations');
    const codes = async (as: Person) => {
      const { status, body } = await place(customer.walletId, { amount: '1' }, as);
      return body.code ?? status;
    };
    expect(await codes(customer)).toBe('forbidden');
    expect(await codes(desk.compliance)).toBe('forbidden');
    expect(await codes(await keyOf(clerk))).toBe(201);
    expect(await codes(await keyOf(clerk, { scopes: ['payouts:write'] }))).toBe('scope_missing');
    expect(await codes(await keyOf(clerk, { service: false }))).toBe('forbidden');
    const both = { ...customer, actor: { ...customer.actor, kind: 'staff', roles: ['operations'] } as Actor };
    expect(await codes(both)).toBe('self_action');
  });

  const bad: readonly (readonly [object, string])[] = [
    [{ amount: '0' }, '/amount'],
    [{ amount: '-1' }, '/amount'],
    [{ amount: '1e3' }, '/amount'],
    [{ amount: '1.123456789' }, '/amount'],
    [{ amount: '1000000000000' }, '/amount'],
    [{ amount: 5 }, '/amount'],
    [{ amount: '1.005' }, '/amount'],
    [{ reason: 'withdrawal' }, '/reason'],
    [{ reason: 'margin' }, '/reason'],
    [{ reason: 'system' }, '/reason'],
    [{ reference: 'the order of Anaïs' }, '/reference'],
    [{ reference: 'mail@example.mu' }, '/reference'],
    [{ expiresAt: 'tomorrow' }, '/expiresAt'],
    [{ metadata: { note: 'two words' } }, '/metadata/note'],
    [{ metadata: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`m${i}`, 'x'])) }, '/metadata'],
  ];

  test.each(bad.map((row) => [JSON.stringify(row[0]).slice(0, 60), ...row] as const))(
    'refuses %s and names the field',
    async (_shown, body, pointer) => {
      const customer = await payer();
      const answer = await place(customer.walletId, body);
      expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
      expect(await desk.balance(customer, 'USD')).toEqual({ total: '100', reserved: '0' });
    },
  );

  test('refuses what is not there, not spendable, over already, or no customer’s', async () => {
    const customer = await payer();
    const code = async (walletId: string, body: object = {}) => (await place(walletId, body)).body.code;
    expect(await code(newId())).toBe('not_found');
    expect(await code(customer.walletId, { amount: '100.01' })).toBe('insufficient_funds');
    expect(await code(customer.walletId, { expiresAt: desk.deps.clock.now() })).toBe('hold_expiry_past');
    const [bank] = await desk.deps.db.engine
      .select()
      .from(wallets)
      .where(and(eq(wallets.houseRole, 'client_money_bank'), eq(wallets.asset, 'USD')));
    expect(await code(present(bank, 'the bank has a wallet').id)).toBe('hold_wallet_unsuitable');
    await desk.deps.db.engine
      .update(wallets)
      .set({ unsettled: parseAmount('70') })
      .where(eq(wallets.id, customer.walletId));
    expect(await code(customer.walletId)).toBe('insufficient_funds');
    await desk.deps.db.engine
      .update(wallets)
      .set({ unsettled: parseAmount('0') })
      .where(eq(wallets.id, customer.walletId));
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '100', reserved: '0' });
  });
});

describe('reading', () => {
  test('shows the customer the kind of reason and nothing that was noted; others find nothing', async () => {
    const customer = await payer();
    const id = await placed(customer.walletId, { reference: 'court-4711', metadata: { case: 'X-9' } });
    const asked = await capture(id, { amount: '15' });
    expect((await vote(asked)).status).toBe(200);
    const own = await read(id, customer);
    expect(own.status).toBe(200);
    expect(own.body).toMatchObject({
      reason: 'payment',
      remaining: '25',
      reference: null,
      metadata: null,
      placedBy: null,
      captures: [{ amount: '15', destinationWalletId: null, approvalId: null }],
    });
    const listed = await desk.request(customer, 'GET', `/v1/accounts/${customer.accountId}/holds`);
    const feed = await desk.deps.db.engine.select().from(outbox).where(eq(outbox.userId, customer.userId));
    for (const text of [own.body, listed.body, feed.map((row) => row.data)].map((shown) =>
      JSON.stringify(shown),
    )) {
      expect(text).not.toMatch(/court-4711|X-9|Agreed/);
      expect(text).toContain(id);
    }
    expect((await read(id)).body.captures[0].approvalId).toBe(asked.body.approval.id);
    expect((await read(id, await desk.newCustomer())).status).toBe(404);
    expect((await read(newId())).status).toBe(404);
  });
});

describe('capturing', () => {
  test('takes parts to named destinations until nothing remains, each a journal another person approved', async () => {
    const customer = await payer();
    const merchant = await desk.newCustomer();
    const id = await placed(customer.walletId);
    expect((await vote(await capture(id, { amount: '0.5', destination: TO_FEES }))).status).toBe(200);
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '99.5', reserved: '39.5' });
    expect((await vote(await capture(id, { amount: '9.5' }))).status).toBe(200);
    const rest = await capture(id, { destination: { accountId: merchant.accountId } });
    expect(rest.body.approval.payload).toMatchObject({ amount: '30', holdId: id, asset: 'USD' });
    expect((await vote(rest)).status).toBe(200);
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '60', reserved: '0' });
    expect(await desk.balance(merchant, 'USD')).toEqual({ total: '30', reserved: '0' });
    const { body } = await read(id);
    expect(body).toMatchObject({ status: 'captured', remaining: '0' });
    expect(body.captures.map((part: { amount: string }) => part.amount)).toEqual(['0.5', '9.5', '30']);
    expect(await eventsOf(id)).toEqual([
      'ledger.hold_created',
      ...Array.from({ length: 3 }, () => 'ledger.hold_captured'),
    ]);
    const trail = await auditOf(id);
    expect(trail.map((row) => row.eventType)).toEqual(['hold.created', ...Array(3).fill('hold.captured')]);
    expect(trail[1]?.after).toMatchObject({ captured: '0.5', approvalId: expect.any(String) });
    const posted = await desk.deps.db.engine
      .select()
      .from(journals)
      .where(eq(journals.referenceType, 'hold_capture'));
    const own = posted.filter(({ id: journalId }) =>
      body.captures.some((part: { journalId: string }) => part.journalId === journalId),
    );
    expect(own.map(({ kind }) => kind).toSorted()).toEqual(['fee', 'transfer', 'withdrawal']);
    expect(own.every(({ approvalId }) => approvalId !== null)).toBe(true);
  });

  test('of units takes their lots along', async () => {
    const [giver, taker] = [await payer('3', 'BTC'), await desk.newCustomer()];
    const id = await placed(giver.walletId, { amount: '1', reason: 'escrow' });
    const destination = { accountId: taker.accountId };
    expect((await bothVote(await capture(id, { amount: '0.75', destination }))).status).toBe(200);
    const open = async (person: Person) => {
      const rows = await desk.deps.db.engine.select().from(lots).where(eq(lots.accountId, person.accountId));
      return rows.map((lot) => formatAmount(lot.quantityOpen));
    };
    expect([await open(giver), await open(taker)]).toEqual([['2.25'], ['0.75']]);
    expect(
      (await bothVote(await capture(id, { destination: { house: { role: 'custody', reference: 'main' } } })))
        .status,
    ).toBe(200);
    expect([await open(giver), await desk.balance(giver, 'BTC')]).toEqual([
      ['2'],
      { total: '2', reserved: '0' },
    ]);
  });

  test('has as many people look as a withdrawal of the amount would, wherever it goes', async () => {
    const [customer, other, mlro] = [
      await payer('200000'),
      await desk.newCustomer(),
      await desk.newStaff('mlro'),
    ];
    const id = await placed(customer.walletId, { amount: '200000' });
    const quorumOf = async (body: object) => (await capture(id, body)).body.approval.quorum;
    const destination = { accountId: other.accountId };
    expect(await quorumOf({ amount: '10000' })).toBe(1);
    expect(await quorumOf({ amount: '10000.01' })).toBe(2);
    expect(await quorumOf({ amount: '10000.01', destination })).toBe(2);
    expect(await quorumOf({ amount: '10000.01', destination: TO_FEES })).toBe(2);
    const asked = await capture(id, { amount: '100000.01', destination });
    expect((await vote(asked)).body.status).toBe('pending');
    expect((await vote(asked, desk.compliance)).body.code).toBe('mlro_vote_required');
    expect(await desk.balance(other, 'USD')).toEqual({ total: '0', reserved: '0' });
    expect((await vote(asked, mlro)).body.status).toBe('executed');
    expect(await desk.balance(other, 'USD')).toEqual({ total: '100000.01', reserved: '0' });
  });

  test('and a journal from the house bring nobody another’s money past the MLRO, in one sum or in several', async () => {
    const [victim, friend] = [await payer('150000'), await payer('1')];
    const suspense = { role: 'suspense', reference: 'disputes', asset: 'USD' };
    const journal = (amount: string) =>
      desk.request(desk.operations, 'POST', '/v1/journals', {
        key: newId(),
        body: {
          kind: 'adjustment',
          description: 'Correction',
          entries: [
            { house: suspense, amount: amount.startsWith('-') ? amount.slice(1) : `-${amount}` },
            { walletId: amount.startsWith('-') ? victim.walletId : friend.walletId, amount },
          ],
          ...REASON,
        },
      });
    expect((await vote(await journal('-1'))).body.status).toBe('executed');
    const id = await placed(victim.walletId, { amount: '149999' });
    const destination = { house: { role: 'suspense', reference: 'disputes' } };
    const taken = await capture(id, { destination });
    expect([taken.body.approval.quorum, (await vote(taken)).body.status]).toEqual([2, 'pending']);
    const given = await journal('150000');
    expect([given.body.approval.quorum, (await vote(given)).body.status]).toEqual([2, 'pending']);
    expect((await vote(given, desk.compliance)).body.code).toBe('mlro_vote_required');
    // Two halves, asked for before either counted.
    const halves = [await journal('6000'), await journal('6000')];
    expect(halves.map(({ body }) => body.approval.quorum)).toEqual([1, 1]);
    const votes = [await vote(halves[0] as Asked), await vote(halves[1] as Asked)];
    expect(votes.map(({ body }) => body.code ?? body.status)).toEqual(['executed', 'conflict']);
    expect((await journal('6000')).body.approval.quorum).toBe(2);
    expect([await desk.balance(victim, 'USD'), await desk.balance(friend, 'USD')]).toEqual([
      { total: '149999', reserved: '149999' },
      { total: '6001', reserved: '0' },
    ]);
  });

  test('that grew into the MLRO’s since it was asked is asked again: the MLRO has no vote on it', async () => {
    const customer = await payer('120000');
    const id = await placed(customer.walletId, { amount: '120000' });
    const halves = [await capture(id, { amount: '60000' }), await capture(id, { amount: '60000' })];
    const votes = [await bothVote(halves[0] as Asked), await bothVote(halves[1] as Asked)];
    expect(votes.map(({ body }) => body.code ?? body.status)).toEqual(['executed', 'conflict']);
  });

  test('from two wallets of one person at once count together', async () => {
    const customer = await payer('6000');
    await desk.fund(customer, 'EUR', '6000');
    const ids = [customer.walletId, await walletOf(customer, 'EUR')];
    const asked: Asked[] = [];
    for (const walletId of ids) {
      asked.push(await capture(await placed(walletId, { amount: '6000' }), {}));
    }
    expect(asked.map(({ body }) => body.approval.quorum)).toEqual([1, 1]);
    const votes = await bothWaiting(ids, () => asked.map((one) => vote(one)));
    expect(new Set(votes.map(({ body }) => body.code ?? body.status))).toEqual(
      new Set(['conflict', 'executed']),
    );
  });

  test('more than remains is refused when asked, and when others took it before the vote', async () => {
    const customer = await payer();
    const id = await placed(customer.walletId);
    const more = await capture(id, { amount: '40.01' });
    expect([more.status, more.body.code]).toEqual([422, 'hold_remainder_exceeded']);
    const [first, second] = [await capture(id, { amount: '25' }), await capture(id, { amount: '25' })];
    expect((await vote(first)).status).toBe(200);
    const late = await vote(second);
    expect([late.status, late.body.code]).toEqual([422, 'hold_remainder_exceeded']);
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '75', reserved: '15' });
  });

  test('in error is reversed by two people: funds and lots come back free, while the hold goes on', async () => {
    const [{ walletId }, other] = [await payer('1', 'BTC'), await desk.newCustomer()];
    const held = await openLotsOf(walletId);
    const id = await placed(walletId, { amount: '0.5' });
    const destination = { accountId: other.accountId };
    expect((await bothVote(await capture(id, { amount: '0.2', destination }))).status).toBe(200);
    const { journalId } = (await read(id)).body.captures[0];
    const reverse = () =>
      desk.request(desk.operations, 'POST', `/v1/journals/${journalId}/reverse`, { body: REASON });
    // With what was cleared by hand that day it is more than two of operations and compliance give by themselves.
    const asked = await reverse();
    expect(asked.body.approval).toMatchObject({ quorum: 2, checkerRoles: expect.arrayContaining(['mlro']) });
    expect((await vote(asked)).body.status).toBe('pending');
    expect((await vote(asked, await desk.newStaff('mlro'))).body.status).toBe('executed');
    const openLots = await openLotsOf(walletId);
    expect(openLots.map(({ open }) => open).sort()).toEqual(['0.2', '0.8']);
    expect(new Set(openLots.map(({ since }) => since))).toEqual(new Set(held.map(({ since }) => since)));
    const [wallet] = await desk.deps.db.engine.select().from(wallets).where(eq(wallets.id, walletId));
    expect([wallet?.total, wallet?.reserved]).toEqual([parseAmount('1'), parseAmount('0.3')]);
    expect((await read(id)).body).toMatchObject({ status: 'active', remaining: '0.3' });
    expect((await reverse()).body.code).toBe('journal_reversed');
    expect((await bothVote(await capture(id, { destination }))).status).toBe(200);
    const theirs = await openLotsOf(await walletOf(other, 'BTC'));
    expect(theirs.map(({ open }) => open)).toEqual(['0.3']);
  });

  test('of settled funds reaches another customer, though what was unsettled beside them was spent', async () => {
    const [{ walletId, userId }, other] = [await payer(), await desk.newCustomer()];
    const { engine } = desk.deps.db;
    const unsettled = (amount: string) =>
      engine
        .update(wallets)
        .set({ unsettled: parseAmount(amount) })
        .where(eq(wallets.id, walletId));
    const id = await placed(walletId, { amount: '60' });
    await unsettled('40');
    // As an order would: it may spend what can still be called back.
    await transact(desk.system, 'engine', async (tx) => {
      const fees = { role: 'fees_earned', reference: 'main', book: 'live', asset: 'USD' } as const;
      const entries = [
        { walletId, amount: parseAmount('-40') },
        { walletId: (await houseWallet(tx, desk.system, fees)).id, amount: parseAmount('40') },
      ];
      const spent = { book: 'live', kind: 'fee', referenceType: 'test', referenceId: userId } as const;
      await postJournals(tx, desk.system, [{ ...spent, description: 'Spent', entries }]);
    });
    const moved = await vote(await capture(id, { destination: { accountId: other.accountId } }));
    expect([moved.status, moved.body.code]).toEqual([200, undefined]);
    expect(await desk.balance(other, 'USD')).toEqual({ total: '60', reserved: '0' });
    await unsettled('0');
  });

  test('the same remainder twice at once: one of them happens', async () => {
    const customer = await payer();
    for (let round = 0; round < 4; round += 1) {
      const id = await placed(customer.walletId, { amount: '10' });
      const asked = [await capture(id, {}), await capture(id, { destination: TO_FEES })];
      const votes = await Promise.all(asked.map((one) => vote(one)));
      expect(votes.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([200, 409]);
      expect(votes.find(({ status }) => status === 409)?.body.code).toBe('hold_not_active');
      const rows = await desk.deps.db.engine.select().from(holdCaptures).where(eq(holdCaptures.holdId, id));
      expect(rows).toHaveLength(1);
    }
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '60', reserved: '0' });
  });

  test('with one Idempotency-Key at once asks once', async () => {
    const customer = await payer();
    const id = await placed(customer.walletId);
    const key = newId();
    const answers = await Promise.all(Array.from({ length: 8 }, () => capture(id, {}, { key })));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.approval?.id}`)).size).toBe(1);
    const asked = await desk.deps.db.engine
      .select()
      .from(approvals)
      .where(sql`${approvals.payload} ->> 'holdId' = ${id}`);
    expect(asked).toHaveLength(1);
    const other = await capture(id, { amount: '1' }, { key });
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    const none = await desk.request(desk.operations, 'POST', `/v1/holds/${id}/capture`, {
      body: { destination: TO_BANK, ...REASON },
    });
    expect([none.status, none.body.code]).toEqual([400, 'idempotency_key_missing']);
  });

  test('of a hold that is over is refused by its own code, when asked and at the vote', async () => {
    const customer = await payer();
    const id = await placed(customer.walletId, { expiresAt: hourFromNow() });
    const asked = await capture(id, {});
    const freed = await release(id);
    desk.advance(3_600_001);
    const late = await vote(asked);
    expect([late.status, late.body.code]).toEqual([409, 'hold_expired']);
    const { status, body } = await capture(id, {});
    expect([status, body.code]).toEqual([409, 'hold_expired']);
    expect((await vote(freed)).body.code).toBe('hold_expired');
    expect((await release(id)).body.code).toBe('hold_expired');
    expect((await desk.balance(customer, 'USD')).total).toBe('100');
  });

  test('of what belongs to a withdrawal is refused, and so is its release', async () => {
    const customer = await payer();
    const hold = await transact(desk.system, 'engine', (tx) =>
      createHold(tx, desk.system, {
        walletId: customer.walletId as Id,
        amount: parseAmount('5'),
        reason: 'margin',
        referenceType: 'test',
        referenceId: newId(),
      }),
    );
    expect((await capture(hold.id, {})).body.code).toBe('hold_not_by_hand');
    expect((await release(hold.id)).body.code).toBe('hold_not_by_hand');
    expect((await read(hold.id, customer)).body.byHand).toBe(false);
  });

  test('goes to client money of the right kind or to another customer, and nowhere else', async () => {
    const customer = await payer();
    const id = await placed(customer.walletId);
    const code = async (destination: object) => {
      const { status, body } = await capture(id, { destination });
      return `${status} ${body.code ?? ''} ${body.errors?.[0]?.pointer ?? ''}`.trim();
    };
    expect(await code({ house: { role: 'custody', reference: 'main' } })).toBe(
      '422 hold_destination_unsuitable',
    );
    expect(await code({ house: { role: 'fees_earned', reference: 'mistyped' } })).toBe(
      '422 hold_destination_unsuitable',
    );
    expect(await code({ accountId: newId() })).toBe('422 hold_destination_unsuitable');
    expect(await code({ accountId: customer.accountId })).toBe('422 hold_destination_unsuitable');
    expect(await code({ house: { role: 'firm_money', reference: 'main' } })).toBe(
      '422 validation_failed /destination/house/role',
    );
    expect(await code({})).toBe('422 validation_failed /destination/house');
    expect(await code({ ...TO_BANK, accountId: newId() })).toBe('422 validation_failed /destination/house');
    const made = await desk.deps.db.engine
      .select()
      .from(wallets)
      .where(eq(wallets.houseReference, 'mistyped'));
    expect(made).toEqual([]);
  });

  test('obeys the gates of both ends when it takes effect', async () => {
    const [customer, merchant] = [await payer(), await desk.newCustomer()];
    const id = await placed(customer.walletId);
    const asked = await capture(id, { amount: '1', destination: { accountId: merchant.accountId } });
    await desk.changeGate(customer, { restriction: 'no_out' });
    expect((await vote(asked)).body.code).toBe('account_restricted');
    await desk.changeGate(customer, { restriction: 'none', screening: 'open' });
    expect((await vote(asked)).body.code).toBe('under_review');
    await desk.changeGate(customer, { screening: 'clear' });
    await desk.changeGate(merchant, { restriction: 'frozen' });
    expect((await vote(asked)).body.code).toBe('account_restricted');
    await desk.changeGate(merchant, { restriction: 'none' });
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '100', reserved: '40' });
    expect((await vote(asked)).status).toBe(200);
  });

  test('is decided by nobody who asked, whose money it is, or who gets it', async () => {
    const [customer, merchant] = [await payer(), await desk.newCustomer()];
    const asStaff = (person: Person): Person => ({
      ...person,
      actor: { ...person.actor, kind: 'staff', roles: ['operations', 'customer'] } as Actor,
    });
    const id = await placed(customer.walletId);
    const destination = { accountId: merchant.accountId };
    expect((await capture(id, { destination }, { as: asStaff(customer) })).body.code).toBe('self_action');
    expect((await capture(id, { destination }, { as: asStaff(merchant) })).body.code).toBe('self_action');
    const asked = await capture(id, { destination });
    expect((await vote(asked, desk.operations)).body.code).toBe('self_approval');
    // Whose money it is does not learn that anybody decides about it.
    expect((await vote(asked, asStaff(customer))).body.code).toBe('not_found');
    expect((await vote(asked, asStaff(merchant))).body.code).toBe('self_approval');
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '100', reserved: '40' });
  });
});

describe('releasing', () => {
  test('asks another person, frees what remains, and is done once however often it is asked', async () => {
    const customer = await payer();
    const id = await placed(customer.walletId);
    const asked = await release(id);
    expect((await release(id)).body.code).toBe('approval_pending_exists');
    expect((await vote(await capture(id, { amount: '10' }))).status).toBe(200);
    expect((await vote(asked)).status).toBe(200);
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '90', reserved: '0' });
    const again = await release(id);
    expect([again.status, again.body.status]).toEqual([200, 'released']);
    expect(await eventsOf(id)).toEqual([
      'ledger.hold_created',
      'ledger.hold_captured',
      'ledger.hold_released',
    ]);
    expect((await capture(id, {})).body.code).toBe('hold_not_active');
  });

  test('by a service key ends at once what keys of the same person placed, and nothing else', async () => {
    const customer = await payer();
    const [clerk, other] = [await desk.newStaff('operations'), await desk.newStaff('operations')];
    const [key, next, foreign] = [await keyOf(clerk), await keyOf(clerk), await keyOf(other)];
    const id = await placed(customer.walletId, { amount: '10' }, key);
    expect((await release(id, foreign)).status).toBe(202);
    const freed = await release(id, next);
    expect([freed.status, freed.body.status]).toEqual([200, 'released']);
    expect((await auditOf(id)).at(-1)?.after).toMatchObject({ why: REASON.reason });
    const byHand = await placed(customer.walletId, { amount: '10' }, clerk);
    expect((await release(byHand, key)).status).toBe(202);
    const byKey = await placed(customer.walletId, { amount: '10' }, key);
    expect((await release(byKey, clerk)).status).toBe(202);
    expect(await desk.balance(customer, 'USD')).toEqual({ total: '100', reserved: '20' });
  });

  test('and capturing the same hold at once: one of them happens', async () => {
    const customer = await payer();
    const id = await placed(customer.walletId, { amount: '10' });
    const [taken, freed] = [await capture(id, {}), await release(id)];
    const votes = await Promise.all([vote(taken), vote(freed)]);
    expect(votes.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([200, 409]);
    const total = votes[0]?.status === 200 ? '90' : '100';
    expect(await desk.balance(customer, 'USD')).toEqual({ total, reserved: '0' });
  });
});

describe('the database', () => {
  test('lets nobody rewrite what a hold says, end it twice, or change a capture', async () => {
    const customer = await payer();
    const id = await placed(customer.walletId);
    expect((await vote(await capture(id, {}))).status).toBe(200);
    const { engine } = desk.deps.db;
    const state = (work: Promise<unknown>) => work.then(() => 'done', sqlStateOf);
    expect(
      await state(
        engine
          .update(holds)
          .set({ amount: parseAmount('1') })
          .where(eq(holds.id, id)),
      ),
    ).toBe('42501');
    const reopen = { status: 'active', closedAt: null, remaining: parseAmount('40') } as const;
    expect(await state(engine.update(holds).set(reopen).where(eq(holds.id, id)))).toBe('PL021');
    expect(await state(engine.delete(holdCaptures))).toBe('42501');
    const owner = openClient(desk.database.owner, 1);
    expect(await state(owner`truncate hold_captures`)).toBe('PL004');
    await owner.end();
  });

  test('shows a customer no capture of another', async () => {
    const [customer, stranger] = [await payer(), await desk.newCustomer()];
    const id = await placed(customer.walletId);
    await vote(await capture(id, {}));
    const seen = (as: Person) =>
      transact({ ...as.ctx(), login: 'app' }, 'app', (tx) => tx.select().from(holdCaptures));
    expect((await seen(customer)).map((row) => row.holdId)).toEqual([id]);
    expect(await seen(stranger)).toEqual([]);
  });
});

describe('reconcile', () => {
  test('finds a hold that lost more than was captured, and a capture nobody approved', async () => {
    const customer = await payer();
    const id = await placed(customer.walletId);
    const breaks = async () => {
      const { checks } = await desk.reconcile();
      return checks.filter((check) => check.breaks.length > 0).map(({ name }) => name);
    };
    await transact(desk.system, 'engine', (tx) => captureHold(tx, desk.system, id as Id, parseAmount('1')));
    expect(await breaks()).toEqual(['ledger.captures_match_journals']);
    const [bank] = await desk.deps.db.engine
      .select()
      .from(wallets)
      .where(eq(wallets.houseRole, 'client_money_bank'));
    const plant = {
      id: newId(),
      holdId: id as Id,
      userId: customer.userId,
      journalId: newId(),
      amount: parseAmount('1'),
      destinationWalletId: present(bank, 'the bank has a wallet').id,
      approvalId: newId(),
      capturedAt: desk.deps.clock.now(),
    };
    await desk.deps.db.engine.insert(holdCaptures).values(plant);
    expect(await breaks()).toEqual(['ledger.captures_match_journals', 'ledger.captures_passed_four_eyes']);
    const owner = openClient(desk.database.owner, 1);
    await owner`alter table hold_captures disable trigger append_only`;
    await owner`alter table holds disable trigger check_hold`;
    await owner`alter table hold_captures no force row level security`;
    await owner`alter table holds no force row level security`;
    await owner`delete from hold_captures where id = ${plant.id}`;
    await owner`update holds set amount = remaining where id = ${id}`;
    await owner`alter table hold_captures force row level security`;
    await owner`alter table holds force row level security`;
    await owner`alter table holds enable always trigger check_hold`;
    await owner`alter table hold_captures enable always trigger append_only`;
    await owner.end();
    expect(await breaks()).toEqual([]);
  });
});
