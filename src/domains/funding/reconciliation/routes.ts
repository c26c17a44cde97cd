import { z } from '@hono/zod-openapi';
import type { Role } from '../../../kernel/actor.ts';
import { ApprovalReason } from '../../../platform/approvals/api.ts';
import { pageOf } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { ApprovalRequested } from '../api.ts';
import { FUNDING_PROBLEMS } from '../errors.ts';
import {
  breakQuery,
  ChangeBreak,
  CustodyReport,
  CustodyReportDetail,
  CustodyReportFile,
  custodyReportsQuery,
  Reconciliation,
  ReconciliationBreak,
  ReconciliationBreakDetail,
  ReconciliationDetail,
  RunReconciliation,
  reportQuery,
  runsQuery,
} from './api.ts';
import { changeBreak } from './change-break.ts';
import { downloadReport } from './download-report.ts';
import { importCustodyReport } from './import-custody-report.ts';
import { MAX_CUSTODY_BYTES } from './parse-custody-report.ts';
import { runReconciliation } from './run-reconciliation.ts';
import { settleBreak } from './settle-break.ts';
import { signOffReconciliation } from './sign-off.ts';
import { getBreak, getCustodyReport, getRun, listBreaks, listCustodyReports, listRuns } from './store.ts';
import { voidCustodyReport } from './void-custody-report.ts';

const OPERATIONS = ['operations'] as const satisfies readonly Role[];
const LOOK_AFTER = ['operations', 'compliance_officer', 'mlro'] as const satisfies readonly Role[];
const READERS = [...LOOK_AFTER, 'auditor'] as const satisfies readonly Role[];

const params = z.object({ id: idInput });
const tag = 'funding';
const category = 'financial';
const scope = 'ledger:read';

const runs: readonly Endpoint[] = [
  endpoint({
    operationId: 'listReconciliations',
    method: 'get',
    path: '/v1/reconciliations',
    tag,
    summary: 'Reconciliations, newest first',
    access: { staff: READERS, scope },
    query: runsQuery,
    responses: { 200: pageOf(Reconciliation) },
    handler: async (ctx, { query: page }) => ({ status: 200, body: await listRuns(ctx, page) }),
  }),
  endpoint({
    operationId: 'runReconciliation',
    method: 'post',
    path: '/v1/reconciliations',
    inRecovery: true,
    tag,
    category,
    summary: 'Reconcile a business date',
    description:
      'Compares the books with themselves, with bank statements, with custody reports and with what clients are ' +
      'owed, on one snapshot, and answers when it is done. Yesterday unless a day is named. The same runs every day.',
    access: { staff: OPERATIONS },
    body: RunReconciliation,
    example: { businessDate: '2026-01-31' },
    responses: { 201: ReconciliationDetail },
    problems: pickProblems(FUNDING_PROBLEMS, 'business_date_in_future'),
    handler: async (ctx, { body }) => {
      const { id } = await runReconciliation(ctx, body);
      return { status: 201, body: await getRun(ctx, id) };
    },
  }),
  endpoint({
    operationId: 'getReconciliation',
    method: 'get',
    path: '/v1/reconciliations/{id}',
    tag,
    summary: 'One reconciliation with everything it found',
    access: { staff: READERS, scope },
    params,
    responses: { 200: ReconciliationDetail },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getRun(ctx, id) }),
  }),
  endpoint({
    operationId: 'signOffReconciliation',
    method: 'post',
    path: '/v1/reconciliations/{id}/sign-off',
    inRecovery: true,
    tag,
    category,
    summary: 'Sign a reconciliation, as the first or the second person',
    description:
      'The first person prepares (202 with the approval); the same call by another one reviews and signs (200). ' +
      'A critical break that nobody explained keeps it from being signed.',
    access: { staff: LOOK_AFTER, stepUp: true },
    params,
    body: ApprovalReason,
    example: { reason: 'Items traced to the statements' },
    responses: { 200: ReconciliationDetail, 202: ApprovalRequested },
    problems: {
      ...pickProblems(
        FUNDING_PROBLEMS,
        'reconciliation_without_position',
        'reconciliation_signed',
        'reconciliation_changed',
        'breaks_unexplained',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists', 'approval_expired', 'self_approval'),
    },
    handler: async (ctx, { params: { id }, body: { reason } }) => {
      const result = await signOffReconciliation(ctx, { runId: id, reason });
      return 'approval' in result
        ? { status: 202, body: result }
        : { status: 200, body: await getRun(ctx, id) };
    },
  }),
  endpoint({
    operationId: 'downloadReconciliationReport',
    method: 'get',
    path: '/v1/reconciliations/{id}/report',
    tag,
    category,
    summary: 'The report of a reconciliation',
    description:
      'CSV or PDF. The same bytes each time until the run is signed, and the same for good from then on; the audit ' +
      'log holds their SHA-256.',
    access: { staff: READERS, scope },
    params,
    query: reportQuery,
    responses: { 200: { binary: 'application/octet-stream' } },
    problems: pickProblems(FUNDING_PROBLEMS, 'reconciliation_without_position'),
    handler: async (ctx, { params: { id }, query: { format } }) => {
      const { bytes, name, sha256 } = await downloadReport(ctx, { runId: id, format });
      const headers = {
        'content-type': format === 'csv' ? 'text/csv; charset=utf-8' : 'application/pdf',
        'content-disposition': `attachment; filename="${name}"`,
        'content-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
      };
      return { status: 200, body: new Response(Buffer.from(bytes), { headers }) };
    },
  }),
];

