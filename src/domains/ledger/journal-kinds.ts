/**
 * The kinds of journals and the entries each must have. Pure. A kind has one shape or several; a journal
 * fits when every wallet it takes from and every wallet it gives to is named by one of them, and none that
 * the shape needs is missing. Beside the shapes two rules hold for all kinds: the firm's own wallets balance among themselves (so that money
 * crosses to client money only through both bank accounts), and a person's debt is touched only together
 * with that person's own wallets or the house's. It is asked before each posting, and again by reconcile
 * over all that was ever posted; what a shape needs is asked of new postings alone.
 */
import type { Amount } from '../../kernel/amount.ts';
import { HOUSE_CHART, type HouseRole, rolesOf } from './chart.ts';
import type { journalKind } from './schema.ts';

export type JournalKind = (typeof journalKind.enumValues)[number];

/** Whose wallet a leg is: a customer's, or one of the house chart. */
export type Party = 'customer' | HouseRole;

export type Shape = {
  readonly what: string;
  readonly from: readonly Party[];
  readonly to: readonly Party[];
  /** Beside what it may have, what it must: one of each list. */
  readonly needs: readonly (readonly Side[])[];
};

export type KindRow = {
  readonly what: string;
  /** Whether people may post it, two of them; the others are posted by the domain that owns the event. */
  readonly byHand: boolean;
  readonly shapes: readonly Shape[];
};

const PLACES = rolesOf('held', 'in_transit');
const STAKES = rolesOf('stake');
const HOUSE = Object.keys(HOUSE_CHART) as HouseRole[];
const ANYBODY: readonly Party[] = ['customer', ...HOUSE];

