import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of requests about orders: nothing is stored. */
export const TRADING_PROBLEMS = {
  unknown_symbol: { status: 422, title: 'No instrument has this symbol' },
  client_order_id_reused: {
    status: 409,
    title: 'The account has another order with this client order id',
  },
  order_not_open: { status: 409, title: 'The order is closed' },
  order_changed: { status: 409, title: 'More of the order has traded than the request knows' },
  order_not_replaceable: {
    status: 409,
    title: 'Orders that trade at once are not replaced',
  },
} as const satisfies ProblemTable;

/** Throws a refusal of trading. */
export const refuseTrading = refusals(TRADING_PROBLEMS);
