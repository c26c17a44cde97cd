/**
 * House wallets that a posting by hand names and that are not there yet. One person's request opens none: they are
 * made to look at the posting as it would be, unmade at once, and opened once another agreed: under the same ids, unless
 * a wallet of that name is there by then.
 */
import { inArray, sql } from 'drizzle-orm';
import type { Json } from '../../../kernel/canonical-json.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { HouseRole } from '../chart.ts';
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
 * Opens what two people agreed to. What they saw is the name: a wallet of the house is the only one of its role,
 * reference, asset and book, so that where another posting opened it meanwhile, that one is what they agreed to.
 * @shape which wallet is meant by an id of what was agreed to
 * @effects perhaps rows of `wallets`
 */
export async function openAgreed(tx: Tx, ctx: Ctx, { opens = [] }: Opening): Promise<(agreed: Id) => Id> {
  const opened = new Map<Id, Id>();
  for (const { id, ...house } of opens) {
    opened.set(id, (await houseWallet(tx, ctx, house, id)).id);
  }
  return (agreed) => opened.get(agreed) ?? agreed;
}
