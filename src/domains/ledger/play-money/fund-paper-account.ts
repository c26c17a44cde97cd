import { sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { type Amount, amountOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { type Account, accountsByIds } from '../../accounts/index.ts';
import { lockGates } from '../../identity/index.ts';
import { LEDGER_EVENTS } from '../audit.ts';
import { refuseLedger } from '../errors.ts';
import { type LockedWallet, lockWallets } from '../lock-wallets.ts';
import { postJournals } from '../post-journals.ts';
import { assets } from '../schema.ts';
import { customerWallet, houseWallet } from '../wallets.ts';
import { fullnessRefusal, fundingRefusal } from './rules.ts';

/** What a paper account was given, and what its wallet holds with it. */
export type PlayMoneyGiven = {
  readonly accountId: Id;
  readonly book: 'paper';
  readonly asset: string;
  readonly amount: Amount;
  readonly total: Amount;
  readonly journalId: Id;
  readonly bookedAt: Instant;
};

const DAY_MS = 86_400_000;

/**
 * Gives a paper account of the caller play money in its base currency. It comes from a wallet of the house in the book
 * of paper, one for each account, and no journal, transfer, order or payout leads out of that book (I13). The gate's lock
 * holds the account's status too.
 * @effects one journal `reset` of the book `paper`; perhaps two rows of `wallets`; audit `paper_account.funded`; event
 *   `ledger.paper_account_funded`
 * @errors not_found, account_not_paper, account_restricted, account_not_active, unknown_asset, amount_too_precise,
 *   wallet_not_active, play_money_given_often, play_money_exceeded
 */
export async function fundPaperAccount(
  ctx: Ctx,
  { accountId, amount }: { readonly accountId: Id; readonly amount: Amount },
): Promise<PlayMoneyGiven> {
  const userId = present(personOf(ctx.actor), 'a customer is a person');
  return transact(ctx, 'engine', async (tx) => {
    const gate = (await lockGates(tx, [userId])).get(userId);
    const account = (await accountsByIds(tx, [accountId])).get(accountId);
    const asset = await assetOf(tx, account);
    const refusal = fundingRefusal({ userId, account, gate, asset, amount });
    if (refusal !== null) {
      throw refusal === 'not_found' ? refuse('not_found') : refuseLedger(refusal);
    }
    const funded = present(account, 'it is the account of the caller');
    const { own, house } = await lockBoth(tx, ctx, funded);
    const full = fullnessRefusal({ ...own, fundingsOfDay: await fundingsOfDay(tx, ctx, own.id) }, amount);
    if (full !== null) {
      throw refuseLedger(full);
    }
    const given: PlayMoneyGiven = {
      accountId,
      book: 'paper',
      asset: own.asset,
      amount,
      total: amountOf(own.total + amount),
      journalId: newId(),
      bookedAt: ctx.deps.clock.now(),
    };
    await postJournals(tx, ctx, [
      {
        id: given.journalId,
        book: 'paper',
        kind: 'reset',
        referenceType: 'account',
        referenceId: accountId,
        description: 'Play money for a paper account',
        entries: [
          { walletId: house.id, amount: amountOf(-amount) },
          { walletId: own.id, amount },
        ],
      },
    ]);
    await tell(tx, ctx, userId, given);
    return given;
  });
}

async function assetOf(tx: Tx, account: Account | undefined) {
  if (account === undefined) {
    return undefined;
  }
  const [asset] = await tx.select().from(assets).where(sql`${assets.code} = ${account.baseCurrency}`);
  return asset;
}

/** Makes the wallets where they are missing, and locks them. */
async function lockBoth(
  tx: Tx,
  ctx: Ctx,
  { id: accountId, userId, baseCurrency: asset }: Account,
): Promise<{ readonly own: LockedWallet; readonly house: LockedWallet }> {
  const owner = { userId, accountId, book: 'paper' } as const;
  const own = await customerWallet(tx, ctx, owner, asset);
  const name = { role: 'clearing', reference: `account ${accountId}`, book: 'paper', asset } as const;
  const house = await houseWallet(tx, ctx, name);
  const locked = await lockWallets(tx, [own.id, house.id]);
  return {
    own: present(locked.get(own.id), 'the wallet was just made'),
    house: present(locked.get(house.id), 'the wallet was just made'),
  };
}

async function fundingsOfDay(tx: Tx, ctx: Ctx, walletId: Id): Promise<number> {
  const since = addMs(ctx.deps.clock.now(), -DAY_MS);
  const [row] = await tx.execute<{ fundings: number }>(sql`
    select count(*)::int as fundings from ledger_entries
    where wallet_id = ${walletId} and booked_at > ${since}::timestamptz and kind = 'reset' and amount > 0`);
  return present(row, 'a count gives one row').fundings;
}

async function tell(tx: Tx, ctx: Ctx, userId: Id, given: PlayMoneyGiven): Promise<void> {
  const { accountId, asset, amount, journalId } = given;
  await record(tx, ctx, {
    event: LEDGER_EVENTS['paper_account.funded'],
    resource: { type: 'account', id: accountId },
    subjectUserId: userId,
    after: given,
  });
  await publish(tx, ctx, [
    {
      type: 'ledger.paper_account_funded',
      userId,
      accountId,
      customerVisible: true,
      data: { accountId, asset, amount, journalId },
    },
  ]);
}
