/**
 * A small language for ledger tests: what is done and what stands afterwards, in aligned columns.
 *
 *     post    deposit   ann.USD   +100    bank.USD  -100
 *     hold    ann.USD   30        h1
 *     wallet  ann.USD   100       30       70
 *     refuse  insufficient_funds  post trade ann.USD -80 bob.USD +80
 *
 * Names before the dot are customers, except `bank`, `custody` and `fees`, which are the house's;
 * `bank-other` is another bank.
 */
import { type Amount, formatAmount, parseAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { DomainError } from '../../../kernel/error.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Ciphertext } from '../../../platform/db/columns.ts';
import { sqlStateOf } from '../../../platform/db/errors.ts';
import { transact } from '../../../platform/db/transact.ts';
import { accounts } from '../../accounts/schema.ts';
import { users } from '../../identity/schema.ts';
import type { HouseRole } from '../chart.ts';
import { captureHold, createHold, releaseHold } from '../holds.ts';
import type { JournalKind } from '../journal-kinds.ts';
import { type NewJournal, postJournals, type Wallet } from '../post-journals.ts';
import { assets } from '../schema.ts';
import { customerWallet, houseWallet } from '../wallets.ts';

const HOUSE: Readonly<Record<string, HouseRole>> = {
  bank: 'client_money_bank',
  custody: 'custody',
  fees: 'fees_earned',
};

export type LedgerTable = {
  /** Runs a script; throws with the line that did not hold. */
  readonly run: (script: string) => Promise<void>;
  readonly wallet: (name: string) => Promise<Wallet>;
  readonly accountOf: (customer: string) => Promise<{ readonly userId: Id; readonly accountId: Id }>;
};

/** A ledger with the assets USD and BTC, and customers as they are named. */
export async function startLedgerTable(ctx: Ctx): Promise<LedgerTable> {
  await ctx.deps.db.engine
    .insert(assets)
    .values([
      { code: 'USD', name: 'US dollar', kind: 'fiat', scale: 2, createdAt: ctx.deps.clock.now() },
      { code: 'BTC', name: 'Bitcoin', kind: 'crypto', scale: 8, createdAt: ctx.deps.clock.now() },
    ])
    .onConflictDoNothing();
  const people = new Map<string, { readonly userId: Id; readonly accountId: Id }>();
  const holds = new Map<string, Id>();
  const accountOf = async (customer: string) => {
    const known = people.get(customer) ?? (await openAccount(ctx));
    people.set(customer, known);
    return known;
  };
  const wallet = (name: string): Promise<Wallet> =>
    transact(ctx, 'engine', async (tx) => {
      const [owner = '', asset = ''] = name.split('.');
      const [houseName = '', reference = 'main'] = owner.split('-');
      const role = HOUSE[houseName];
      return role === undefined
        ? customerWallet(tx, ctx, { ...(await accountOf(owner)), book: 'live' }, asset)
        : houseWallet(tx, ctx, { role, reference, book: 'live', asset });
    });
  const step = (words: readonly string[]) => runStep({ ctx, wallet, holds }, words);
  return {
    wallet,
    accountOf,
    run: async (script) => {
      for (const line of script.split('\n').map((text) => text.trim())) {
        if (line !== '') {
          await step(line.split(/\s+/)).catch((error: unknown) => {
            throw new Error(`${line}: ${error instanceof Error ? error.message : String(error)}`);
          });
        }
      }
    },
  };
}

type State = {
  readonly ctx: Ctx;
  readonly wallet: (name: string) => Promise<Wallet>;
  readonly holds: Map<string, Id>;
};

async function runStep(state: State, words: readonly string[]): Promise<void> {
  const [verb = '', ...rest] = words;
  switch (verb) {
    case 'post':
      await inTransaction(state.ctx, async (tx) =>
        postJournals(tx, state.ctx, [await journalOf(state, rest)]),
      );
      return;
    case 'hold':
      return hold(state, rest);
    case 'release':
      await inTransaction(state.ctx, (tx) => releaseHold(tx, state.ctx, holdOf(state, rest[0])));
      return;
    case 'capture':
      await inTransaction(state.ctx, (tx) =>
        captureHold(
          tx,
          state.ctx,
          holdOf(state, rest[0]),
          rest[1] === undefined ? undefined : parseAmount(rest[1]),
        ),
      );
      return;
    case 'wallet':
      return expectWallet(state, rest);
    case 'refuse':
      return expectRefusal(state, rest);
    default:
      throw new Error(`no such verb: ${verb}`);
  }
}

async function hold(state: State, [name = '', amount = '', label = '']: readonly string[]): Promise<void> {
  const { id } = await state.wallet(name);
  const created = await inTransaction(state.ctx, (tx) =>
    createHold(tx, state.ctx, {
      walletId: id,
      amount: parseAmount(amount),
      reason: 'withdrawal',
      referenceType: 'test',
      referenceId: newId(),
    }),
  );
  state.holds.set(label, created.id);
}

async function journalOf(state: State, [kind = '', ...legs]: readonly string[]): Promise<NewJournal> {
  const entries: { walletId: Id; amount: Amount }[] = [];
  for (let index = 0; index < legs.length; index += 2) {
    const { id } = await state.wallet(legs[index] ?? '');
    entries.push({ walletId: id, amount: parseAmount((legs[index + 1] ?? '').replace('+', '')) });
  }
  return {
    book: 'live',
    kind: kind as JournalKind,
    referenceType: 'test',
    referenceId: newId(),
    description: 'A posting of a test',
    entries,
  };
}

async function expectWallet(state: State, [name = '', ...wanted]: readonly string[]): Promise<void> {
  const wallet = await state.wallet(name);
  const found = [wallet.total, wallet.reserved, wallet.available ?? 0n].map(formatAmount);
  if (wanted.some((text, index) => text !== found[index])) {
    throw new Error(`found total ${found[0]}, reserved ${found[1]}, available ${found[2]}`);
  }
}

async function expectRefusal(state: State, [code = '', ...words]: readonly string[]): Promise<void> {
  try {
    await runStep(state, words);
  } catch (error) {
    const found = error instanceof DomainError ? error.code : sqlStateOf(error);
    if (found === code) {
      return;
    }
    throw new Error(`refused with ${found ?? String(error)}`);
  }
  throw new Error('was not refused');
}

function holdOf(state: State, label: string | undefined): Id {
  return present(state.holds.get(label ?? ''), 'the hold was made in this script');
}

function inTransaction<Result>(ctx: Ctx, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return transact(ctx, 'engine', work);
}

/** The ledger needs an owner with an account, not what identity makes of one. */
async function openAccount(ctx: Ctx): Promise<{ readonly userId: Id; readonly accountId: Id }> {
  const [userId, accountId] = [newId(), newId()];
  const now = ctx.deps.clock.now();
  const sealed = new Uint8Array([1]) as Ciphertext;
  await ctx.deps.db.engine.insert(users).values({
    id: userId,
    email: sealed,
    emailIndex: ctx.deps.keyring.blindIndex('users.email', userId),
    profile: sealed,
    status: 'active',
    createdAt: now,
    updatedAt: now,
  });
  await ctx.deps.db.engine.insert(accounts).values({
    id: accountId,
    userId,
    type: 'live',
    name: 'Test',
    baseCurrency: 'USD',
    status: 'active',
    createdAt: now,
    updatedAt: now,
  });
  return { userId, accountId };
}
