/**
 * The part of the load that trades contracts on margin, and on paper: positions opened, reduced and left by their
 * exits, and a squeeze, which ends in a liquidation, often one that a kill interrupts.
 */
import { newId } from '../../src/kernel/id.ts';
import type { ClientBook } from './client-book.ts';
import { CONTRACT } from './market.ts';
import { type Firm, keyed, type Scenario, takeOutSometimes } from './scenario.ts';

/** Five times its margin, which is most of what is put into the account for it. */
const SQUEEZED = '0.5';
const STAKE = '6500';
const HIGH = '60000';
/** A sixth lower: more than half of the margin is gone. */
const LOW = '50500';

/** A position of a client against the market maker, opened, reduced or with its exits. */
export const contract: Scenario = async ({ clients, maker, market }, book, random) => {
  const { person, accountId } = random.pick(clients);
  const [side, other] = random.pick([
    ['buy', 'sell'],
    ['sell', 'buy'],
  ] as const);
  const limitPrice = market.price();
  const common = { symbol: CONTRACT, type: 'limit', timeInForce: 'gtc', limitPrice, quantity: '0.001' };
  const up = side === 'buy' ? 1 : -1;
  const away = (part: number) => String(Number.parseInt(limitPrice, 10) + up * part);
  const more = random.pick([
    { leverage: '5' },
    { leverage: '1' },
    { reduceOnly: true },
    { leverage: '3', takeProfit: { limitPrice: away(400) }, stopLoss: { stopPrice: away(-400) } },
  ]);
  const [asked] = await Promise.all([
    book.ask('contract', keyed(person, '/v1/orders', { ...common, accountId, side, ...more })),
    book.ask(
      'contract',
      keyed(maker.person, '/v1/orders', {
        ...common,
        accountId: maker.accountId,
        side: other,
        leverage: '5',
      }),
    ),
  ]);
  await takeOutSometimes(person, asked, book, random);
};

/** An order of a paper account, at the simulated venue. */
export const paper: Scenario = async ({ papers }, book, random) => {
  const { person, accountId } = random.pick(papers);
  const terms = random.pick([
    { type: 'market' },
    { type: 'limit', limitPrice: random.pick(['58000', '60000', '62000']) },
    { type: 'stop', stopPrice: null },
  ]);
  const side = random.pick(['buy', 'sell']);
  const stopped = terms.type === 'stop' ? { stopPrice: side === 'buy' ? '60050' : '59950' } : {};
  const body = { accountId, symbol: 'BTC/USD', side, quantity: '0.001', ...terms, ...stopped };
  const asked = await book.ask('paper', keyed(person, '/v1/orders', body));
  await takeOutSometimes(person, asked, book, random);
};

/** Long with all there is; the price falls, and whoever was short buys what the liquidation sells. */
export const squeeze: Scenario = async (firm, book) => {
  if (firm.squeezing.is) {
    return;
  }
  firm.squeezing.is = true;
  try {
    await squeezeOnce(firm, book);
  } finally {
    firm.squeezing.is = false;
  }
};

async function squeezeOnce(firm: Firm, book: ClientBook): Promise<void> {
  const { maker, clients, market } = firm;
  const [{ person, accountId }] = clients;
  const long = { person: maker.person, accountId: firm.stakeAccountId };
  // Once: with more behind it no fall would be deep enough.
  if (!firm.squeezing.staked) {
    const body = { fromAccountId: maker.accountId, toAccountId: long.accountId, asset: 'USD', amount: STAKE };
    const stake = await book.ask('transfer', keyed(long.person, '/v1/transfers', body));
    firm.squeezing.staked ||= stake.state === 'acknowledged';
  }
  await market.move(HIGH);
  const order = (as: typeof long, side: string, limitPrice: string, more: object) =>
    book.ask('contract', {
      method: 'POST',
      path: '/v1/orders',
      as: as.person,
      key: newId(),
      body: {
        accountId: as.accountId,
        symbol: CONTRACT,
        type: 'limit',
        timeInForce: 'gtc',
        side,
        quantity: SQUEEZED,
        limitPrice,
        ...more,
      },
    });
  await order({ person, accountId }, 'sell', HIGH, { leverage: '5' });
  await order(long, 'buy', HIGH, { leverage: '5', timeInForce: 'ioc' });
  await market.move(LOW);
  await order({ person, accountId }, 'buy', LOW, { reduceOnly: true });
}
