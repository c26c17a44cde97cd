import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { newId } from '../../kernel/id.ts';
import { startTradingDesk, type Trader, type TradingDesk } from '../../testing/trading-desk.ts';

let desk: TradingDesk;

beforeAll(async () => {
  desk = await startTradingDesk(import.meta.file);
  await desk.engine.start();
});

afterAll(async () => {
  await desk.engine.settled();
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

type Lot = { readonly id: string; readonly quantityOpen: string; readonly costOpen: string };

async function read(trader: Trader, what: string) {
  await desk.engine.settled();
  return (await desk.request(trader, 'GET', `/v1/accounts/${trader.accountId}/${what}`)).body.data;
}

/** The lots of a trader, oldest first. */
async function lotsOf(trader: Trader): Promise<readonly Lot[]> {
  return (await read(trader, 'lots')).toReversed();
}

/** What went, oldest first: of which lot, how much and by which method. */
async function goneOf(trader: Trader, lots: readonly Lot[]): Promise<string[]> {
  const rows = (await read(trader, 'closed-positions')).toReversed();
  return rows.map(
    (row: { lotId: string; quantity: string; method: string }) =>
      `${lots.findIndex(({ id }) => id === row.lotId)} ${row.quantity} ${row.method}`,
  );
}

async function choose({ accountId }: Trader, method: string): Promise<void> {
  await desk.deps.db.engine.execute(sql`update accounts set lot_method = ${method} where id = ${accountId}`);
}

/** Buys 0.1 at each of the prices, from somebody who sells. */
async function holderOf(...prices: string[]): Promise<{ holder: Trader; lots: readonly Lot[] }> {
  await desk.emptyTheBooks();
  const seller = await desk.newTrader({ BTC: '1' });
  const holder = await desk.newTrader({ USD: '100000' });
  for (const price of prices) {
    await desk.place(seller, `sell 0.1 at ${price}`);
    await desk.place(holder, `buy 0.1 at ${price}`);
    await desk.engine.settled();
  }
  return { holder, lots: await lotsOf(holder) };
}

async function buy(quantity: string, price: string): Promise<void> {
  const buyer = await desk.newTrader({ USD: '100000' });
  const { body } = await desk.place(buyer, `buy ${quantity} at ${price}`);
  expect(await desk.later(buyer, body.id)).toMatchObject({ status: 'filled' });
}

function named(lots: readonly Lot[], ...picks: (readonly [number, string])[]) {
  return { lots: picks.map(([place, quantity]) => ({ lotId: lots[place]?.id ?? newId(), quantity })) };
}

describe('units sold', () => {
  test.each([
    ['fifo', ['0 0.1 fifo', '1 0.05 fifo']],
    ['lifo', ['2 0.1 lifo', '1 0.05 lifo']],
    ['hifo', ['1 0.1 hifo', '2 0.05 hifo']],
    ['average', ['0 0.1 average', '1 0.05 average']],
  ] as const)(
    'by %s leave the lots it says, at their cost, and the rest keeps its own',
    async (method, gone) => {
      const { holder, lots } = await holderOf('60000', '61000', '60500');
      await choose(holder, method);
      await desk.place(holder, 'sell 0.15 at 60200');
      await buy('0.15', '60200');
      expect(await goneOf(holder, lots)).toEqual([...gone]);
      const [fill] = (await desk.request(holder, 'GET', '/v1/fills?limit=1')).body.data;
      // 9020.97 for 0.15 at 60200 less 10 bps, and what 0.1 and 0.05 had cost with 20 bps.
      const realised = { fifo: '-47.13', lifo: '-97.23', hifo: '-122.28', average: '-72.18' }[method];
      expect(fill.realisedPnl).toBe(realised);
      expect((await lotsOf(holder))[0]).toMatchObject({ lotMethod: method });
    },
  );

  test('of lots that were named leave those, in the order given, however the order trades', async () => {
    const { holder, lots } = await holderOf('60000', '61000', '60500');
    const idsOf = async (filter: string) => (await read(holder, `lots?${filter}`)).map((lot: Lot) => lot.id);
    const order = await desk.place(
      holder,
      'sell 0.2 at 60200',
      named(lots, [2, '0.08'], [1, '0.1'], [0, '0.02']),
    );
    expect(order.body).toMatchObject({ lots: [{ lotId: lots[2]?.id, quantity: '0.08' }, {}, {}] });
    await buy('0.05', '60200');
    await buy('0.11', '60200');
    await buy('0.04', '60200');
    expect(await goneOf(holder, lots)).toEqual([
      '2 0.05 specific',
      '2 0.03 specific',
      '1 0.08 specific',
      '1 0.02 specific',
      '0 0.02 specific',
    ]);
    const [first, second, third] = lots.map(({ id }) => id);
    expect(await idsOf('asset=BTC&open=true')).toEqual([third, first]);
    expect(await idsOf('open=false')).toEqual([second]);
    expect(await idsOf('asset=ETH')).toEqual([]);
  });

  test('go by the account’s method where a named lot was used up meanwhile: nothing gets stuck', async () => {
    const { holder, lots } = await holderOf('60000', '61000', '60500');
    await choose(holder, 'lifo');
    await desk.place(holder, 'sell 0.1 at 60300', named(lots, [2, '0.1']));
    await desk.place(holder, 'sell 0.06 at 60200');
    await buy('0.06', '60200');
    await buy('0.1', '60300');
    expect(await goneOf(holder, lots)).toEqual(['2 0.06 lifo', '2 0.04 specific', '1 0.06 lifo']);
  });
});

describe('an order that names lots', () => {
  test('is rejected where one is not there, not the account’s, of another asset or holds less', async () => {
    const { holder, lots } = await holderOf('60000');
    const other = await holderOf('60000');
    await desk.emptyTheBooks();
    for (const [known, quantity] of [
      [[], '0.05'],
      [other.lots, '0.05'],
      [lots, '0.11'],
    ] as const) {
      const { body } = await desk.place(holder, `sell ${quantity} at 60100`, named(known, [0, quantity]));
      expect(body).toMatchObject({ status: 'rejected', rejectionReason: 'lot_not_available' });
    }
    const ether = await desk.newTrader({ ETH: '1', BTC: '1' });
    const all = (await read(ether, 'lots')) as readonly (Lot & { readonly asset: string })[];
    const [wrong] = all.filter(({ asset }) => asset === 'ETH');
    const { body } = await desk.place(
      ether,
      'sell 0.05 at 60100',
      named(wrong === undefined ? [] : [wrong], [0, '0.05']),
    );
    expect(body).toMatchObject({ status: 'rejected', rejectionReason: 'lot_not_available' });
  });

  test('makes no sense for a purchase, with a lot twice, or where they do not add up', async () => {
    const { holder, lots } = await holderOf('60000');
    for (const [words, more] of [
      ['buy 0.05 at 59000', named(lots, [0, '0.05'])],
      ['sell 0.05 at 60100', named(lots, [0, '0.02'], [0, '0.03'])],
      ['sell 0.05 at 60100', named(lots, [0, '0.04'])],
    ] as const) {
      const { body } = await desk.place(holder, words, more);
      expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/lots' }] });
    }
  });

  test('is the same request only with the same lots', async () => {
    const { holder, lots } = await holderOf('60000', '60000');
    const key = newId();
    const first = await desk.place(holder, 'sell 0.05 at 60100', named(lots, [0, '0.05']), key);
    const again = await desk.place(holder, 'sell 0.05 at 60100', named(lots, [0, '0.050']), key);
    expect([again.status, again.body.id]).toEqual([201, first.body.id]);
    const another = await desk.place(holder, 'sell 0.05 at 60100', named(lots, [1, '0.05']), key);
    expect(another.body.code).toBe('idempotency_key_reused');
  });

  test('hands on what it has not sold to the order in its place, which names anew where the size changes', async () => {
    const { holder, lots } = await holderOf('60000', '60000');
    const { body } = await desk.place(holder, 'sell 0.2 at 60300', named(lots, [1, '0.1'], [0, '0.1']));
    await buy('0.04', '60300');
    const replace = (change: object) =>
      desk.request(holder, 'POST', `/v1/orders/${body.id}/replace`, { key: newId(), body: change });
    expect((await replace({ quantity: '0.1' })).body.errors).toMatchObject([{ pointer: '/lots' }]);
    expect((await replace({ limitPrice: '60250' })).body).toMatchObject({
      lots: [
        { lotId: lots[1]?.id, quantity: '0.06' },
        { lotId: lots[0]?.id, quantity: '0.1' },
      ],
    });
  });
});
