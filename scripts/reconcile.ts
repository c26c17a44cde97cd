/**
 * `bun run reconcile [--rebuild] [--json]`: proves the books from their entries. `--rebuild` recomputes each
 * wallet from its entries alone, in this process, instead of asking the database to add up. Exit code 0 when
 * nothing is broken, 1 when something is, 2 on wrong use. What is broken raises the alarm `reconciliation.broken`.
 */

import { rebuild, reconcile } from '../src/domains/ledger/index.ts';
import { allDomains } from '../src/domains.ts';
import { withSystem } from './open-system.ts';
import { rebuildTable, reconcileTable } from './reconcile-table.ts';

const flags = process.argv.slice(2);
if (flags.some((flag) => flag !== '--json' && flag !== '--rebuild')) {
  process.stderr.write('Usage: bun run reconcile [--rebuild] [--json]\n');
  process.exit(2);
}

await withSystem('reconcile', async ({ ctx }) => {
  const asJson = flags.includes('--json');
  if (flags.includes('--rebuild')) {
    const rebuilt = await rebuild(ctx);
    process.stdout.write(asJson ? `${JSON.stringify(rebuilt)}\n` : rebuildTable(rebuilt));
    return rebuilt.breakCount === 0 ? 0 : 1;
  }
  const report = await reconcile(
    ctx,
    allDomains.flatMap((domain) => domain.checks),
  );
  process.stdout.write(asJson ? `${JSON.stringify(report)}\n` : reconcileTable(report));
  return report.status === 'clean' ? 0 : 1;
});
