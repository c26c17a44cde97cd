/**
 * `bun run reconcile [--json]`: proves the books from their entries. Exit code 0 when nothing is
 * broken, 1 when something is, 2 on wrong use.
 */

import { reconcile } from '../src/domains/ledger/index.ts';
import { allDomains } from '../src/domains.ts';
import { withSystem } from './open-system.ts';
import { reconcileTable } from './reconcile-table.ts';

const flags = process.argv.slice(2);
if (flags.some((flag) => flag !== '--json')) {
  process.stderr.write('Usage: bun run reconcile [--json]\n');
  process.exit(2);
}

await withSystem('reconcile', async ({ ctx }) => {
  const report = await reconcile(
    ctx,
    allDomains.flatMap((domain) => domain.checks),
  );
  process.stdout.write(flags.includes('--json') ? `${JSON.stringify(report)}\n` : reconcileTable(report));
  return report.status === 'clean' ? 0 : 1;
});
