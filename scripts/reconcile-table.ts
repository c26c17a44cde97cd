import type { RebuildReport, ReconcileReport } from '../src/domains/ledger/index.ts';

/** The report as a table for people. */
export function reconcileTable(report: ReconcileReport): string {
  const width = Math.max(...report.checks.map((check) => check.name.length));
  const lines = report.checks.flatMap((check) => [
    `${check.breaks.length === 0 ? 'ok   ' : 'BREAK'}  ${check.name.padEnd(width)}  ${String(check.seen).padStart(8)} seen  ${check.invariant}`,
    ...check.breaks.slice(0, 20).map((found) => `         ${found.object}: ${found.detail}`),
  ]);
  const verdict =
    report.breakCount === 0 ? 'No breaks.' : `${report.breakCount} break(s): the books do not hold.`;
  return `${lines.join('\n')}\n\n${verdict}\n`;
}

/** What the rebuild found, for people. */
export function rebuildTable(report: RebuildReport): string {
  const lines = report.breaks.map((found) => `BREAK  ${found.object}: ${found.detail}`);
  const verdict =
    report.breakCount === 0
      ? 'Every wallet holds what its entries say.'
      : `${report.breakCount} break(s): the wallets and their entries differ.`;
  return `${[...lines, `${report.wallets} wallets rebuilt from ${report.entries} entries.`].join('\n')}\n\n${verdict}\n`;
}
