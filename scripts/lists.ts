/**
 * `bun run lists import KIND FILE…`: imports a screening list from files in its official format. The
 * files of a kind are given in the order of its parts (OFAC: primary, aliases, addresses).
 */
import { readFileSync } from 'node:fs';
import { eq } from 'drizzle-orm';
import { createList, FORMATS_OF, importList, type ListKind, partsOf } from '../src/domains/aml/index.ts';
import { screeningLists } from '../src/domains/aml/schema.ts';
import type { Ctx } from '../src/platform/context.ts';
import { withSystem } from './open-system.ts';

const [verb, kindText = '', ...paths] = process.argv.slice(2);
const format = Object.hasOwn(FORMATS_OF, kindText) ? FORMATS_OF[kindText as ListKind][0] : undefined;
const parts = format === undefined ? [] : partsOf(format);
if (verb !== 'import' || format === undefined || paths.length !== parts.length) {
  const kinds = Object.entries(FORMATS_OF).map(
    ([name, [first]]) =>
      `  bun run lists import ${name} ${partsOf(first)
        .map((part) => part.toUpperCase())
        .join(' ')}`,
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
    `Active: ${version.entityCount} entries (${version.addedCount} added, ${version.changedCount} changed, ${version.removedCount} removed, ${version.heldCount} held)\n`,
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
