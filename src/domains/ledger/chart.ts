/**
 * The house chart: what each wallet of the house is, whose money lies in it and on which side of zero it
 * stands. Pure. By the signs of the ledger what is owed is positive, and where it lies is its negative.
 *
 * Client money is a closed circle: within every journal, and so over the whole book, the wallets of
 * customers and of the client-money pool sum to zero, and so do the firm's own. Money crosses from one to
 * the other only by a posting with four legs, two on each side: it leaves one bank account and reaches
 * another. Nobody can take the firm's money for clients' or clients' for the firm's by a wrong pair.
 */
import type { houseRole } from './schema.ts';

export type HouseRole = (typeof houseRole.enumValues)[number];

/**
 * What a house wallet is to the client-money position.
 * `held`: where client money and units lie. `in_transit`: with somebody who owes them to us. `owed`: to
 * persons other than a wallet of their own. `stake`: the firm's, lying in client money until it is moved.
 * `debt`: what one debtor owes. `own`: the firm's own, apart from client money.
 */
export type HousePart = 'held' | 'in_transit' | 'owed' | 'stake' | 'debt' | 'own';

export type HouseRow = {
  readonly part: HousePart;
  /** The side of zero the wallet keeps to; `either` where it may stand on both. */
  readonly sign: 'negative' | 'positive' | 'either';
  /** What `house_reference` tells apart. */
  readonly per: string;
  readonly what: string;
};

export const HOUSE_CHART: Readonly<Record<HouseRole, HouseRow>> = {
  client_money_bank: {
    part: 'held',
    sign: 'either',
    per: 'bank account',
    what: 'client money at a bank: the negative of its statement; above zero it is overdrawn',
  },
  custody: {
    part: 'held',
    sign: 'either',
    per: 'custodian',
    what: 'clients’ units with a custodian or on chain: the negative of its report',
  },
  clearing: {
    part: 'in_transit',
    sign: 'either',
    per: 'payment provider or counterparty',
    what: 'what a provider has taken and not paid over yet; what a venue delivers and is paid for what it executed; profit and loss of contracts',
  },
  unallocated_receipts: {
    part: 'owed',
    sign: 'positive',
    per: 'bank account',
    what: 'money received whose owner is not known yet',
  },
  suspense: {
    part: 'owed',
    sign: 'either',
    per: 'subject',
    what: 'differences under investigation, never the firm’s to take',
  },
  dividends_payable: {
    part: 'owed',
    sign: 'positive',
    per: 'event',
    what: 'dividends and coupons received for holders and not yet paid to them',
  },
  taxes_withheld: {
    part: 'owed',
    sign: 'positive',
    per: 'authority',
    what: 'tax taken from payments to holders, due to an authority',
  },
  fees_earned: {
    part: 'stake',
    sign: 'positive',
    per: 'line of business',
    what: 'fees collected that lie in client money until a sweep moves them to the firm',
  },
  fx_position: {
    part: 'stake',
    sign: 'either',
    per: 'desk',
    what: 'what conversions left the house long or short in a currency',
  },
  market_maker: {
    part: 'stake',
    sign: 'either',
    per: 'desk',
    what: 'what the house’s own market making has won or owes, settled with the firm’s money',
  },
  rounding: {
    part: 'stake',
    sign: 'either',
    per: 'source',
    what: 'dust below the last decimal',
  },
  receivable: {
    part: 'debt',
    sign: 'negative',
    per: 'debtor',
    what: 'what one person owes, or the firm itself; never netted with the money of another',
  },
  firm_money: {
    part: 'own',
    sign: 'either',
    per: 'purpose',
    what: 'what the firm owns: capital, swept fees, less its losses',
  },
  firm_account: {
    part: 'own',
    sign: 'either',
    per: 'bank account or custodian',
    what: 'where the firm’s own money and units lie: the negative of the statement',
  },
};

/** The roles of the house whose wallets belong to the client-money pool, together with customers’ own. */
export const CLIENT_MONEY_ROLES: readonly HouseRole[] = rolesOf(
  'held',
  'in_transit',
  'owed',
  'stake',
  'debt',
);

/** The roles of the house that play one of the parts. */
export function rolesOf(...parts: readonly HousePart[]): readonly HouseRole[] {
  return (Object.keys(HOUSE_CHART) as HouseRole[]).filter((role) => parts.includes(HOUSE_CHART[role].part));
}
