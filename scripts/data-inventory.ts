/**
 * `bun scripts/data-inventory.ts [--check]`: writes docs/compliance/data-inventory.md from the schema and the
 * inventories beside it. With `--check` it writes nothing and exits 1 where the page is not in step.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allDomains } from '../src/domains.ts';
import { inventoryPage } from '../src/platform/db/inventory.ts';
import { platformInventory } from '../src/platform/db/platform-inventory.ts';

const path = join(import.meta.dir, '..', 'docs', 'compliance', 'data-inventory.md');
const page = inventoryPage([...platformInventory, ...allDomains.flatMap((domain) => domain.inventory ?? [])]);

if (process.argv.includes('--check')) {
  const written = await readFile(path, 'utf8').catch(() => '');
  if (written !== page) {
    console.error('docs/compliance/data-inventory.md is not in step: run bun scripts/data-inventory.ts');
    process.exit(1);
  }
} else {
  await writeFile(path, page);
}
