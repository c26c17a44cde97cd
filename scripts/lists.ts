/**
 * `bun run lists import KIND FILE…`: imports a screening list from files in its official format. The
 * files of a kind are given in the order of its parts (OFAC: primary, aliases, addresses).
 */
import { readFileSync } from 'node:fs';
import { eq } from 'drizzle-orm';
import { createList, importList, LIST_PARTS, type ListKind } from '../src/domains/aml/index.ts';
import { screeningLists } from '../src/domains/aml/schema.ts';
import type { Ctx } from '../src/platform/context.ts';
import { withSystem } from './open-system.ts';

const [verb, kindText = '', ...paths] = process.argv.slice(2);
const parts = LIST_PARTS[kindText as ListKind];
if (verb !== 'import' || parts === undefined || paths.length !== parts.length) {
  const kinds = Object.entries(LIST_PARTS).flatMap(([name, needed]) =>
    needed === undefined
      ? []
      : [`  bun run lists import ${name} ${needed.map((part) => part.toUpperCase()).join(' ')}`],
  );
  process.stderr.write(`Usage:\n${kinds.join('\n')}\n`);
  process.exit(2);
}
const kind = kindText as ListKind;

await withSystem('lists', async ({ ctx }) => {
  const files = Object.fromEntries(
    parts.map((part, index) => [part, new Uint8Array(readFileSync(paths[index] ?? ''))]),
  );
  const version = await importList(ctx, await listOf(ctx), files);
  process.stdout.write(
    `Active: ${version.entityCount} entries (${version.addedCount} added, ${version.changedCount} changed, ${version.removedCount} removed)\n`,
  );
  return 0;
});

/** The first list of the kind, set up if there is none. */
async function listOf(ctx: Ctx): Promise<string> {
  const [known] = await ctx.deps.db.engine
    .select({ id: screeningLists.id })
    .from(screeningLists)
    .where(eq(screeningLists.kind, kind))
    .orderBy(screeningLists.id)
    .limit(1);
  return known?.id ?? (await createList(ctx, { kind, name: kind })).id;
}
