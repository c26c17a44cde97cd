import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Amount, amountOf } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { CLIENT_MONEY_ROLES, HOUSE_CHART, type HouseRole } from './chart.ts';
import {
  fitsShape,
  JOURNAL_KINDS,
  type JournalKind,
  type Leg,
  misfit,
  type Party,
  type Side,
} from './journal-kinds.ts';

const KINDS = Object.keys(JOURNAL_KINDS) as JournalKind[];
const ROLES = Object.keys(HOUSE_CHART) as HouseRole[];
const PARTIES: readonly Party[] = ['customer', ...ROLES];
const ANN = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001';
const BOB = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a002';

function leg(party: Party, amount: number, { person = ANN, asset = 'USD' } = {}): Leg {
  const customer = party === 'customer';
  return {
    wallet: {
      userId: customer ? person : null,
      houseRole: customer ? null : party,
      houseReference: customer ? null : party === 'receivable' ? person : 'main',
      book: 'live',
      asset,
    },
    amount: amountOf(BigInt(amount)),
  };
}

/** What the rules say of a journal, sums aside. */
function reasonOf(kind: JournalKind, legs: readonly Leg[], reversesId: string | null = null): string | null {
  return misfit({ kind, book: kind === 'reset' ? 'paper' : 'live', reversesId, legs });
}

const someShape = fc
  .constantFrom(...KINDS.filter((kind) => kind !== 'reversal'))
  .chain((kind) => fc.tuple(fc.constant(kind), fc.constantFrom(...JOURNAL_KINDS[kind].shapes)));

describe('a journal', () => {
  test('of wallets that one shape of its kind names fits it', () => {
    const legs = someShape.chain(([kind, { from, to }]) =>
      fc.tuple(
        fc.constant(kind),
        fc.array(fc.constantFrom(...from), { minLength: 1, maxLength: 4 }),
        fc.array(fc.constantFrom(...to), { minLength: 1, maxLength: 4 }),
      ),
    );
    fc.assert(
      fc.property(legs, ([kind, from, to]) => {
        const sides = [...from.map((party): Side => `-${party}`), ...to.map((party): Side => `+${party}`)];
        expect(fitsShape(kind, sides)).toBe(true);
      }),
    );
  });

  test('with a wallet that no shape of its kind names does not', () => {
    const strange = someShape.chain(([kind, shape]) => {
      const { shapes } = JOURNAL_KINDS[kind];
      const named = new Set(shapes.flatMap(({ from }) => from));
      const others = PARTIES.filter((party) => !named.has(party));
      return fc.tuple(
        fc.constant(kind),
        fc.constant(shape),
        fc.constantFrom(...others, ...(others.length ? [] : PARTIES)),
        fc.constant(others.length > 0),
      );
    });
    fc.assert(
      fc.property(strange, ([kind, { to }, party, isStrange]) => {
        fc.pre(isStrange);
        const reason = reasonOf(kind, [leg(party, -5), leg(present(to[0], 'a shape gives to somebody'), 5)]);
        expect(reason).toContain(`of kind ${kind}`);
      }),
    );
  });

  test.each([
    ['deposit', ['customer', 'client_money_bank'], 'credit from the bank', true],
    ['withdrawal', ['client_money_bank', 'customer'], 'payout to the bank', true],
    ['fee', ['fees_earned', 'customer'], 'charge', true],
    ['fee', ['taxes_withheld', 'customer'], 'tax on what was charged without it', true],
    ['dividend', ['taxes_withheld', 'dividends_payable'], 'tax withheld after the dividend came', true],
    ['dividend', ['dividends_payable', 'taxes_withheld'], 'tax back to what is payable', false],
    ['interest', ['client_money_bank', 'firm_money'], 'interest to the firm itself', false],
    ['deposit', ['firm_money', 'client_money_bank'], 'client money to the firm', false],
    ['trade', ['client_money_bank', 'customer'], 'a trade that pays out', false],
    ['fee', ['firm_account', 'customer'], 'a fee straight to the firm', false],
    ['write_off', ['customer', 'fees_earned'], 'a write-off to a customer', false],
  ] as const)('%s to and from %p (%s) fits: %p', (kind, [to, from], _what, fits) => {
    expect(reasonOf(kind, [leg(to, 5), leg(from, -5)]) === null).toBe(fits);
  });

  test.each([
    ['dividend', ['custody', 'taxes_withheld'], ['customer']],
    ['interest', ['client_money_bank', 'taxes_withheld'], ['customer']],
    ['corporate_action', ['custody', 'rounding'], ['customer']],
    ['withdrawal', ['suspense', 'fees_earned'], ['client_money_bank']],
    ['write_off', ['client_money_bank', 'receivable'], []],
  ] as const)(
    '%s lacks whom it is for: %p, but what was posted so stays valid',
    (kind, [from, to], besides) => {
      const legs = [leg(from, -5), leg(to, 5 - besides.length), ...besides.map((party) => leg(party, 1))];
      expect(reasonOf(kind, legs.slice(0, 2))).toContain('must have is missing');
      expect(fitsShape(kind, [`-${from}`, `+${to}`])).toBe(true);
      expect(besides.length === 0 || reasonOf(kind, legs) === null).toBe(true);
    },
  );

  test('of two shapes mixed fits neither', () => {
    const mixed = [leg('customer', -5), leg('customer', 4), leg('client_money_bank', 1)];
    expect(reasonOf('transfer', mixed)).toContain('do not fit');
  });
});

