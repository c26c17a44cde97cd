import { type Answer, ok, UnexpectedAnswer, until } from './client.ts';
import type { Journey, Step } from './journey.ts';
import { walletOf } from './journey-funding.ts';

export const tradingSteps: readonly Step[] = [
  {
    title: 'A market order trades at once against the demo market maker',
    run: async (journey) => {
      const order = await place(journey, 'market-buy', {
        side: 'buy',
        type: 'market',
        timeInForce: 'ioc',
        quantity: '0.01',
      });
      const filled = await settled(journey, order.id);
      if (filled.status !== 'filled') {
        throw new UnexpectedAnswer(
          `the order is ${filled.status} (${filled.rejectionReason ?? filled.cancelReason})`,
        );
      }
      return `bought ${filled.filledQuantity} BTC at ${filled.averageFillPrice}, fees ${filled.fees} USD`;
    },
  },
  {
    title: 'The units arrive with their lot, and nothing stays reserved',
    run: async (journey) => {
      const [btc, usd] = [await walletOf(journey, 'BTC'), await walletOf(journey, 'USD')];
      const { data: lots } = await ok(
        journey.customer.api.GET('/v1/accounts/{id}/lots', {
          params: { path: { id: journey.customer.accountId } },
        }),
      );
      if (btc.available !== '0.01' || usd.reserved !== '0' || lots.length === 0) {
        throw new UnexpectedAnswer(`BTC ${btc.available}, USD reserved ${usd.reserved}, ${lots.length} lots`);
      }
      return `0.01 BTC in ${lots.length} lot(s), ${usd.available} USD left`;
    },
  },
  {
    title: 'A limit order rests in the book and is cancelled',
    run: async (journey) => {
      const order = await place(journey, 'limit-sell', {
        side: 'sell',
        type: 'limit',
        timeInForce: 'gtc',
        quantity: '0.005',
        limitPrice: '61000',
      });
      await ok(
        journey.customer.api.DELETE('/v1/orders/{id}', { params: { path: { id: order.id } } }) as Promise<
          Answer<unknown>
        >,
      );
      const cancelled = await settled(journey, order.id);
      if (cancelled.status !== 'cancelled') {
        throw new UnexpectedAnswer(`the order is ${cancelled.status}`);
      }
      return 'cancelled, its reservation released';
    },
  },
  {
    title: 'Half of it is sold again, with a realised result',
    run: async (journey) => {
      const order = await place(journey, 'market-sell', {
        side: 'sell',
        type: 'market',
        timeInForce: 'ioc',
        quantity: '0.005',
      });
      const filled = await settled(journey, order.id);
      const { data: fills } = await ok(
        journey.customer.api.GET('/v1/fills', {
          params: { query: { accountId: journey.customer.accountId } },
        }),
      );
      const sold = fills.find((fill) => fill.orderId === order.id);
      return `sold ${filled.filledQuantity} BTC, realised ${sold?.realisedPnl ?? '0'} USD`;
    },
  },
  {
    title: 'An order beyond the balance is rejected, and kept as such',
    run: async (journey) => {
      const order = await place(journey, 'overdraw', {
        side: 'buy',
        type: 'limit',
        timeInForce: 'gtc',
        quantity: '1',
        limitPrice: '59000',
      });
      if (order.status !== 'rejected' || order.rejectionReason !== 'insufficient_funds') {
        throw new UnexpectedAnswer(`the order is ${order.status} (${order.rejectionReason})`);
      }
      return `rejected: ${order.rejectionReason}`;
    },
  },
];

type Instruction = {
  readonly side: 'buy' | 'sell';
  readonly type: 'market' | 'limit';
  readonly timeInForce: 'gtc' | 'ioc';
  readonly quantity: string;
  readonly limitPrice?: string;
};

function place(journey: Journey, label: string, instruction: Instruction) {
  return ok(
    journey.customer.api.POST('/v1/orders', {
      params: { header: { 'Idempotency-Key': `journey-${journey.runId}-${label}` } },
      body: { accountId: journey.customer.accountId, symbol: 'BTC/USD', ...instruction },
    }),
  );
}

/** The order once it is closed. */
function settled(journey: Journey, id: string) {
  return until('settlement', async () => {
    const order = await ok(journey.customer.api.GET('/v1/orders/{id}', { params: { path: { id } } }));
    return order.closedAt === null ? undefined : order;
  });
}