export const JOURNAL_KINDS: Readonly<Record<JournalKind, KindRow>> = {
  deposit: {
    what: 'money or units came in from outside',
    byHand: false,
    shapes: [
      shape('received', [...PLACES], ['customer', 'unallocated_receipts', 'suspense', 'fees_earned']),
      shape('allocated', ['unallocated_receipts', 'suspense'], ['customer', 'fees_earned']),
    ],
  },
  withdrawal: {
    what: 'money or units left to outside',
    byHand: false,
    shapes: [
      shape(
        'paid',
        ['customer', 'unallocated_receipts', 'suspense'],
        [...PLACES, 'fees_earned'],
        [PLACES.map((place): Side => `+${place}`)],
      ),
    ],
  },
  trade: {
    what: 'units against money between two sides, with their fees',
    byHand: false,
    shapes: [
      shape(
        'exchanged',
        ['customer', 'market_maker', 'rounding'],
        ['customer', 'market_maker', 'fees_earned', 'rounding'],
      ),
      shape('with a venue', ['customer', 'clearing'], ['customer', 'clearing', 'fees_earned']),
    ],
  },
  fee: {
    what: 'a fee of the firm, or one given back',
    byHand: true,
    shapes: [
      shape(
        'charged',
        ['customer'],
        ['fees_earned', 'taxes_withheld'],
        [['+fees_earned', '+taxes_withheld']],
      ),
      shape('given back', ['fees_earned', 'taxes_withheld'], ['customer'], [['-fees_earned']]),
    ],
  },
  transfer: {
    what: 'the same money or units in another place',
    byHand: true,
    shapes: [
      shape('between accounts', ['customer'], ['customer']),
      shape('between places', PLACES, PLACES),
      shape('tax paid', ['taxes_withheld'], ['client_money_bank']),
      shape('sweep', [...STAKES, 'clearing', 'firm_account'], ['client_money_bank', 'custody', 'firm_money']),
      shape(
        'made good',
        ['client_money_bank', 'custody', 'firm_money'],
        [...STAKES, 'clearing', 'receivable', 'firm_account'],
      ),
      shape('of the firm', ['firm_money', 'firm_account'], ['firm_money', 'firm_account']),
    ],
  },
  conversion: {
    what: 'one asset for another at a quoted rate, against the house',
    byHand: false,
    shapes: [
      shape(
        'converted',
        ['customer', 'fx_position', 'rounding'],
        ['customer', 'fx_position', 'fees_earned', 'rounding'],
        [['-customer'], ['+customer'], ['-fx_position'], ['+fx_position']],
      ),
    ],
  },
  pnl: {
    what: 'profit and loss of contracts',
    byHand: false,
    shapes: [
      shape('lost', ['customer'], ['clearing', 'fees_earned']),
      shape('won', ['clearing'], ['customer', 'fees_earned']),
      // What a wallet could not pay is the firm's debt to client money, never a client's.
      shape('borne by the firm', ['receivable'], ['clearing']),
    ],
  },
  funding: {
    what: 'the cost of carrying contracts',
    byHand: false,
    shapes: [
      shape('paid', ['customer'], ['clearing', 'fees_earned']),
      shape('received', ['clearing'], ['customer']),
      shape('borne by the firm', ['receivable'], ['clearing']),
    ],
  },
  margin: {
    what: 'margin settled with the counterparty of contracts',
    byHand: false,
    shapes: [shape('posted', ['customer'], ['clearing']), shape('returned', ['clearing'], ['customer'])],
  },
  dividend: {
    what: 'dividends and coupons: gross in, tax withheld, net to the holders',
    byHand: true,
    shapes: [
      shape('received', PLACES, ['dividends_payable', 'taxes_withheld'], [['+dividends_payable']]),
      shape('withheld', ['dividends_payable'], ['taxes_withheld']),
      shape('paid to holders', ['dividends_payable'], ['customer', 'taxes_withheld'], [['+customer']]),
      shape('received and paid', PLACES, ['customer', 'taxes_withheld'], [['+customer']]),
    ],
  },
  interest: {
    what: 'interest on balances, credited or charged, with its rate and day count',
    byHand: true,
    shapes: [
      shape(
        'credited',
        ['client_money_bank', 'fees_earned'],
        ['customer', 'taxes_withheld', 'fees_earned'],
        [['+customer', '+fees_earned']],
      ),
      shape('charged', ['customer'], ['fees_earned']),
    ],
  },
  corporate_action: {
    what: 'units that split, merge or change their name; the lots keep cost and date',
    byHand: true,
    shapes: [
      shape(
        'units and cash in lieu',
        ['customer', 'custody', 'dividends_payable', 'client_money_bank', 'rounding'],
        ['customer', 'custody', 'taxes_withheld', 'rounding'],
        [['-customer', '+customer']],
      ),
    ],
  },
  adjustment: {
    what: 'a correction against the house, or the repayment of a debt',
    byHand: true,
    shapes: [shape('taken', ['customer'], HOUSE), shape('given', HOUSE, ANYBODY)],
  },
  reversal: {
    what: 'the undoing of one journal, which it cites',
    byHand: false,
    shapes: [shape('undone', ANYBODY, ANYBODY)],
  },
  reset: {
    what: 'play money that a paper account is given, or that ends with its generation',
    byHand: false,
    shapes: [shape('given or ended', ['customer', ...PLACES], ['customer', ...PLACES])],
  },
  write_off: {
    what: 'a debt or difference the firm bears',
    byHand: true,
    shapes: [
      shape('from fees', ['fees_earned'], ['receivable', 'rounding', 'suspense']),
      shape(
        'from the firm’s money',
        ['client_money_bank', 'firm_money'],
        ['receivable', 'rounding', 'suspense', 'firm_account'],
        [['-firm_money'], ['+firm_account']],
      ),
    ],
  },
};

/** What the rules need to know of a leg's wallet. */
export type LegWallet = {
  readonly userId: string | null;
  readonly houseRole: HouseRole | null;
  readonly houseReference: string | null;
  readonly book: 'live' | 'paper';
  readonly asset: string;
};

export type Leg = { readonly wallet: LegWallet; readonly amount: Amount };

export type Posted = {
  readonly kind: JournalKind;
  readonly book: 'live' | 'paper';
  readonly reversesId?: string | null;
  readonly legs: readonly Leg[];
};

