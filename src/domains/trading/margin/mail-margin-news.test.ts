import { expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { outbox } from '../../../platform/db/schema.ts';
import { MailDeferredError } from '../../../platform/mail/mailer.ts';
import type { DeliveredEvent } from '../../../platform/outbox/consumer.ts';
import { mailsTo } from '../../../testing/mails.ts';
import type { Trader } from '../../../testing/trading-desk.ts';
import { mailMarginNews } from './mail-margin-news.ts';
import {
  alertsOf,
  callsOf,
  keep,
  liquidationsOf,
  opened,
  priceIs,
  quote,
  startMarginDesk,
  world,
} from './testing/margin-desk.ts';

startMarginDesk(import.meta.file);

const CALLED = 'Your account needs more margin';
const REMINDED = 'The time to add margin ends soon';
const CLOSING = 'Positions of your account are being closed';

async function mailedTo({ userId }: Trader): Promise<readonly string[]> {
  await world.desk.settle();
  return (await mailsTo(world.desk.deps, `${userId}@example.mu`)).map(({ subject }) => subject);
}

/** Just past the beginning of an hour of business time. */
function toNextHour(): void {
  const now = Date.parse(world.desk.deps.clock.now());
  world.desk.advance(3_600_000 - (now % 3_600_000) + 1_000);
}

test('who has themselves called again and again by an order and its cancel is mailed, and tells the firm, once an hour', async () => {
  toNextHour();
  const trader = await opened('buy 1', '1000', '300', { account: { marginCallThreshold: '1.3' } });
  const cycle = async () => {
    const { status, body } = await world.desk.place(trader, 'buy 0.0036 at 50000');
    expect([status, body.rejectionReason]).toEqual([201, null]);
    await keep();
    await world.desk.settle();
    await world.desk.request(trader, 'DELETE', `/v1/orders/${body.id}`);
    await world.desk.engine.settled();
    await keep();
  };
  await cycle();
  await cycle();
  expect(await callsOf(trader)).toHaveLength(2);
  expect(await mailedTo(trader)).toEqual([CALLED]);
  expect(await alertsOf(trader)).toEqual(['margin_call called']);
  // Nobody is called for hours without a word, however often.
  toNextHour();
  await priceIs('1000');
  await cycle();
  expect(await callsOf(trader)).toHaveLength(3);
  expect(await mailedTo(trader)).toEqual([CALLED, CALLED]);
  expect(await alertsOf(trader)).toEqual(['margin_call called', 'margin_call called']);
});

test('who is closed out without having been called is mailed, and the firm told, once an hour; play money is not', async () => {
  toNextHour();
  const trader = await opened('buy 1', '1000', '200');
  await quote('buy', '1', '851');
  await priceIs('851');
  await keep(4);
  expect(await liquidationsOf(trader)).toMatchObject([{ outcome: 'restored' }]);
  expect(await mailedTo(trader)).toEqual([CLOSING]);
  const alerts = ['liquidation started', 'liquidation ended'];
  expect(await alertsOf(trader)).toEqual(alerts);
  // A price, or a threshold that the customer raises, brings it about again.
  await quote('buy', '1', '810');
  await priceIs('810');
  await keep(4);
  expect(await liquidationsOf(trader)).toHaveLength(2);
  expect([await mailedTo(trader), await alertsOf(trader)]).toEqual([[CLOSING], alerts]);
  const [told] = await toldOf(trader, 'trading.liquidation_started');
  const player = await world.desk.newTrader({ USD: '1' }, { book: 'paper' });
  await mailMarginNews.handle(world.desk.system, {
    ...present(told, 'it was told'),
    userId: player.userId,
    accountId: player.accountId,
  });
  expect(await mailedTo(player)).toEqual([]);
  expect(await mailedTo(trader)).toEqual([CLOSING]);
});

test('what a mail server does not take is tried again; what was told a day ago is no news', async () => {
  const trader = await opened('buy 1', '1000', '200');
  await priceIs('870');
  await keep();
  expect(await mailedTo(trader)).toEqual([CALLED]);
  const [told] = await toldOf(trader, 'trading.margin_called');
  const event = { ...present(told, 'it was told'), type: 'trading.margin_call_reminded' };
  const { deps } = world.desk;
  let failure: Error = new MailDeferredError('no room in this mailbox');
  const failing = { ...deps, mail: { ...deps.mail, deliver: () => Promise.reject(failure) } };
  const said = () =>
    mailMarginNews
      .handle({ ...world.desk.system, deps: failing }, event)
      .catch(({ message }: Error) => message);
  expect(await said()).toBe('no room in this mailbox');
  // A mailbox keeps nobody else's mail; what comes next does not wait for a server that failed.
  failure = new Error('try later');
  expect([await said(), await said()]).toEqual(['try later', 'the mail server has just failed']);
  await mailMarginNews.handle(world.desk.system, event);
  expect(await mailedTo(trader)).toEqual([CALLED, REMINDED]);
  world.desk.advance(24 * 3_600_000);
  await mailMarginNews.handle(world.desk.system, event);
  expect(await mailedTo(trader)).toEqual([CALLED, REMINDED]);
  await priceIs('1000');
});

test('a mail is tried for longer than it is news, so that nothing waits behind it for a person', () => {
  const waits = Array.from({ length: (mailMarginNews.maxAttempts ?? 12) - 1 }, (_, tries) =>
    Math.min(250 * 2 ** tries, 5 * 60_000),
  );
  expect(waits.reduce((one, other) => one + other, 0)).toBeGreaterThan(24 * 3_600_000);
});

async function toldOf({ accountId }: Trader, type: string): Promise<readonly DeliveredEvent[]> {
  const rows = await world.desk.deps.db.engine
    .select()
    .from(outbox)
    .where(and(eq(outbox.accountId, accountId), eq(outbox.type, type)))
    .orderBy(outbox.id);
  return rows as unknown as readonly DeliveredEvent[];
}
