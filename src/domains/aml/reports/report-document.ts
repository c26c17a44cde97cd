import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Finding } from './goaml/check-goaml.ts';
import { renderReport } from './goaml/render-report.ts';
import { sourcesOf } from './report-sources.ts';
import { keyOf, openContent, type SuspiciousReport } from './report-store.ts';

export type ReportFinding = {
  readonly path: string;
  readonly code: Finding['code'] | 'not_configured' | 'erased';
};

/** A report as it would be filed, and everything that is wrong with it. */
export type ReportDocument = {
  /** Empty where it could not be put together. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly transactionCount: number;
  readonly findings: readonly ReportFinding[];
};

const NOTHING = { bytes: new Uint8Array(), transactionCount: 0 };

/**
 * Puts the document of a report together and checks it as it was written.
 * @errors report_too_long, report_activity_unknown
 */
export async function documentOf(tx: Tx, ctx: Ctx, report: SuspiciousReport): Promise<ReportDocument> {
  const { goaml } = ctx.deps;
  const key = await keyOf(tx, ctx, report);
  if (goaml === null || key === undefined) {
    return { ...NOTHING, findings: [{ path: '/', code: goaml === null ? 'not_configured' : 'erased' }] };
  }
  const content = openContent(key, report);
  const sources = await sourcesOf(tx, ctx, goaml, report, content);
  const { bytes, findings } = await renderReport(sources);
  return {
    bytes,
    transactionCount: sources.activities.length,
    findings: [...unsaid(report, content.narrative), ...findings],
  };
}

/** What the firm demands of a report beside its structure. */
function unsaid({ reasons, editedBy }: SuspiciousReport, narrative: string): readonly ReportFinding[] {
  const missing: ReportFinding[] = [];
  if (reasons.length === 0) {
    missing.push({ path: '/reasons', code: 'missing' });
  }
  if (narrative.trim() === '' || editedBy === null) {
    missing.push({ path: '/report/reason', code: 'missing' });
  }
  return missing;
}
