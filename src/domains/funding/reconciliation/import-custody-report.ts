import { and, eq, ne, or } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { scaleOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { dayOf } from '../../../kernel/business-date.ts';
import { DomainError } from '../../../kernel/error.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';
import { seal } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { requireAsset } from '../../ledger/index.ts';
import { refuseFunding } from '../errors.ts';
import { RECONCILIATION_EVENTS } from './audit.ts';
import { lockCustodian, requestCustodyConfirmation } from './confirm-custody-report.ts';
import {
  type CustodyFormat,
  type CustodyReport,
  CustodyReportError,
  parseCustodyReport,
} from './parse-custody-report.ts';
import { custodyReportLines, custodyReports } from './schema.ts';

type ReportRow = typeof custodyReports.$inferSelect;
type ReportFile = { readonly bytes: Uint8Array; readonly fileHash: Uint8Array };

class Duplicate extends Error {
  override readonly name = 'Duplicate';
}

/**
 * Takes what a custodian says it holds: every line, or nothing. A refused file is kept with its reason. Custody is not
 * held against it yet: whoever sends a file could have written it, so that a second person confirms it first.
 * @effects one row of `custody_reports` and its lines, one row of `approvals`; audit `approval.requested` and
 *   `custody_report.imported`, or `custody_report.refused`
 * @errors custody_report_malformed, custody_report_duplicate
 */
export async function importCustodyReport(
  ctx: Ctx,
  input: { readonly bytes: Uint8Array; readonly format: CustodyFormat },
): Promise<ReportRow> {
  const file = { bytes: input.bytes, fileHash: sha256(input.bytes) };
  let parsed: CustodyReport | undefined;
  try {
    parsed = parseCustodyReport(input.bytes, input.format);
    const report = parsed;
    return await transact(ctx, 'engine', (tx) => keep(tx, ctx, file, report));
  } catch (error) {
    if (error instanceof CustodyReportError || error instanceof Duplicate) {
      const code = error instanceof Duplicate ? 'custody_report_duplicate' : 'custody_report_malformed';
      await keepRefused(ctx, file, parsed, { code, reason: error.message });
      throw refuseFunding(code, { detail: error.message });
    }
    throw error;
  }
}

async function keep(
  tx: Tx,
  ctx: Ctx,
  { bytes, fileHash }: ReportFile,
  report: CustodyReport,
): Promise<ReportRow> {
  const { firmName: legalEntity, clock, timeZone } = ctx.deps;
  await lockCustodian(tx, { legalEntity, custodian: report.custodian });
  if (report.asOf > dayOf(clock.now(), timeZone)) {
    throw new CustodyReportError('asOf: is a day that has not come');
  }
  await refuseDuplicate(tx, legalEntity, fileHash, report);
  for (const { asset: code, quantity } of report.holdings) {
    await requireHolding(tx, code, quantity);
  }
  const id = newId();
  const head = headOf(ctx, id, fileHash, report);
  const confirmation = await requestCustodyConfirmation(tx, ctx, head, report.holdings);
  const [row] = await tx
    .insert(custodyReports)
    .values({
      ...head,
      status: 'imported',
      standing: 'waiting',
      confirmationId: confirmation.id,
      content: seal(ctx.deps.keyring.house, custodyReportPlace(id), bytes),
    })
    .returning();
  if (report.holdings.length > 0) {
    await tx
      .insert(custodyReportLines)
      .values(report.holdings.map((holding) => ({ ...holding, id: newId(), reportId: id })));
  }
  const kept = present(row, 'the report was inserted');
  await record(tx, ctx, {
    event: RECONCILIATION_EVENTS['custody_report.imported'],
    resource: { type: 'custody_report', id },
    subjectUserId: null,
    after: kept,
  });
  return kept;
}

/** Units nobody knows cannot be compared, nor parts of them that do not exist. */
async function requireHolding(tx: Tx, code: string, quantity: CustodyReport['holdings'][number]['quantity']) {
  const asset = await requireAsset(tx, code).catch((error: unknown) => {
    throw error instanceof DomainError
      ? new CustodyReportError(`${code} is no asset that is known here`)
      : error;
  });
  if (scaleOf(quantity) > asset.scale) {
    throw new CustodyReportError(`the quantity of ${code} is finer than it can be divided`);
  }
}

async function refuseDuplicate(
  tx: Tx,
  legalEntity: string,
  fileHash: Uint8Array,
  { houseRole, custodian, asOf }: CustodyReport,
): Promise<void> {
  const [known] = await tx
    .select({ id: custodyReports.id })
    .from(custodyReports)
    .where(
      and(
        ne(custodyReports.standing, 'void'),
        or(
          eq(custodyReports.fileHash, fileHash),
          and(
            eq(custodyReports.legalEntity, legalEntity),
            eq(custodyReports.houseRole, houseRole),
            eq(custodyReports.custodian, custodian),
            eq(custodyReports.asOf, asOf),
          ),
        ),
      ),
    );
  if (known !== undefined) {
    throw new Duplicate(`imported already as ${known.id}`);
  }
}

/** In a transaction of its own: what was refused is evidence too. The file itself is kept once. */
async function keepRefused(
  ctx: Ctx,
  { bytes, fileHash }: ReportFile,
  report: CustodyReport | undefined,
  refusal: { readonly code: string; readonly reason: string },
): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const [same] = await tx
      .select({ id: custodyReports.id })
      .from(custodyReports)
      .where(eq(custodyReports.fileHash, fileHash))
      .limit(1);
    const id = newId();
    const [row] = await tx
      .insert(custodyReports)
      .values({
        ...headOf(ctx, id, fileHash, report),
        status: 'refused',
        standing: 'void',
        content: same === undefined ? seal(ctx.deps.keyring.house, custodyReportPlace(id), bytes) : null,
        refusalCode: refusal.code,
        refusal: refusal.reason,
      })
      .returning();
    await record(tx, ctx, {
      event: RECONCILIATION_EVENTS['custody_report.refused'],
      resource: { type: 'custody_report', id },
      subjectUserId: null,
      after: present(row, 'the refusal was inserted'),
    });
  });
}

function headOf(ctx: Ctx, id: Id, fileHash: Uint8Array, report: CustodyReport | undefined) {
  return {
    id,
    legalEntity: ctx.deps.firmName,
    fileHash,
    houseRole: report?.houseRole ?? ('custody' as const),
    custodian: report?.custodian ?? null,
    asOf: report?.asOf ?? null,
    lineCount: report?.holdings.length ?? 0,
    importedBy: actorIdOf(ctx.actor),
    importedAt: ctx.deps.clock.now(),
  };
}

/** What a report's sealed file is bound to. */
export function custodyReportPlace(rowId: Id) {
  return { table: 'custody_reports', column: 'content', rowId };
}
