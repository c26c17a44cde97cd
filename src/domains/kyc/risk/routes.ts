import { z } from '@hono/zod-openapi';
import { ApprovalReason, ApprovalView } from '../../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { IDENTITY_PROBLEMS } from '../../identity/index.ts';
import { KYC_PROBLEMS } from '../errors.ts';
import { READERS, REVIEWERS } from '../operation.ts';
import {
  NewRating,
  NewRiskMatrix,
  RatingLowering,
  RiskMatrixFile,
  RiskMatrixView,
  RiskRating,
  RiskSimulation,
} from './api.ts';
import { draftMatrix, getMatrix, listMatrices, requestActivation } from './matrices.ts';
import { RELEASED_MATRIX } from './matrix.ts';
import { listRatings, raiseRating, requestLowering } from './raise-rating.ts';
import { getSimulation, requestSimulation } from './simulate.ts';

const params = z.object({ id: idInput });
const RATING = { tag: 'kyc', category: 'compliance', restricted: true } as const;
const EXAMPLE_USER = '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001';
const AskedActivation = z.object({ approval: ApprovalView }).openapi('KycRiskMatrixApproval');
const AskedLowering = z.object({ approval: ApprovalView }).openapi('KycRiskLoweringApproval');

/** How customers are rated: matrices, their trial on everybody, and the ratings themselves. */
export const riskEndpoints: readonly Endpoint[] = [
  endpoint({
    ...RATING,
    operationId: 'listKycRiskMatrices',
    method: 'get',
    path: '/v1/kyc/risk-matrices',
    summary: 'Every risk matrix, newest first',
    access: { staff: READERS },
    responses: { 200: z.object({ data: z.array(RiskMatrixView) }).openapi('KycRiskMatrixList') },
    handler: async (ctx) => ({ status: 200, body: { data: [...(await listMatrices(ctx))] } }),
  }),
  endpoint({
    ...RATING,
    operationId: 'createKycRiskMatrix',
    method: 'post',
    path: '/v1/kyc/risk-matrices',
    summary: 'Draft a risk matrix; it rates nobody yet',
    access: { staff: REVIEWERS },
    body: NewRiskMatrix,
    example: {
      content: { ...RELEASED_MATRIX, bands: { medium: 28, high: 65, prohibited: 95 } },
      reason: 'More customers of medium risk',
    },
    responses: { 201: RiskMatrixView },
    problems: pickProblems(KYC_PROBLEMS, 'matrix_unchanged'),
    handler: async (ctx, { body }) => ({ status: 201, body: await draftMatrix(ctx, body) }),
  }),
  endpoint({
    ...RATING,
    operationId: 'getKycRiskMatrix',
    method: 'get',
    path: '/v1/kyc/risk-matrices/{id}',
    summary: 'A risk matrix, and how many customers it has yet to rate',
    access: { staff: READERS },
    params,
    responses: { 200: RiskMatrixFile },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getMatrix(ctx, id) }),
  }),
  endpoint({
    ...RATING,
    operationId: 'simulateKycRiskMatrix',
    method: 'post',
    path: '/v1/kyc/risk-matrices/{id}/simulate',
    summary: 'Try a draft on every customer',
    description: 'A job does it; nobody’s rating changes. The simulation says how far it is.',
    access: { staff: REVIEWERS },
    params,
    responses: { 202: RiskSimulation },
    problems: {
      ...pickProblems(KYC_PROBLEMS, 'matrix_not_draft', 'risk_simulation_running'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { params: { id } }) => ({ status: 202, body: await requestSimulation(ctx, id) }),
  }),
  endpoint({
    ...RATING,
    operationId: 'getKycRiskSimulation',
    method: 'get',
    path: '/v1/kyc/risk-simulations/{id}',
    summary: 'How far a simulation is and what it found',
    access: { staff: READERS },
    params,
    responses: { 200: RiskSimulation },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getSimulation(ctx, id) }),
  }),
  endpoint({
    ...RATING,
    operationId: 'activateKycRiskMatrix',
    method: 'post',
    path: '/v1/kyc/risk-matrices/{id}/activate',
    summary: 'Ask for a draft to be put in force; a second person decides',
    description:
      'It takes a simulation against the matrix in force that is not older than a week. Every customer is rated anew afterwards.',
    access: { staff: REVIEWERS, stepUp: true },
    params,
    body: ApprovalReason,
    example: { reason: 'The simulation moves nobody to a lower level' },
    responses: { 202: AskedActivation },
    problems: {
      ...pickProblems(KYC_PROBLEMS, 'matrix_not_draft', 'risk_simulation_missing'),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found', 'approval_pending_exists'),
    },
    handler: async (ctx, { params: { id }, body }) => ({
      status: 202,
      body: { approval: await requestActivation(ctx, id, body.reason) },
    }),
  }),
  endpoint({
    ...RATING,
    operationId: 'listKycRiskRatings',
    recordsReads: true,
    method: 'get',
    path: '/v1/kyc/ratings',
    summary: 'How a customer was rated, newest first, with what each score is made of',
    access: { staff: READERS },
    query: z.strictObject({ ...pageQuery, userId: idInput }),
    responses: { 200: pageOf(RiskRating) },
    problems: pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    handler: async (ctx, { query }) => ({ status: 200, body: await listRatings(ctx, query) }),
  }),
  endpoint({
    ...RATING,
    operationId: 'raiseKycRiskRating',
    method: 'post',
    path: '/v1/kyc/ratings',
    summary: 'Hold a customer’s score at least this high',
    description: 'Stays until two people take it back. Nobody can set a score below the matrix’s own.',
    access: { staff: REVIEWERS },
    body: NewRating,
    example: { userId: EXAMPLE_USER, score: 70, reason: 'Adverse press that no list holds yet' },
    responses: { 201: RiskRating },
    problems: {
      ...pickProblems(KYC_PROBLEMS, 'not_rated', 'rating_not_higher'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: await raiseRating(ctx, body) }),
  }),
  endpoint({
    ...RATING,
    operationId: 'lowerKycRiskRating',
    method: 'post',
    path: '/v1/kyc/ratings/lower',
    summary: 'Ask for a raised score to be taken back; a second person decides',
    access: { staff: REVIEWERS, stepUp: true },
    body: RatingLowering,
    example: { userId: EXAMPLE_USER, reason: 'The press was about a namesake' },
    responses: { 202: AskedLowering },
    problems: {
      ...pickProblems(KYC_PROBLEMS, 'not_rated', 'rating_not_raised'),
      ...pickProblems(IDENTITY_PROBLEMS, 'self_action'),
      ...pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    },
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await requestLowering(ctx, body) },
    }),
  }),
];
