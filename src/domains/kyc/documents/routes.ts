import { z } from '@hono/zod-openapi';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { Document, Upload } from '../api.ts';
import { KYC_PROBLEMS } from '../errors.ts';
import { REVIEWERS } from '../operation.ts';
import { readDocument } from '../read-document.ts';
import { uploadDocument } from '../upload-document.ts';
import { removeDocument } from './remove-document.ts';

const MAX_UPLOAD_BYTES = 10 * 1024 * 1024;

const params = z.object({ id: idInput });

export const documentEndpoints: readonly Endpoint[] = [
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
    example: {
      type: 'passport',
      file: '(the file)',
      number: 'P1204917',
      issuingCountry: 'MUS',
      expiresOn: '2031-05-01',
    },
    responses: { 201: Document },
    problems: pickProblems(
      KYC_PROBLEMS,
      'document_type_unsupported',
      'document_content_refused',
      'mrz_invalid',
      'application_not_editable',
      'document_limit_reached',
      'document_party_unknown',
    ),
    category: 'compliance',
    handler: async (ctx, { params: { id }, body }) => ({
      status: 201,
      body: await uploadDocument(ctx, id, body),
    }),
  }),
  endpoint({
    operationId: 'removeKycDocument',
    method: 'delete',
    path: '/v1/kyc/applications/{id}/documents/{docId}',
    tag: 'kyc',
    summary: 'Take a document back before it is handed in',
    access: { customer: true, scope: 'kyc:write' },
    params: z.object({ id: idInput, docId: idInput }),
    responses: { 204: null },
    problems: pickProblems(KYC_PROBLEMS, 'application_not_editable', 'document_accepted'),
    category: 'compliance',
    handler: async (ctx, { params: { id, docId } }) => {
      await removeDocument(ctx, id, docId);
      return { status: 204 };
    },
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
];
