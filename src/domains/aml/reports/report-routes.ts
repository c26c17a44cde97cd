import { z } from '@hono/zod-openapi';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { escalateCase } from '../cases/escalate-case.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import {
  NewReport,
  Report,
  ReportCheck,
  ReportDecision,
  ReportDetails,
  ReportFiling,
  ReportPatch,
  ReportQuery,
} from './api.ts';
import { decideReport, fileReport, validateReport } from './decide-report.ts';
import { amendReport, replaceReport, withdrawReport } from './draft-report.ts';
import { editReport } from './edit-report.ts';
import { readReportDocument } from './read-report-document.ts';
import { getReport, listReports, reportView } from './report-store.ts';

const params = z.object({ id: idInput });
const TOO_MUCH = pickProblems(AML_PROBLEMS, 'report_too_long', 'report_activity_unknown');

export const reportEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'listAmlReports',
    method: 'get',
    path: '/v1/aml/reports',
    summary: 'Reports of suspicions to the FIU, newest first',
    description: 'Each is begun with the suspicion of its case, and is due by the calendar of Mauritius.',
    access: { staff: READERS },
    query: z.strictObject({ ...pageQuery, ...ReportQuery }),
    responses: { 200: pageOf(Report) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listReports(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'createAmlReport',
    method: 'post',
    path: '/v1/aml/reports',
    summary: 'Begin the report of a case, which makes the case suspicious',
    description:
      'The same as the escalation of the case, which answers with the case: a suspicion is formed once, and its ' +
      'report is begun with it. What was filed is corrected or added to by an amendment.',
    access: { staff: OFFICERS },
    body: NewReport,
    example: {
      caseId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001',
      reason: 'Payments in and out within hours, without a trade',
    },
    responses: { 201: Report },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'case_closed', 'case_escalated', 'case_closing', 'suspicion_at_invalid'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body: { caseId, ...suspicion } }) => ({
      status: 201,
      body: reportView((await escalateCase(ctx, caseId, suspicion)).report),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'getAmlReport',
    recordsReads: true,
    method: 'get',
    path: '/v1/aml/reports/{id}',
    summary: 'A report with what it says and what happened to it; every look is recorded',
    access: { staff: READERS },
    params,
    responses: { 200: ReportDetails },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getReport(ctx, id) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'editAmlReport',
    method: 'patch',
    path: '/v1/aml/reports/{id}',
    summary: 'Change what a report says; it has to be checked again',
    access: { staff: OFFICERS },
    params,
    body: ReportPatch,
    example: {
      reasons: ['no_economic_purpose'],
      indicators: ['STRUCT'],
      narrative: 'Payments in and out within hours, without a trade',
      selection: { from: '2026-01-01T00:00:00Z', to: '2026-01-31T23:59:59Z' },
    },
    responses: { 200: Report },
    problems: pickProblems(AML_PROBLEMS, 'report_decided'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: reportView(await editReport(ctx, id, body)),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'validateAmlReport',
    method: 'post',
    path: '/v1/aml/reports/{id}/validate',
    summary: 'Write the document of a report, read it back and say what is wrong with it',
    description: 'Checked are structure, order and form; the XSD of the FIU is the FIU’s to check.',
    access: { staff: OFFICERS },
    params,
    responses: { 200: ReportCheck },
    problems: { ...pickProblems(AML_PROBLEMS, 'report_decided'), ...TOO_MUCH },
    handler: async (ctx, { params: { id } }) => {
      const { report, findings } = await validateReport(ctx, id);
      return { status: 200, body: { report: reportView(report), findings: [...findings] } };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'decideAmlReport',
    method: 'post',
    path: '/v1/aml/reports/{id}/decide',
    summary: 'Decide to file a report that is whole, or with reasons not to file it',
    description: 'Whoever wrote any of a report does not decide on it.',
    access: { staff: ['mlro'], stepUp: true },
    params,
    body: ReportDecision,
    example: { decision: 'file', reason: 'The pattern has no lawful explanation' },
    responses: { 200: Report },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'report_decided', 'report_own_work', 'report_not_ready'),
      ...TOO_MUCH,
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: reportView(await decideReport(ctx, id, body)),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'readAmlReportDocument',
    recordsReads: true,
    method: 'get',
    path: '/v1/aml/reports/{id}/goaml.xml',
    summary: 'The document of a report: what was decided on, or what would be filed as it stands',
    access: { staff: OFFICERS, stepUp: true },
    params,
    responses: { 200: { binary: 'application/xml' } },
    problems: TOO_MUCH,
    handler: async (ctx, { params: { id } }) => {
      const content = await readReportDocument(ctx, id);
      const headers = {
        'content-type': 'application/xml',
        'content-disposition': `attachment; filename="${id}.xml"`,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      };
      return { status: 200, body: new Response(content, { headers }) };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'submitAmlReport',
    method: 'post',
    path: '/v1/aml/reports/{id}/submit',
    summary: 'Say that a report was filed, when, and what the FIU calls it',
    access: { staff: OFFICERS, stepUp: true },
    params,
    body: ReportFiling,
    example: { fiuReference: 'FIU-2026-04711', filedAt: '2026-01-31T09:30:00Z' },
    responses: { 200: Report },
    problems: pickProblems(AML_PROBLEMS, 'report_not_approved', 'sent_at_invalid', 'reference_taken'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: reportView(await fileReport(ctx, id, body)),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'amendAmlReport',
    method: 'post',
    path: '/v1/aml/reports/{id}/amend',
    summary: 'Begin a report that corrects or adds to one that was filed',
    access: { staff: OFFICERS },
    params,
    responses: { 201: Report },
    problems: pickProblems(AML_PROBLEMS, 'report_not_filed', 'report_open'),
    handler: async (ctx, { params: { id } }) => ({
      status: 201,
      body: reportView(await amendReport(ctx, id)),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'replaceAmlReport',
    method: 'post',
    path: '/v1/aml/reports/{id}/replace',
    summary: 'Take back a report that the FIU did not take, and begin one in its place',
    access: { staff: OFFICERS },
    params,
    responses: { 201: Report },
    problems: pickProblems(AML_PROBLEMS, 'report_not_approved'),
    handler: async (ctx, { params: { id } }) => ({
      status: 201,
      body: reportView(await replaceReport(ctx, id)),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'withdrawAmlReport',
    method: 'post',
    path: '/v1/aml/reports/{id}/withdraw',
    summary: 'Give up an amendment that nobody decided on',
    access: { staff: OFFICERS },
    params,
    responses: { 200: Report },
    problems: pickProblems(AML_PROBLEMS, 'report_decided', 'report_only_amendments_withdrawn'),
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: reportView(await withdrawReport(ctx, id)),
    }),
  }),
];