const breaks: readonly Endpoint[] = [
  endpoint({
    operationId: 'listReconciliationBreaks',
    method: 'get',
    path: '/v1/reconciliation-breaks',
    tag,
    summary: 'What does not agree, newest first',
    access: { staff: READERS, scope },
    query: breakQuery,
    responses: { 200: pageOf(ReconciliationBreak) },
    handler: async (ctx, { query: page }) => ({ status: 200, body: await listBreaks(ctx, page) }),
  }),
  endpoint({
    operationId: 'getReconciliationBreak',
    method: 'get',
    path: '/v1/reconciliation-breaks/{id}',
    tag,
    summary: 'One break with its notes',
    access: { staff: READERS, scope },
    params,
    responses: { 200: ReconciliationBreakDetail },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getBreak(ctx, id) }),
  }),
  endpoint({
    operationId: 'changeReconciliationBreak',
    method: 'patch',
    path: '/v1/reconciliation-breaks/{id}',
    inRecovery: true,
    tag,
    category,
    summary: 'Give a break to somebody, or note what was found out',
    access: { staff: LOOK_AFTER },
    params,
    body: ChangeBreak,
    example: { note: 'The bank books the payout tomorrow' },
    ifMatch: true,
    responses: { 200: ReconciliationBreakDetail },
    problems: pickProblems(FUNDING_PROBLEMS, 'break_resolved', 'break_owner_unsuitable'),
    handler: async (ctx, { params: { id }, body }) => {
      await changeBreak(ctx, id, body);
      return { status: 200, body: await getBreak(ctx, id) };
    },
  }),
  ...(['explained', 'resolved'] as const).map((as) =>
    endpoint({
      operationId: as === 'explained' ? 'explainReconciliationBreak' : 'resolveReconciliationBreak',
      method: 'post',
      path: `/v1/reconciliation-breaks/{id}/${as === 'explained' ? 'explain' : 'resolve'}`,
      inRecovery: true,
      tag,
      category,
      summary: as === 'explained' ? 'Explain a break that stays for now' : 'End a break by hand',
      description:
        'A critical break asks another person (202 with the approval). An explained one is open again when its ' +
        'amount moves; one that was resolved and is still there comes back with its age.',
      access: { staff: LOOK_AFTER },
      params,
      body: ApprovalReason,
      example: { reason: 'The bank confirmed the payout of tomorrow' },
      responses: { 200: ReconciliationBreakDetail, 202: ApprovalRequested },
      problems: {
        ...pickProblems(FUNDING_PROBLEMS, 'break_resolved'),
        ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
      },
      handler: async (ctx, { params: { id }, body: { reason } }) => {
        const result = await settleBreak(ctx, { breakId: id, as, reason });
        return 'approval' in result
          ? { status: 202, body: result }
          : { status: 200, body: await getBreak(ctx, id) };
      },
    }),
  ),
];

