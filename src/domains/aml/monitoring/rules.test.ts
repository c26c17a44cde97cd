import { describe, expect, test } from 'bun:test';
import { parseAmount } from '../../../kernel/amount.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs, type Instant, parseInstant } from '../../../kernel/time.ts';
import { type Activity, NO_ACTIVITY } from '../../../platform/activity.ts';
import { hitsOf, totalOf } from './evaluate.ts';
import { crowdOf, NO_CROWD, PAST_ROWS } from './past-window.ts';
import type { View } from './rule.ts';
import { contentHashOf, faultOf, RELEASED, ruleSetOf } from './rule-set.ts';
import { RULE_TABLE } from './rule-table.ts';

const NOW = parseInstant('2026-03-10T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const PERSON = newId();
const OTHER = newId();
const SET = ruleSetOf([]);
const VIEW: View = {
  past: [],
  crowd: NO_CROWD,
  movedBefore: null,
  others: [],
  sharers: 0,
  peers: null,
  reference: SET.reference,
};

/** So long before now. @units ms */
function ago(ms: number): Instant {
  return addMs(NOW, -ms);
}

function money(
  kind: 'deposit' | 'withdrawal_requested',
  amount: string,
  more: Partial<Activity> = {},
): Activity {
  return {
    ...NO_ACTIVITY,
    source: 'test',
    sourceId: newId(),
    kind,
    userId: PERSON,
    occurredAt: NOW,
    asset: 'USD',
    amount: parseAmount(amount),
    direction: kind === 'deposit' ? 'in' : 'out',
    ...more,
  };
}

function deposit(amount: string, more: Partial<Activity> = {}): Activity {
  return money('deposit', amount, more);
}

/** A deposit of as much as counts as activity, unless it says how much. */
function movedAgo(ms: number, amount = '500'): Activity {
  return deposit(amount, { occurredAt: ago(ms) });
}

function withdrawal(amount: string, more: Partial<Activity> = {}): Activity {
  return money('withdrawal_requested', amount, more);
}

function fill(side: 'buy' | 'sell', more: Partial<Activity> = {}): Activity {
  return {
    ...money('deposit', '100'),
    kind: 'fill',
    direction: 'none',
    instrument: 'BTC/USD',
    side,
    price: parseAmount('100'),
    quantity: parseAmount('1'),
    linkedUserId: OTHER,
    ...more,
  };
}

function cancelled(side: 'buy' | 'sell', more: Partial<Activity> = {}): Activity {
  const occurredAt = more.occurredAt ?? NOW;
  return {
    ...fill(side),
    kind: 'order_closed',
    amount: null,
    linkedUserId: null,
    quantity: parseAmount('5'),
    occurredAt,
    data: { end: 'cancelled', reason: 'requested', isUnfilled: true, placedAt: addMs(occurredAt, -5_000) },
    ...more,
  };
}

function placed(more: Partial<Activity> = {}): Activity {
  return {
    ...fill('buy'),
    kind: 'order_placed',
    amount: null,
    linkedUserId: null,
    userId: OTHER,
    quantity: parseAmount('500'),
    ...more,
  };
}

/** A minute and a half into an hour, so that the moments before it are of the same. */
const LATER = { occurredAt: addMs(NOW, 90_000) };

/** Trades before an instant, each so long before the next. @units ms */
function manyFills(count: number, apartMs: number, until: Instant = NOW): readonly Activity[] {
  return Array.from({ length: count }, (_unused, number) =>
    fill('buy', { occurredAt: addMs(until, -(number + 1) * apartMs) }),
  );
}

function crowd(count: number, apartMs: number, until?: Instant) {
  return crowdOf(manyFills(count, apartMs, until).map(({ occurredAt }) => occurredAt));
}

function transfer(from: string, to: string, more: Partial<Activity> = {}): Activity {
  return {
    ...deposit('10', { direction: 'none' }),
    kind: 'transfer',
    accountId: from as Activity['accountId'],
    data: { toAccountId: to },
    ...more,
  };
}

/** There, back, there and so on, so many times, the last of them back. */
function toAndFro(count: number, more: Partial<Activity> = {}): readonly Activity[] {
  return Array.from({ length: count }, (_unused, number) =>
    number % 2 === 0 ? transfer('b', 'a', more) : transfer('a', 'b', more),
  );
}

/** Transfers to and fro before an instant, each so long before the next. @units ms */
function manyTransfers(count: number, apartMs: number, until: Instant = NOW): readonly Activity[] {
  return toAndFro(count).map((made, number) => ({
    ...made,
    occurredAt: addMs(until, -(number + 1) * apartMs),
  }));
}

function place(number: number): Uint8Array {
  return new Uint8Array(32).fill(number);
}

function payee(number: number, more: Partial<Activity> = {}): Activity {
  return {
    ...deposit('1'),
    kind: 'beneficiary_added',
    asset: null,
    amount: null,
    direction: 'none',
    counterpartyIndex: place(number),
    ...more,
  };
}

/** What became of a request to pay out. */
function ended(request: Activity, end: string, occurredAt = request.occurredAt): Activity {
  return { ...request, source: 'test.ends', kind: 'withdrawal_ended', occurredAt, data: { end } };
}

/** A withdrawal to a payee who was added so long ago. @units ms */
function toPayee(amount: string, age: number, asset = 'USD'): Activity {
  return withdrawal(amount, { asset, counterpartyIndex: place(1), data: { payeeAddedAt: ago(age) } });
}

function times<Item>(count: number, make: (number: number) => Item): Item[] {
  return Array.from({ length: count }, (_unused, number) => make(number));
}

/** The points one rule gives an activity; 0 where it finds nothing. */
function points(ruleKey: string, activity: Activity, view: Partial<View> = {}): number {
  const hits = hitsOf(activity, { ...VIEW, ...view }, SET).filter((hit) => hit.ruleKey === ruleKey);
  expect(hits.every(({ facts }) => facts.isFailed === undefined)).toBe(true);
  return totalOf(hits);
}

type Row = readonly [what: string, activity: Activity, view: Partial<View>, expected: number];

/** A request to the place of `toPayee`. */
const FIRST = toPayee('9999', DAY);

/** An order of five that was taken away after so much of it was traded. */
function filled(filledQuantity: string, more: Partial<Activity> = {}): Activity {
  const { data } = cancelled('sell');
  return cancelled('sell', { data: { ...data, isUnfilled: false, filledQuantity }, ...more });
}

/** One more transfer than rules add up, some of them of this hour. */
const FULL = manyTransfers(PAST_ROWS + 1, 2_000, LATER.occurredAt);

const PEERS = { people: 20, inBps: 10_000, outBps: 10_000 };

const CASES: Readonly<Record<string, readonly Row[]>> = {
  structuring: [
    [
      'the third just below within seven days',
      deposit('9000'),
      { past: [deposit('8000', { occurredAt: ago(DAY) }), deposit('9999.99', { occurredAt: ago(7 * DAY) })] },
      40,
    ],
    ['the fifth', deposit('9000'), { past: times(4, () => deposit('9000', { occurredAt: ago(DAY) })) }, 60],
    ['the second only', deposit('9000'), { past: [deposit('9000', { occurredAt: ago(DAY) })] }, 0],
    [
      'one of three a moment before the window',
      deposit('9000'),
      { past: [deposit('9000'), deposit('9000', { occurredAt: ago(7 * DAY + 1) })] },
      0,
    ],
    ['one of three just under the band', deposit('9000'), { past: [deposit('9000'), deposit('7999')] }, 0],
    [
      'at the reference amount, which is not below',
      deposit('10000'),
      { past: times(4, () => deposit('9000')) },
      0,
    ],
    [
      'across assets',
      deposit('0.14', { asset: 'BTC' }),
      { past: [deposit('450000', { asset: 'MUR' }), deposit('9000')] },
      40,
    ],
    ['the other direction does not count', withdrawal('9000'), { past: times(4, () => deposit('9000')) }, 0],
    [
      'an asset nobody gave an amount for is whole, not below',
      deposit('1', { asset: 'XYZ' }),
      { past: times(4, () => deposit('9000')) },
      0,
    ],
  ],
  round_amounts: [
    ['the third round one', deposit('2000'), { past: [deposit('1000'), deposit('3000')] }, 15],
    ['the sixth', deposit('2000'), { past: times(5, () => deposit('1000')) }, 25],
    ['the second', deposit('2000'), { past: [deposit('1000')] }, 0],
    ['not round by a cent', deposit('2000.01'), { past: times(5, () => deposit('1000')) }, 0],
    [
      'earlier than the window',
      deposit('2000'),
      { past: times(5, () => deposit('1000', { occurredAt: ago(30 * DAY + 1) })) },
      0,
    ],
    [
      'an asset without a reference amount',
      deposit('2000', { asset: 'XYZ' }),
      { past: times(5, () => deposit('1000', { asset: 'XYZ' })) },
      0,
    ],
  ],
  third_party_deposit: [
    ['the first', deposit('50', { data: { payer: 'other' } }), {}, 30],
    [
      'the third',
      deposit('50', { data: { payer: 'other' } }),
      { past: times(2, () => deposit('50', { data: { payer: 'other' } })) },
      50,
    ],
    [
      'paid by the person',
      deposit('50', { data: { payer: 'customer' } }),
      { past: times(2, () => deposit('50', { data: { payer: 'other' } })) },
      0,
    ],
    ['nobody named', deposit('50', { data: { payer: 'unnamed' } }), {}, 0],
  ],
  crowded_past: [
    ['as many payees as rules see', payee(1), { past: times(PAST_ROWS, () => payee(1)) }, 40],
    ['as many deposits as rules see', deposit('0.01'), { past: times(PAST_ROWS, () => deposit('0.01')) }, 40],
    ['fewer', deposit('0.01'), { past: times(PAST_ROWS - 1, () => deposit('0.01')) }, 0],
    ['as many of another kind', deposit('0.01'), { past: times(PAST_ROWS, () => withdrawal('0.01')) }, 0],
    [
      'one of them a moment before the window',
      deposit('0.01'),
      {
        past: times(PAST_ROWS, (number) =>
          deposit('0.01', { occurredAt: ago(number === 0 ? 90 * DAY + 1 : DAY) }),
        ),
      },
      0,
    ],
    ['a transfer that fills the window', transfer('a', 'b'), { past: manyTransfers(PAST_ROWS, 2_000) }, 40],
    [
      'a transfer behind it in the same hour',
      transfer('a', 'b', LATER),
      { past: manyTransfers(PAST_ROWS + 1, 2_000, LATER.occurredAt) },
      0,
    ],
    [
      'the first transfer of the next hour',
      transfer('a', 'b'),
      { past: manyTransfers(PAST_ROWS + 1, 2_000) },
      40,
    ],
    [
      'each deposit behind it',
      deposit('0.01', LATER),
      { past: times(PAST_ROWS + 1, () => deposit('0.01', { occurredAt: addMs(NOW, 60_000) })) },
      40,
    ],
  ],
  crowded_market: [
    ['a trade that fills the window', fill('buy'), { crowd: crowd(PAST_ROWS, 2_000) }, 40],
    ['an ended order among as many', cancelled('buy'), { crowd: crowd(PAST_ROWS, 2_000) }, 40],
    ['one fewer', fill('buy'), { crowd: crowd(PAST_ROWS - 1, 2_000) }, 0],
    [
      'one behind it in the same hour',
      fill('buy', LATER),
      { crowd: crowd(PAST_ROWS + 1, 2_000, LATER.occurredAt) },
      0,
    ],
    ['the first of the next hour', fill('buy'), { crowd: crowd(PAST_ROWS + 1, 2_000) }, 40],
    [
      'as many at the same moment',
      fill('buy', LATER),
      { crowd: crowd(PAST_ROWS + 1, 0, LATER.occurredAt) },
      40,
    ],
    ['one of them before the window', fill('buy'), { crowd: crowd(PAST_ROWS, 240_000) }, 0],
  ],
  circular_transfers: [
    ['there and back ten times', transfer('a', 'b'), { past: toAndFro(9) }, 20],
    ['thirty times', transfer('a', 'b'), { past: toAndFro(29) }, 40],
    ['nine times', transfer('b', 'a'), { past: toAndFro(8) }, 0],
    ['one way only', transfer('a', 'b'), { past: times(60, () => transfer('a', 'b')) }, 0],
    ['the one that fills the window', transfer('a', 'b', LATER), { past: FULL.slice(1) }, 40],
    ['one behind it in the same hour', transfer('a', 'b', LATER), { past: FULL }, 0],
    ['the first of the next hour', transfer('a', 'b'), { past: manyTransfers(PAST_ROWS + 1, 2_000) }, 40],
    [
      'one behind others of the same hour between other accounts',
      transfer('a', 'b', LATER),
      {
        past: FULL.map((made, number) => (number < 90 ? { ...made, accountId: OTHER } : made)),
      },
      40,
    ],
    ['between others', transfer('a', 'c'), { past: toAndFro(29) }, 0],
    ['of another asset', transfer('a', 'b', { asset: 'EUR' }), { past: toAndFro(29) }, 0],
    ['before the window', transfer('a', 'b'), { past: toAndFro(29, { occurredAt: ago(7 * DAY + 1) }) }, 0],
  ],
  rapid_in_out: [
    [
      '80 % out within two days',
      withdrawal('4000'),
      { past: [deposit('5000', { occurredAt: ago(48 * HOUR) })] },
      40,
    ],
    [
      '95 % out, in two withdrawals',
      withdrawal('2750'),
      { past: [withdrawal('2000'), deposit('5000', { occurredAt: ago(HOUR) })] },
      45,
    ],
    ['just under 80 %', withdrawal('3999'), { past: [deposit('5000', { occurredAt: ago(HOUR) })] }, 0],
    [
      'a moment after two days',
      withdrawal('5000'),
      { past: [deposit('5000', { occurredAt: ago(48 * HOUR + 1) })] },
      0,
    ],
    [
      'traded with in between',
      withdrawal('5000'),
      { past: [fill('buy', { amount: parseAmount('500') }), deposit('5000', { occurredAt: ago(HOUR) })] },
      0,
    ],
    [
      'too little came in to matter',
      withdrawal('1999'),
      { past: [deposit('1999', { occurredAt: ago(HOUR) })] },
      0,
    ],
    [
      'in another asset',
      withdrawal('0.06', { asset: 'BTC' }),
      { past: [deposit('5000', { occurredAt: ago(HOUR) })] },
      40,
    ],
  ],
  velocity_self: [
    [
      'five times the usual',
      deposit('5000'),
      { past: times(5, () => deposit('1000', { occurredAt: ago(DAY) })) },
      20,
    ],
    [
      'ten times the usual',
      deposit('10000'),
      { past: times(5, () => deposit('1000', { occurredAt: ago(DAY) })) },
      35,
    ],
    [
      'just under five times',
      deposit('4989'),
      { past: times(5, () => deposit('1000', { occurredAt: ago(DAY) })) },
      0,
    ],
    [
      'too little history',
      deposit('5000'),
      { past: times(4, () => deposit('1000', { occurredAt: ago(DAY) })) },
      0,
    ],
    [
      'history before the window',
      deposit('5000'),
      { past: times(5, () => deposit('1000', { occurredAt: ago(90 * DAY + 1) })) },
      0,
    ],
    ['small in itself', deposit('999'), { past: times(5, () => deposit('1', { occurredAt: ago(DAY) })) }, 0],
    [
      'five times what was paid out',
      withdrawal('5000'),
      { past: times(5, () => ended(withdrawal('1000', { occurredAt: ago(DAY) }), 'completed')) },
      20,
    ],
    [
      'five times what was paid out, with larger requests taken back between',
      withdrawal('5000'),
      {
        past: [
          ...times(5, () => ended(withdrawal('1000', { occurredAt: ago(DAY) }), 'completed')),
          ...times(9, () => withdrawal('4000', { occurredAt: ago(HOUR) })),
          ...times(9, () => ended(withdrawal('4000', { occurredAt: ago(HOUR) }), 'cancelled')),
        ],
      },
      20,
    ],
    [
      'nothing was paid out yet',
      withdrawal('5000'),
      { past: times(5, () => withdrawal('1', { occurredAt: ago(DAY) })) },
      0,
    ],
  ],
  velocity_peer: [
    ['half more than nearly all peers', deposit('15000'), { peers: PEERS }, 15],
    [
      'three times as much, in two',
      withdrawal('20000'),
      { peers: PEERS, past: [withdrawal('10000', { occurredAt: ago(30 * DAY) })] },
      25,
    ],
    ['ten times as much', deposit('100000'), { peers: PEERS }, 40],
    ['just under', deposit('14999'), { peers: PEERS }, 0],
    ['too few peers to say', deposit('100000'), { peers: { ...PEERS, people: 19 } }, 0],
    ['no figures yet', deposit('100000'), {}, 0],
  ],
  dormant_reactivation: [
    ['after 180 days', deposit('2000'), { past: [movedAgo(180 * DAY)] }, 25],
    ['after a year', withdrawal('2000'), { past: [movedAgo(365 * DAY)] }, 35],
    ['after ten years', deposit('2000'), { movedBefore: ago(3_650 * DAY) }, 35],
    ['a request moves nothing', deposit('2000'), { past: [withdrawal('1'), movedAgo(365 * DAY)] }, 35],
    ['a moment under 180 days', deposit('2000'), { past: [movedAgo(180 * DAY - 1)] }, 0],
    ['small', deposit('1999'), { past: [movedAgo(200 * DAY)] }, 0],
    ['the first of all', deposit('50000'), {}, 0],
  ],
  many_beneficiaries: [
    [
      'the fourth place in a month',
      payee(4),
      {
        past: [
          payee(1),
          payee(2, { occurredAt: ago(30 * DAY) }),
          withdrawal('1', { counterpartyIndex: place(3) }),
        ],
      },
      20,
    ],
    ['the eighth', payee(8), { past: times(7, (number) => payee(number)) }, 40],
    ['the same place again', payee(1), { past: [payee(1), payee(2), payee(3)] }, 0],
    [
      'one of four before the window',
      payee(4),
      { past: [payee(1), payee(2), payee(3, { occurredAt: ago(30 * DAY + 1) })] },
      0,
    ],
  ],
  new_beneficiary_large: [
    ['half the reference amount to a payee of a week', toPayee('5000', 7 * DAY), {}, 25],
    ['all of it', toPayee('10000', DAY), {}, 40],
    ['just less', toPayee('4999', 0), {}, 0],
    ['a payee of more than a week', toPayee('10000', 7 * DAY + 1), {}, 0],
    ['after a small one', toPayee('9999', DAY), { past: [toPayee('1', DAY)] }, 40],
    [
      'after a small one that was paid',
      toPayee('9999', DAY),
      { past: [FIRST, ended(FIRST, 'completed')] },
      40,
    ],
    ['in parts', toPayee('2500', DAY), { past: times(3, () => toPayee('2500', DAY)) }, 40],
    ['with what was taken back', toPayee('4999', DAY), { past: [FIRST, ended(FIRST, 'cancelled')] }, 0],
    ['with what was refused', toPayee('4999', DAY), { past: [FIRST, ended(FIRST, 'rejected')] }, 0],
    [
      'a place that was paid more than a week before, added again',
      toPayee('10000', DAY),
      { past: [ended(FIRST, 'completed', ago(7 * DAY + 1))] },
      0,
    ],
    [
      'a place of which a request was taken back more than a week before',
      toPayee('10000', DAY),
      { past: [ended(FIRST, 'cancelled', ago(7 * DAY + 1))] },
      40,
    ],
    [
      'another payee was paid',
      toPayee('10000', DAY),
      {
        past: [ended(withdrawal('9999', { counterpartyIndex: place(2) }), 'completed', ago(8 * DAY))],
      },
      40,
    ],
    [
      'another payee, whose amounts are their own',
      toPayee('4999', DAY),
      { past: [withdrawal('9999', { counterpartyIndex: place(2) })] },
      0,
    ],
    ['an asset nobody gave an amount for', toPayee('1', DAY, 'XYZ'), {}, 40],
    ['nobody says since when', withdrawal('10000', { counterpartyIndex: place(1) }), {}, 0],
  ],
  high_risk_country: [
    ['any amount', deposit('1', { counterpartyCountry: 'KP' }), {}, 40],
    ['half the reference amount', withdrawal('5000', { counterpartyCountry: 'IR' }), {}, 60],
    ['another country', deposit('10000', { counterpartyCountry: 'MU' }), {}, 0],
    ['no country known', deposit('10000'), {}, 0],
  ],
  shared_counterparty: [
    ['the third person', payee(1), { sharers: 2 }, 40],
    ['the fifth', withdrawal('1', { counterpartyIndex: place(1) }), { sharers: 4 }, 50],
    ['the second', payee(1), { sharers: 1 }, 0],
    ['nobody on the other side', deposit('1'), { sharers: 9 }, 0],
  ],
  wash_trade: [
    [
      'two there and two back',
      fill('buy'),
      { past: [fill('buy'), fill('sell'), fill('sell', { price: parseAmount('101') })] },
      40,
    ],
    [
      'four and four',
      fill('buy'),
      { past: [...times(3, () => fill('buy')), ...times(4, () => fill('sell'))] },
      60,
    ],
    ['one way only', fill('buy'), { past: times(8, () => fill('buy')) }, 0],
    [
      'with different people',
      fill('buy'),
      { past: [fill('buy'), ...times(2, () => fill('sell', { linkedUserId: newId() }))] },
      0,
    ],
    [
      'at another price',
      fill('buy'),
      { past: [fill('buy'), ...times(2, () => fill('sell', { price: parseAmount('101.01') }))] },
      0,
    ],
    [
      'in another instrument',
      fill('buy'),
      { past: [fill('buy'), ...times(2, () => fill('sell', { instrument: 'ETH/USD' }))] },
      0,
    ],
    [
      'a day and a moment apart',
      fill('buy'),
      { past: [fill('buy'), fill('sell'), fill('sell', { occurredAt: ago(DAY + 1) })] },
      0,
    ],
  ],
  self_match: [
    ['the third', selfMatched(), { past: [selfMatched(), selfMatched({ occurredAt: ago(DAY) })] }, 25],
    ['the tenth', selfMatched(), { past: times(9, () => selfMatched()) }, 45],
    ['the second', selfMatched(), { past: [selfMatched()] }, 0],
    ['cancelled for another reason', cancelled('buy'), { past: times(9, () => selfMatched()) }, 0],
    [
      'one of three before the window',
      selfMatched(),
      { past: [selfMatched(), selfMatched({ occurredAt: ago(DAY + 1) })] },
      0,
    ],
  ],
  spoofing: [
    [
      'a large order gone within seconds of a trade on the other side',
      cancelled('sell'),
      { past: [fill('buy', { occurredAt: ago(10_000) })] },
      15,
    ],
    ['the third within a day', cancelled('sell'), { past: spoofs(2) }, 40],
    [
      'the trade was on the same side',
      cancelled('buy'),
      { past: [fill('buy', { occurredAt: ago(1_000) })] },
      0,
    ],
    [
      'the trade was a moment too early',
      cancelled('sell'),
      { past: [fill('buy', { occurredAt: ago(10_001) })] },
      0,
    ],
    [
      'the order is not large',
      cancelled('sell', { quantity: parseAmount('2.99') }),
      { past: [fill('buy')] },
      0,
    ],
    [
      'the order had stood for longer',
      cancelled('sell', { data: { ...cancelled('sell').data, placedAt: ago(60_001) } }),
      { past: [fill('buy')] },
      0,
    ],
    ['one lot of it had traded', filled('1'), { past: [fill('buy')] }, 15],
    ['more than a fifth of it had traded', filled('1.00000001'), { past: [fill('buy')] }, 0],
    [
      'nobody says how much of it had traded',
      cancelled('sell', { data: { ...cancelled('sell').data, isUnfilled: false } }),
      { past: [fill('buy')] },
      0,
    ],
    [
      'it expired',
      cancelled('sell', { data: { ...cancelled('sell').data, end: 'expired' } }),
      { past: [fill('buy')] },
      0,
    ],
  ],
  layering: [
    ['three prices at once', cancelled('sell', { price: parseAmount('1') }), { past: layers(2) }, 30],
    ['five prices at once', cancelled('sell', { price: parseAmount('1') }), { past: layers(4) }, 45],
    ['two prices', cancelled('sell', { price: parseAmount('1') }), { past: layers(1) }, 0],
    ['one lot of it had traded', filled('1', { price: parseAmount('1') }), { past: layers(2) }, 30],
    [
      'three at one price',
      cancelled('sell'),
      { past: [fill('buy'), cancelled('sell'), cancelled('sell')] },
      0,
    ],
    [
      'no trade on the other side',
      cancelled('sell', { price: parseAmount('1') }),
      { past: layers(4).slice(1) },
      0,
    ],
  ],
  trading_ahead: [
    [
      'a small trade a minute before a large order',
      placed(),
      { others: [fill('buy', { occurredAt: ago(60_000) })] },
      10,
    ],
    ['a tenth of it', placed(), { others: [fill('buy', { quantity: parseAmount('50') })] }, 15],
    ['two people, each', placed(), { others: [fill('buy'), fill('buy', { userId: newId() })] }, 20],
    ['a moment earlier', placed(), { others: [fill('buy', { occurredAt: ago(60_001) })] }, 0],
    ['the other side', placed(), { others: [fill('sell')] }, 0],
    ['the order is not large', placed({ quantity: parseAmount('499') }), { others: [fill('buy')] }, 0],
    ['a market order is sized by the last price', placed({ price: null }), { others: [fill('buy')] }, 10],
    ['one without any price is not sized', placed({ price: null }), {}, 0],
    ['their own trades', placed(), { others: [fill('buy', { userId: OTHER })] }, 0],
  ],
};

function selfMatched(more: Partial<Activity> = {}): Activity {
  return cancelled('buy', { data: { end: 'cancelled', reason: 'self_match' }, ...more });
}

/** So many orders taken away, each seconds after a small trade on the other side. */
function spoofs(count: number): Activity[] {
  return [
    fill('buy', { occurredAt: ago(1_000) }),
    ...times(count, (number) => [
      cancelled('sell', { occurredAt: ago((number + 1) * HOUR) }),
      fill('buy', { occurredAt: ago((number + 1) * HOUR + 1_000) }),
    ]).flat(),
  ];
}

/** A trade, and orders at so many further prices that went with it. */
function layers(count: number): Activity[] {
  return [
    fill('buy', { occurredAt: ago(20_000) }),
    ...times(count, (number) =>
      cancelled('sell', { price: parseAmount(`${number + 2}`), occurredAt: ago(10_000) }),
    ),
  ];
}

describe('every rule', () => {
  test('has a table of what it finds and what it lets pass', () => {
    expect(Object.keys(CASES).toSorted()).toEqual(RULE_TABLE.map(({ key }) => key).toSorted());
    for (const rows of Object.values(CASES)) {
      expect(rows.some(([, , , expected]) => expected === 0)).toBe(true);
      expect(rows.some(([, , , expected]) => expected > 0)).toBe(true);
    }
  });

  for (const [key, rows] of Object.entries(CASES)) {
    for (const [what, activity, view, expected] of rows) {
      test(`${key}: ${what}: ${expected}`, () => {
        expect(points(key, activity, view)).toBe(expected);
      });
    }
  }

  test('looks only at the kinds it names', () => {
    const kinds = [deposit('9000'), withdrawal('9000'), payee(1), fill('buy'), cancelled('buy'), placed()];
    for (const activity of kinds) {
      for (const hit of hitsOf(activity, { ...VIEW, past: kinds, others: kinds, sharers: 9 }, SET)) {
        const definition = RULE_TABLE.find(({ key }) => key === hit.ruleKey);
        expect(definition?.kinds).toContain(activity.kind);
      }
    }
  });

  test('that is switched off finds nothing, and the others go on', () => {
    const content = { ...RELEASED.get('structuring'), isEnabled: false };
    const stored = [{ key: 'structuring', version: 2, content, contentHash: contentHashOf(content) }];
    const view = { ...VIEW, past: times(4, () => deposit('9000', { occurredAt: ago(DAY) })) };
    expect(hitsOf(deposit('9000'), view, ruleSetOf(stored)).map(({ ruleKey }) => ruleKey)).toEqual([
      'round_amounts',
    ]);
  });

  test('that fails is what an alert needs, and says so', () => {
    const broken = {
      ...SET,
      rules: SET.rules.map((active) => ({
        ...active,
        definition: {
          ...active.definition,
          evaluate: () => {
            throw new Error('broken');
          },
        },
      })),
    };
    const hits = hitsOf(payee(1), VIEW, broken);
    expect(hits.map(({ ruleKey, points: given, facts }) => [ruleKey, given, facts])).toEqual([
      ['crowded_past', SET.typologies.structuring.alertAt, { isFailed: true }],
      ['many_beneficiaries', SET.typologies.pass_through.alertAt, { isFailed: true }],
      ['shared_counterparty', SET.typologies.networks.alertAt, { isFailed: true }],
    ]);
  });
});

describe('points', () => {
  test('add the strongest hit of each rule, and every hit of one where each counts', () => {
    const hit = (ruleKey: string, given: number, addsEach = false) => ({ ruleKey, points: given, addsEach });
    expect(totalOf([hit('a', 10), hit('a', 30), hit('b', 5), hit('c', 15, true), hit('c', 15, true)])).toBe(
      65,
    );
    expect(totalOf([])).toBe(0);
  });
});

describe('what is in force', () => {
  test('is what was released, each part of it valid', () => {
    expect([...RELEASED].flatMap(([key, content]) => faultOf(key, content) ?? [])).toEqual([]);
    expect(faultOf('nothing', {})).toBe('unknown');
    expect(faultOf('typology.nothing', { alertAt: 1, holdAt: null, windowDays: 1 })).toBe('unknown');
  });

  test.each([
    ['an unknown parameter', { parameters: { windowDays: 7, fromBps: 1, untilBps: 2, more: 1 } }],
    ['a parameter that is missing', { parameters: { windowDays: 7 } }],
    ['a fraction', { parameters: { windowDays: 7.5, fromBps: 1, untilBps: 2 } }],
    [
      'bands out of order',
      {
        bands: [
          { atLeast: 3, points: 1 },
          { atLeast: 3, points: 2 },
        ],
      },
    ],
    ['no band', { bands: [] }],
    ['points below nothing', { bands: [{ atLeast: 0, points: -1 }] }],
    ['an unknown typology', { typology: 'other' }],
    ['an unknown member', { also: true }],
  ])('refuses %s', (_what, change) => {
    expect(faultOf('structuring', { ...RELEASED.get('structuring'), ...change })).not.toBeNull();
  });

  test('stays as released where what is stored no longer fits the program', () => {
    const content = { ...RELEASED.get('structuring'), parameters: { gone: 1 } };
    const set = ruleSetOf([{ key: 'structuring', version: 7, content, contentHash: contentHashOf(content) }]);
    expect(set).toEqual(SET);
  });
});
