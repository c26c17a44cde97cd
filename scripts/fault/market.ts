/**
 * The market of the contract that the load trades: its price is the one set here, as a feed would, so that it moves
 * positions far enough for margin calls and liquidations. Where PostgreSQL is dead, it stays as it was.
 */
import { fundingDomain } from '../../src/domains/funding/index.ts';
import { allInstruments, setPriceSettings, setQuote } from '../../src/domains/markets/index.ts';
import { parseAmount } from '../../src/kernel/amount.ts';
import { present } from '../../src/kernel/assert.ts';
import { type Id, newId } from '../../src/kernel/id.ts';
import { type Ctx, machineCtx } from '../../src/platform/context.ts';
import type { Connection } from '../../src/platform/db/client.ts';
import { transact } from '../../src/platform/db/transact.ts';
import { fund } from '../../src/testing/trading-desk.ts';
import { depsOf } from './deps.ts';

export const CONTRACT = 'BTC/USD.M';

export type Market = {
  /** What was last asked for. */
  readonly price: () => string;
  readonly move: (price: string) => Promise<void>;
};

/** No price of this market is ever too old, or too far from the one before. */
const SETTINGS = { maxJumpBps: 10_000, staleAfterSeconds: 86_400, levelTicks: 5 } as const;
const START = '60000';

/** Lets this process price the contract. @effects a row of `price_settings` */
export async function openMarket(owner: () => Connection, dataDir: string): Promise<Market> {
  let price = START;
  const move = async (next: string): Promise<void> => {
    price = next;
    await withSystem(owner(), dataDir, async (ctx) => {
      await setQuote(ctx, { symbol: CONTRACT, last: parseAmount(next), source: 'fault' });
    });
  };
  await withSystem(owner(), dataDir, (ctx) =>
    transact(ctx, 'engine', async (tx) => {
      const listed = (await allInstruments(tx)).find(({ symbol }) => symbol === CONTRACT);
      const wanted = { ...SETTINGS, feed: 'simulator', feedSymbol: CONTRACT } as const;
      await setPriceSettings({ ...ctx, tx }, present(listed, 'the demo firm lists it'), wanted);
    }),
  );
  await move(START);
  return { price: () => price, move: (next) => move(next).catch(() => {}) };
}

/** Paper money: nobody deposits any. */
export async function fundPaper(
  owner: Connection,
  dataDir: string,
  { userId, accountId }: { readonly userId: Id; readonly accountId: Id },
): Promise<void> {
  await withSystem(owner, dataDir, async (ctx) => {
    await fund(ctx, { userId, accountId, book: 'paper' }, 'USD', '100000');
    await fund(ctx, { userId, accountId, book: 'paper' }, 'BTC', '1');
  });
}

/** One pass of the job that books confirmed statements, as another node of the firm would; a fault stops it anywhere. */
export async function bookStatements(owner: () => Connection, dataDir: string): Promise<void> {
  const job = present(
    fundingDomain.jobs?.find(({ name }) => name === 'funding.book-statements'),
    'statements are booked by a job',
  );
  await withSystem(owner(), dataDir, job.run).catch(() => {});
}

async function withSystem(
  owner: Connection,
  dataDir: string,
  work: (ctx: Ctx) => Promise<void>,
): Promise<void> {
  const deps = depsOf(owner, dataDir);
  try {
    await work(machineCtx(deps, { kind: 'system', name: 'fault' }, newId()));
  } finally {
    await deps.mail.stop();
    await deps.db.close();
  }
}