const custody: readonly Endpoint[] = [
  endpoint({
    operationId: 'importCustodyReport',
    method: 'post',
    path: '/v1/custody-reports',
    inRecovery: true,
    tag,
    category,
    summary: 'Import what a custodian says it holds',
    description:
      'JSON `{custodian, asOf, holdings: [{asset, quantity}]}`, or CSV with the header `custodian,asOf,asset,quantity`. ' +
      '`houseRole` says whose units they are: clients’ (`custody`, where nothing is said) or the firm’s own ' +
      '(`firm_account`; in CSV a fifth column). `custodian` is the reference of the house’s wallets of that role, ' +
      '`asOf` the end of that day; what the report does not name is not held. It is taken whole or refused whole, and a refused file is kept with its reason. Until ' +
      'another person confirms that it is the custodian’s (`confirmationId`), it is `waiting` and no reconciliation ' +
      'sees it.',
    access: { staff: OPERATIONS },
    body: CustodyReportFile,
    bodyKind: 'raw',
    bodyTypes: ['application/json', 'text/csv'],
    reads: ['content-type'],
    maxBodyBytes: MAX_CUSTODY_BYTES,
    responses: { 201: CustodyReportDetail },
    problems: pickProblems(FUNDING_PROBLEMS, 'custody_report_malformed', 'custody_report_duplicate'),
    handler: async (ctx, { body, headers }) => {
      const format = headers['content-type']?.startsWith('text/csv') ? 'csv' : 'json';
      // A raw body is not parsed: it comes as the bytes that were sent.
      const { id } = await importCustodyReport(ctx, { bytes: body as unknown as Uint8Array, format });
      return { status: 201, body: await getCustodyReport(ctx, id) };
    },
  }),
  endpoint({
    operationId: 'listCustodyReports',
    method: 'get',
    path: '/v1/custody-reports',
    tag,
    summary: 'Custody reports, newest first, refused files included',
    access: { staff: READERS, scope },
    query: custodyReportsQuery,
    responses: { 200: pageOf(CustodyReport) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listCustodyReports(ctx, query) }),
  }),
  endpoint({
    operationId: 'getCustodyReport',
    method: 'get',
    path: '/v1/custody-reports/{id}',
    tag,
    summary: 'One custody report with its holdings',
    access: { staff: READERS, scope },
    params,
    responses: { 200: CustodyReportDetail },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getCustodyReport(ctx, id) }),
  }),
];

const custodyVoid = endpoint({
  operationId: 'voidCustodyReport',
  method: 'post',
  path: '/v1/custody-reports/{id}/void',
  inRecovery: true,
  tag,
  category,
  summary: 'Ask to give up a custody report that was wrongly imported',
  description:
    'Another person approves; then no reconciliation counts it any more, the report before it counts again, and the ' +
    'true one of that day can be imported. What was signed stays as it was signed.',
  access: { staff: OPERATIONS },
  params,
  body: ApprovalReason,
  example: { reason: 'The report was of another firm' },
  responses: { 202: ApprovalRequested },
  problems: {
    ...pickProblems(FUNDING_PROBLEMS, 'custody_report_not_counted'),
    ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
  },
  handler: async (ctx, { params: { id }, body: { reason } }) => ({
    status: 202,
    body: { approval: await voidCustodyReport(ctx, { reportId: id, reason }) },
  }),
});

export const reconciliationEndpoints: readonly Endpoint[] = [...runs, ...breaks, ...custody, custodyVoid];
