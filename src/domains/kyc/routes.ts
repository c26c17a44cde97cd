import { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import type { Ctx } from '../../platform/context.ts';
import { pageOf, pageQuery } from '../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../platform/http/endpoint.ts';
import { idInput } from '../../platform/http/wire.ts';
import {
  Application,
  ApplicationFile,
  Document,
  Level,
  NEW_APPLICATION_EXAMPLE,
  NewApplication,
  Review,
  Upload,
} from './api.ts';
import { createApplication } from './create-application.ts';
import { decideApplication, type KycOutcome } from './decide-application.ts';
import { KYC_PROBLEMS } from './errors.ts';
import { getApplicationFile } from './get-application-file.ts';
import { readDocument } from './read-document.ts';
import { kycApplicationStatus } from './schema.ts';
import { listApplications, listLevels } from './store.ts';
import { submitApplication } from './submit-application.ts';
import { uploadDocument } from './upload-document.ts';

const REVIEWERS = ['compliance_officer', 'mlro'] as const satisfies readonly Role[];
const READERS = [...REVIEWERS, 'auditor'] as const satisfies readonly Role[];
const MAX_UPLOAD_BYTES = 10 * 1024 * 1024;

const params = z.object({ id: idInput });

export const kycEndpoints: readonly Endpoint[] = [
  endpoint({
    operationId: 'listKycLevels',
    method: 'get',
    path: '/v1/kyc/levels',
    tag: 'kyc',
    summary: 'The levels and the documents each needs',
    access: { customer: true, staff: READERS, scope: 'kyc:read' },
    responses: { 200: z.object({ data: z.array(Level) }).openapi('KycLevelList') },
    handler: async (ctx) => ({ status: 200, body: { data: await listLevels(ctx) } }),
  }),
  endpoint({
    operationId: 'listKycApplications',
    method: 'get',
    path: '/v1/kyc/applications',
    tag: 'kyc',
    summary: 'Applications, newest first; reviewers see the queue',
    access: { customer: true, staff: READERS, scope: 'kyc:read' },
    query: z.strictObject({ ...pageQuery, status: z.enum(kycApplicationStatus.enumValues).optional() }),
    responses: { 200: pageOf(Application) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listApplications(ctx, query) }),
  }),
  endpoint({
    operationId: 'createKycApplication',
    method: 'post',
    path: '/v1/kyc/applications',
    tag: 'kyc',
    summary: 'Begin an application',
    access: { customer: true, scope: 'kyc:write' },
    body: NewApplication,
    example: NEW_APPLICATION_EXAMPLE,
    responses: { 201: Application },
    problems: pickProblems(KYC_PROBLEMS, 'birth_date_implausible', 'level_unknown', 'application_open'),
    category: 'compliance',
    handler: async (ctx, { body }) => ({ status: 201, body: await createApplication(ctx, body) }),
  }),
  endpoint({
    operationId: 'getKycApplication',
    recordsReads: true,
    method: 'get',
    path: '/v1/kyc/applications/{id}',
    tag: 'kyc',
    summary: 'An application with its declaration and documents',
    access: { customer: true, staff: READERS, scope: 'kyc:read' },
    params,
    responses: { 200: ApplicationFile },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getApplicationFile(ctx, id) }),
  }),
  endpoint({
    operationId: 'uploadKycDocument',
    method: 'post',
    path: '/v1/kyc/applications/{id}/documents',
    tag: 'kyc',
    summary: 'Upload a document: PDF, JPEG or PNG, up to 10 MiB',
    access: { customer: true, scope: 'kyc:write' },
    params,
    body: Upload,
    bodyKind: 'multipart',
    maxBodyBytes: MAX_UPLOAD_BYTES,
    example: { type: 'passport', file: '(the file)', issuingCountry: 'MUS', expiresOn: '2031-05-01' },
    responses: { 201: Document },
    problems: pickProblems(
      KYC_PROBLEMS,
      'document_type_unsupported',
      'application_not_editable',
      'document_limit_reached',
    ),
    category: 'compliance',
    handler: async (ctx, { params: { id }, body }) => ({
      status: 201,
      body: await uploadDocument(ctx, id, body),
    }),
  }),
  endpoint({
    operationId: 'readKycDocument',
    recordsReads: true,
    method: 'get',
    path: '/v1/kyc/applications/{id}/documents/{docId}',
    tag: 'kyc',
    summary: 'The content of a document; every look is recorded',
    access: { staff: REVIEWERS },
    params: z.object({ id: idInput, docId: idInput }),
    responses: { 200: { binary: 'application/octet-stream' } },
    category: 'compliance',
    handler: async (ctx, { params: { id, docId } }) => {
      const { content, contentType } = await readDocument(ctx, id, docId);
      const headers = {
        'content-type': contentType,
        'content-disposition': `attachment; filename="${docId}"`,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      };
      return { status: 200, body: new Response(content, { headers }) };
    },
  }),
  endpoint({
    operationId: 'submitKycApplication',
    method: 'post',
    path: '/v1/kyc/applications/{id}/submit',
    tag: 'kyc',
    summary: 'Hand in an application',
    access: { customer: true, scope: 'kyc:write' },
    params,
    responses: { 200: Application },
    problems: pickProblems(KYC_PROBLEMS, 'application_not_editable', 'documents_missing'),
    category: 'compliance',
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await submitApplication(ctx, id) }),
  }),
  review('approveKycApplication', 'approve', 'Approve an application that is screened clear', 'approved'),
  review('rejectKycApplication', 'reject', 'Reject an application', 'rejected'),
  review(
    'requestKycResubmission',
    'request-resubmission',
    'Ask the applicant for other documents',
    'resubmission_required',
  ),
];

function review(operationId: string, verb: string, summary: string, outcome: KycOutcome): Endpoint {
  return endpoint({
    operationId,
    method: 'post',
    path: `/v1/kyc/applications/{id}/${verb}`,
    tag: 'kyc',
    summary,
    access: { staff: REVIEWERS, stepUp: true },
    params,
    body: Review,
    example: { reason: 'Passport and address verified against the originals' },
    responses: { 200: Application },
    problems: pickProblems(KYC_PROBLEMS, 'self_review', 'application_not_submitted', 'screening_not_clear'),
    category: 'compliance',
    restricted: true,
    handler: async (ctx: Ctx, { params: { id }, body }) => ({
      status: 200,
      body: await decideApplication(ctx, id, outcome, body.reason),
    }),
  });
}
