import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { Assignment } from '../alerts/api.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import {
  Case,
  CaseAlert,
  CaseClosing,
  CaseDetails,
  CaseEvent,
  CaseFile,
  CaseQuery,
  CaseSubject,
  CaseSuspicion,
  CaseUpload,
  caseView,
  NewCase,
} from './api.ts';
import { readCaseFile, uploadCaseFile } from './case-files.ts';
import { closeCase } from './close-case.ts';
import { createCase } from './create-case.ts';
import { escalateCase } from './escalate-case.ts';
import { getCase, listCases } from './store.ts';
import { addCaseAlert, addCaseEvent, addCaseSubject, assignCase } from './work-on-case.ts';

const MAX_UPLOAD_BYTES = 20 * 1024 * 1024;

const params = z.object({ id: idInput });

export const caseEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'listAmlCases',
    method: 'get',
    path: '/v1/aml/cases',
    summary: 'Cases, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject({ ...pageQuery, ...CaseQuery }),
    responses: { 200: pageOf(Case) },
    handler: async (ctx, { query }) => {
      const page = await listCases(ctx, query);
      return { status: 200, body: { ...page, data: page.data.map(caseView) } };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'createAmlCase',
    method: 'post',
    path: '/v1/aml/cases',
    summary: 'Open a case about a person, an alert, or nobody the firm serves',
    access: { staff: OFFICERS },
    body: NewCase,
    example: { kind: 'aml', severity: 'medium', userId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' },
    responses: { 201: Case },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'alert_resolved', 'self_review'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: caseView(await createCase(ctx, body)) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'getAmlCase',
    method: 'get',
    path: '/v1/aml/cases/{id}',
    summary: 'A case with its people, alerts, history and files',
    access: { staff: READERS, scope: 'aml:read' },
    params,
    responses: { 200: CaseDetails },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: caseView(await getCase(ctx, id)) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'assignAmlCase',
    method: 'post',
    path: '/v1/aml/cases/{id}/assign',
    summary: 'Give a case to somebody of compliance',
    access: { staff: OFFICERS },
    params,
    body: Assignment,
    example: { assigneeId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' },
    responses: { 200: Case },
    problems: pickProblems(AML_PROBLEMS, 'case_closed', 'assignee_unsuitable', 'self_review'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: caseView(await assignCase(ctx, id, body.assigneeId)),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'addAmlCaseEvent',
    method: 'post',
    path: '/v1/aml/cases/{id}/events',
    summary: 'Write something to a case, or say how far the work on it is; it stays in the history',
    description: 'A comment can also be written to a case that is closed.',
    access: { staff: OFFICERS },
    params,
    body: CaseEvent,
    example: { type: 'comment', text: 'Asked the bank for the statements of March' },
    responses: { 201: Case },
    problems: pickProblems(AML_PROBLEMS, 'case_closed', 'case_closing'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 201,
      body: caseView(await addCaseEvent(ctx, id, body)),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'addAmlCaseAlert',
    method: 'post',
    path: '/v1/aml/cases/{id}/alerts',
    summary: 'Make an open alert, and whom it is about, part of a case',
    access: { staff: OFFICERS },
    params,
    body: CaseAlert,
    example: { alertId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' },
    responses: { 200: Case },
    problems: pickProblems(AML_PROBLEMS, 'alert_resolved', 'case_closed', 'self_review'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: caseView(await addCaseAlert(ctx, id, body.alertId)),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'addAmlCaseSubject',
    method: 'post',
    path: '/v1/aml/cases/{id}/subjects',
    summary: 'Make somebody one of those a case is about',
    access: { staff: OFFICERS },
    params,
    body: CaseSubject,
    example: { userId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' },
    responses: { 200: Case },
    problems: pickProblems(AML_PROBLEMS, 'case_closed', 'self_review'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: caseView(await addCaseSubject(ctx, id, body.userId)),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'escalateAmlCase',
    method: 'post',
    path: '/v1/aml/cases/{id}/escalate',
    summary: 'Take a case to the MLRO as suspicious, and begin its report',
    description:
      'The time to report runs from now, or from `suspicionAt` where the suspicion was formed before: not before the ' +
      'case, and the alerts in it, began. It is written down once.',
    access: { staff: OFFICERS },
    params,
    body: CaseSuspicion,
    example: { reason: 'Payments in and out within hours, without a trade' },
    responses: { 200: Case },
    problems: pickProblems(
      AML_PROBLEMS,
      'case_closed',
      'case_escalated',
      'case_closing',
      'suspicion_at_invalid',
    ),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: caseView((await escalateCase(ctx, id, body)).found),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'closeAmlCase',
    method: 'post',
    path: '/v1/aml/cases/{id}/close',
    summary: 'Close a case; one that is grave or suspicious waits for a second person',
    access: { staff: OFFICERS, stepUp: true },
    params,
    body: CaseClosing,
    example: { disposition: 'unfounded', reason: 'The salary explains the payments' },
    responses: { 200: Case, 202: z.object({ approval: ApprovalView }).openapi('AmlCaseApproval') },
    problems: {
      ...pickProblems(AML_PROBLEMS, 'case_closed', 'case_closing', 'case_has_open_alerts', 'case_restricts'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => {
      const outcome = await closeCase(ctx, id, body);
      return 'found' in outcome
        ? { status: 200, body: caseView(outcome.found) }
        : { status: 202, body: { approval: outcome.approval } };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'uploadAmlCaseFile',
    method: 'post',
    path: '/v1/aml/cases/{id}/files',
    summary: 'Add a file to a case, up to 20 MiB',
    access: { staff: OFFICERS },
    params,
    body: CaseUpload,
    bodyKind: 'multipart',
    maxBodyBytes: MAX_UPLOAD_BYTES,
    example: { file: '(the file)' },
    responses: { 201: CaseFile },
    problems: pickProblems(AML_PROBLEMS, 'case_closed', 'case_file_limit_reached'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 201,
      body: await uploadCaseFile(ctx, id, body.file),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'readAmlCaseFile',
    recordsReads: true,
    method: 'get',
    path: '/v1/aml/cases/{id}/files/{fileId}',
    summary: 'The content of a file of a case; every look is recorded',
    access: { staff: READERS },
    params: z.object({ id: idInput, fileId: idInput }),
    responses: { 200: { binary: 'application/octet-stream' } },
    handler: async (ctx, { params: { id, fileId } }) => {
      const content = await readCaseFile(ctx, id, fileId);
      const headers = {
        // Whatever it is, it is kept and not shown in place.
        'content-type': 'application/octet-stream',
        'content-disposition': `attachment; filename="${fileId}"`,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      };
      return { status: 200, body: new Response(content, { headers }) };
    },
  }),
];