/** Why a journal does not fit its kind; null where it does. Sums and balances are the database's. */
export function misfit(posted: Posted): string | null {
  const sides = posted.legs.map(sideOf);
  if (!fitsShape(posted.kind, sides)) {
    return `the wallets do not fit a journal of kind ${posted.kind}`;
  }
  if (!isWhole(posted.kind, sides)) {
    return `a wallet that a journal of kind ${posted.kind} must have is missing`;
  }
  if (posted.kind === 'reset' && posted.book !== 'paper') {
    return 'only the paper book is reset';
  }
  if ((posted.kind === 'reversal') !== (typeof posted.reversesId === 'string')) {
    return 'a reversal cites the journal it undoes, and nothing else does';
  }
  // Only the house's wallets can be the firm's own or a debtor's.
  return posted.legs.some(({ wallet }) => wallet.houseRole !== null)
    ? (mixesFirm(posted.legs) ?? mixesDebtors(posted.legs))
    : null;
}

/** A leg as the shapes see it: `-customer` takes from one, `+custody` gives to the other. */
export type Side = `${'-' | '+'}${Party}`;

/** Whether one of the kind's shapes names all the sides. */
export function fitsShape(kind: JournalKind, sides: readonly Side[]): boolean {
  return ALLOWED[kind].some((allowed) => sides.every((side) => allowed.has(side)));
}

/** Whether a shape that names all the sides has those it must have; asked of what is posted, not of what was. */
function isWhole(kind: JournalKind, sides: readonly Side[]): boolean {
  const { shapes } = JOURNAL_KINDS[kind];
  return shapes.some(
    ({ needs }, place) =>
      needs.every((oneOf) => oneOf.some((side) => sides.includes(side))) &&
      sides.every((side) => ALLOWED[kind][place]?.has(side)),
  );
}

function sideOf({ wallet, amount }: Leg): Side {
  const { from, to } = SIDES[wallet.houseRole ?? 'customer'];
  return amount < 0n ? from : to;
}

/** Written once: making the text anew for each leg, and hashing it, is most of what the shapes cost. */
const SIDES = Object.fromEntries(
  ANYBODY.map((party) => [party, { from: `-${party}`, to: `+${party}` }]),
) as Readonly<Record<Party, { readonly from: Side; readonly to: Side }>>;

function mixesFirm(legs: readonly Leg[]): string | null {
  const own = new Map<string, bigint>();
  for (const { wallet, amount } of legs) {
    if (wallet.houseRole !== null && HOUSE_CHART[wallet.houseRole].part === 'own') {
      own.set(wallet.asset, (own.get(wallet.asset) ?? 0n) + amount);
    }
  }
  return [...own.values()].some((sum) => sum !== 0n)
    ? 'the firm’s own wallets do not balance among themselves'
    : null;
}

function mixesDebtors(legs: readonly Leg[]): string | null {
  const debtors = legs.filter(({ wallet }) => wallet.houseRole === 'receivable');
  const foreign = debtors.some(({ wallet: debt }) =>
    legs.some(
      ({ wallet }) =>
        (wallet.userId !== null && wallet.userId !== debt.houseReference) ||
        (wallet.houseRole === 'receivable' && wallet.houseReference !== debt.houseReference),
    ),
  );
  return foreign ? 'a debt is settled with the money of its own debtor or of the firm only' : null;
}

const ALLOWED = Object.fromEntries(
  Object.entries(JOURNAL_KINDS).map(([kind, { shapes }]) => [
    kind,
    shapes.map(
      ({ from, to }) =>
        new Set<Side>([...from.map((party): Side => `-${party}`), ...to.map((party): Side => `+${party}`)]),
    ),
  ]),
) as unknown as Readonly<Record<JournalKind, readonly ReadonlySet<Side>[]>>;

function shape(
  what: string,
  from: readonly Party[],
  to: readonly Party[],
  needs: readonly (readonly Side[])[] = [],
): Shape {
  return { what, from, to, needs };
}