describe('the firm’s own money', () => {
  test('and client money meet in four legs only', () => {
    const sweep = [
      leg('fees_earned', -5),
      leg('client_money_bank', 5),
      leg('firm_account', -5),
      leg('firm_money', 5),
    ];
    expect(reasonOf('transfer', sweep)).toBeNull();
    expect(reasonOf('transfer', [leg('fees_earned', -5), leg('firm_money', 5)])).toContain('the firm’s own');
  });

  test('balances by itself in whatever fits, in every asset', () => {
    const entry = fc.record({
      party: fc.constantFrom(...PARTIES),
      amount: fc.integer({ min: -9, max: 9 }).filter((amount) => amount !== 0),
      asset: fc.constantFrom('USD', 'EUR'),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...KINDS),
        fc.array(entry, { minLength: 2, maxLength: 6 }),
        (kind, entries) => {
          const legs = entries.map(({ party, amount, asset }) => leg(party, amount, { asset }));
          if (reasonOf(kind, legs, kind === 'reversal' ? ANN : null) !== null) {
            return;
          }
          for (const asset of ['USD', 'EUR']) {
            const own = legs.filter(
              ({ wallet }) =>
                wallet.asset === asset &&
                wallet.houseRole !== null &&
                !CLIENT_MONEY_ROLES.includes(wallet.houseRole),
            );
            expect(own.reduce((sum, { amount }) => sum + amount, 0n)).toBe(0n);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('a debt', () => {
  const repaid = (person: string) => [leg('customer', -5, { person }), leg('receivable', 5)];

  test('is repaid with its debtor’s own money', () => {
    expect(reasonOf('adjustment', repaid(ANN))).toBeNull();
  });

  test('is never repaid with another’s, nor moved to another debtor', () => {
    expect(reasonOf('adjustment', repaid(BOB))).toContain('own debtor');
    const moved = [leg('receivable', 5), leg('receivable', -5, { person: BOB })];
    expect(reasonOf('adjustment', moved)).toContain('own debtor');
  });
});

describe('a reversal', () => {
  test('is the mirror of whatever fits, and cites it', () => {
    const some = someShape
      .filter(([kind]) => kind !== 'reset')
      .chain(([kind, { from, to }]) =>
        fc.tuple(
          fc.constant(kind),
          fc.constantFrom(...from),
          fc.constantFrom(...to),
          fc.integer({ min: 1, max: 9 }),
        ),
      );
    fc.assert(
      fc.property(some, ([kind, from, to, amount]) => {
        const legs = [leg(from, -amount), leg(to, amount)];
        fc.pre(reasonOf(kind, legs) === null);
        const mirror = legs.map((entry) => ({ ...entry, amount: amountOf(-entry.amount) as Amount }));
        expect(reasonOf('reversal', mirror, ANN)).toBeNull();
        expect(reasonOf('reversal', mirror)).toContain('cites');
        expect(reasonOf(kind, legs, ANN)).toContain('cites');
      }),
    );
  });
});

test('only the paper book is reset', () => {
  const legs = [leg('customer', -5), leg('client_money_bank', 5)];
  expect(misfit({ kind: 'reset', book: 'live', legs })).toContain('paper');
  expect(misfit({ kind: 'reset', book: 'paper', legs })).toBeNull();
});

test('the chart has every role in one circle or the other', () => {
  const own = ROLES.filter((role) => HOUSE_CHART[role].part === 'own');
  expect([...CLIENT_MONEY_ROLES, ...own].sort()).toEqual([...ROLES].sort());
});

test('the page for bookkeepers shows the chart and the kinds as they are', () => {
  const page = readFileSync(join(import.meta.dir, '../../../docs/howto/keep-the-books.md'), 'utf8');
  const rows = [
    ...Object.entries(HOUSE_CHART).map(([role, { what, per, part }]) => [role, what, per, part]),
    ...Object.entries(JOURNAL_KINDS).map(([kind, { what, shapes }]) => [
      kind,
      what,
      shapes.map((one) => one.what).join('; '),
    ]),
  ];
  for (const [name = '', ...texts] of rows) {
    const line = page.split('\n').find((text) => text.startsWith(`| \`${name}\` |`));
    expect(texts.filter((text) => !(line ?? '').includes(text))).toEqual([]);
  }
});
