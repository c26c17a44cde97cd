/**
 * House wallets that a posting by hand names and that are not there yet. One person's request opens none: they are
 * made to look at the posting as it would be, unmade at once, and opened under the same ids once another agreed.
 */
import { inArray, sql } from 'drizzle-orm';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { HouseRole } from '../chart.ts';
import { refuseLedger } from '../errors.ts';
import type { Book } from '../post-journals.ts';
import { wallets } from '../schema.ts';
import { houseWallet } from '../wallets.ts';
import type { PostedWallets } from './manual-journal.ts';

type Unopened = {
  readonly id: Id;
  readonly role: HouseRole;
  readonly reference: string;
  readonly book: Book;
  readonly asset: string;
};

/** What an approval says of the wallets it would open; nothing where all are there. */
export type Opening = { readonly opens?: readonly Unopened[] | undefined };

/** Looks at a posting with every wallet it names, and leaves none behind that was not there. */
export async function withoutOpening<Seen extends { readonly found: PostedWallets }>(
  tx: Tx,
  look: () => Promise<Seen>,
): Promise<Seen & { readonly opening: { readonly [key: string]: Json } }> {
  await tx.execute(sql`savepoint unopened`);
  const seen = await look();
  await tx.execute(sql`rollback to savepoint unopened`);
  const ids = [...seen.found.keys()];
  const there = await tx.select({ id: wallets.id }).from(wallets).where(inArray(wallets.id, ids));
  const known = new Set(there.map(({ id }) => id));
  const opens = [...seen.found.values()].flatMap(({ id, houseRole, houseReference, book, asset }) =>
    known.has(id) || houseRole === null || houseReference === null
      ? []
      : [{ id, role: houseRole, reference: houseReference, book, asset }],
  );
  return { ...seen, opening: opens.length === 0 ? {} : { opens } };
}

/**
 * Opens what two people agreed to.
 * @effects perhaps rows of `wallets`
 * @errors journal_wallet_unknown where it was opened meanwhile: what was agreed to names another wallet
 */
export async function openAgreed(tx: Tx, ctx: Ctx, { opens = [] }: Opening): Promise<void> {
  for (const { id, ...house } of opens) {
    if ((await houseWallet(tx, ctx, house, id)).id !== id) {
      const name = `${house.role} ${house.reference} ${house.asset}`;
      throw refuseLedger('journal_wallet_unknown', {
        detail: `Another posting opened the wallet ${name} since this was asked for. Ask for this one again.`,
      });
    }
  }
}
