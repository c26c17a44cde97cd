import { z } from '@hono/zod-openapi';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { AML_OPERATION, READERS } from '../operation.ts';
import { comparisonQuery, VendorComparison, VendorRequestView } from './api.ts';
import { compareAssessments } from './compare-assessments.ts';
import { compareVendors } from './compare-vendors.ts';
import { listAssessments } from './list-assessments.ts';
import { listVendorResults } from './list-vendor-results.ts';
import { AssessmentComparison, AssessmentQuery, AssessmentRequestView } from './monitoring-api.ts';

/** What outside vendors say. */
export const vendorEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'getVendorComparison',
    method: 'get',
    path: '/v1/aml/vendor-comparison',
    summary: 'How often an outside vendor and we find the same',
    description:
      'Counts over the screenings the vendor was asked about since `from` and before `to`. A vendor that does not answer clears nobody and keeps nobody waiting.',
    access: { staff: READERS, scope: 'aml:read' },
    query: comparisonQuery,
    responses: { 200: VendorComparison },
    problems: {},
    handler: async (ctx, { query }) => ({ status: 200, body: await compareVendors(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listVendorResults',
    recordsReads: true,
    method: 'get',
    path: '/v1/aml/screenings/{id}/vendor-results',
    summary: 'What outside vendors say of a screening',
    access: { staff: READERS, scope: 'aml:read' },
    params: z.object({ id: idInput }),
    responses: { 200: z.object({ data: z.array(VendorRequestView) }).openapi('VendorRequestList') },
    problems: pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: { data: await listVendorResults(ctx, id) },
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'getMonitoringVendorComparison',
    method: 'get',
    path: '/v1/aml/monitoring-vendor-comparison',
    summary: 'How often an outside vendor and our monitoring rules find the same',
    description:
      'Counts over the activities the vendor was asked about since `from` and before `to`. A vendor that does not answer lets nothing pass and keeps nobody waiting.',
    access: { staff: READERS, scope: 'aml:read' },
    query: comparisonQuery,
    responses: { 200: AssessmentComparison },
    problems: {},
    handler: async (ctx, { query }) => ({ status: 200, body: await compareAssessments(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listMonitoringVendorResults',
    method: 'get',
    path: '/v1/aml/monitoring-vendor-results',
    summary: 'What outside vendors make of what customers did, newest first',
    access: { staff: READERS, scope: 'aml:read' },
    query: z.strictObject({ ...pageQuery, ...AssessmentQuery }),
    responses: { 200: pageOf(AssessmentRequestView) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listAssessments(ctx, query) }),
  }),
];
