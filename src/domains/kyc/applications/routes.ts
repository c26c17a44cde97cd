import { z } from '@hono/zod-openapi';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { Application, ApplicationFile, Level, NEW_APPLICATION_EXAMPLE, NewApplication } from '../api.ts';
import { createApplication } from '../create-application.ts';
import { KYC_PROBLEMS } from '../errors.ts';
import { getApplicationFile } from '../get-application-file.ts';
import { READERS } from '../operation.ts';
import { kycApplicationStatus } from '../schema.ts';
import { listApplications, listLevels } from '../store.ts';
import { submitApplication } from '../submit-application.ts';
import { addParty, removeParty } from './add-party.ts';
import { ApplicationEvent, ApplicationPatch } from './api.ts';
import { DeclarationMade, DeclarationView, NewDeclaration } from './declarations-api.ts';
import { declare } from './declare.ts';
import { NEW_PARTY_EXAMPLE, NewParty, PartyView } from './parties-api.ts';
import { listApplicationEvents, listDeclarations, listParties } from './read-parts.ts';
import { getRequirementSet, listRequirements, proposeRequirements } from './requirement-sets.ts';
import { NEW_REQUIREMENTS_EXAMPLE, NewRequirements, RequirementSet } from './requirements-api.ts';
import { updateApplication } from './update-application.ts';
import { withdrawApplication } from './withdraw-application.ts';

const params = z.object({ id: idInput });

export const applicationEndpoints: readonly Endpoint[] = [
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
    operationId: 'submitKycApplication',
    method: 'post',
    path: '/v1/kyc/applications/{id}/submit',
    tag: 'kyc',
    summary: 'Hand in an application',
    access: { customer: true, scope: 'kyc:write' },
    params,
    responses: { 200: Application },
    problems: pickProblems(
      KYC_PROBLEMS,
      'application_not_editable',
      'documents_missing',
      'parties_incomplete',
    ),
    category: 'compliance',
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await submitApplication(ctx, id) }),
  }),
  endpoint({
    operationId: 'updateKycApplication',
    method: 'patch',
    path: '/v1/kyc/applications/{id}',
    tag: 'kyc',
    summary: 'Change what is declared before it is handed in',
    access: { customer: true, scope: 'kyc:write' },
    params,
    body: ApplicationPatch,
    example: { level: 'standard' },
    ifMatch: true,
    responses: { 200: Application },
    problems: pickProblems(
      KYC_PROBLEMS,
      'birth_date_implausible',
      'application_not_editable',
      'not_a_legal_person',
    ),
    category: 'compliance',
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await updateApplication(ctx, id, body),
    }),
  }),
  endpoint({
    operationId: 'withdrawKycApplication',
    method: 'post',
    path: '/v1/kyc/applications/{id}/withdraw',
    tag: 'kyc',
    summary: 'Take back an application that is not decided',
    access: { customer: true, scope: 'kyc:write' },
    params,
    responses: { 200: Application },
    problems: pickProblems(KYC_PROBLEMS, 'application_not_withdrawable'),
    category: 'compliance',
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await withdrawApplication(ctx, id) }),
  }),
  endpoint({
    operationId: 'makeKycDeclaration',
    method: 'post',
    path: '/v1/kyc/applications/{id}/declarations',
    tag: 'kyc',
    summary: 'Declare something in a form of its own; the newest of a kind counts',
    access: { customer: true, scope: 'kyc:write' },
    params,
    body: NewDeclaration,
    example: { kind: 'tax_residence', content: { residences: [{ country: 'MUS', taxNumber: 'A1234567' }] } },
    responses: { 201: DeclarationMade },
    problems: pickProblems(KYC_PROBLEMS, 'application_not_editable', 'declaration_unsuitable'),
    category: 'compliance',
    handler: async (ctx, { params: { id }, body }) => ({
      status: 201,
      body: await declare(ctx, id, body.kind, body.content),
    }),
  }),
  endpoint({
    operationId: 'listKycDeclarations',
    recordsReads: true,
    method: 'get',
    path: '/v1/kyc/applications/{id}/declarations',
    tag: 'kyc',
    summary: 'What was declared in forms of their own, every revision',
    access: { customer: true, staff: READERS, scope: 'kyc:read' },
    params,
    responses: { 200: z.object({ data: z.array(DeclarationView) }).openapi('KycDeclarationList') },
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: { data: await listDeclarations(ctx, id) },
    }),
  }),
  endpoint({
    operationId: 'addKycParty',
    method: 'post',
    path: '/v1/kyc/applications/{id}/parties',
    tag: 'kyc',
    summary: 'Name somebody who directs, signs for or owns the legal person',
    access: { customer: true, scope: 'kyc:write' },
    params,
    body: NewParty,
    example: NEW_PARTY_EXAMPLE,
    responses: { 201: PartyView },
    problems: pickProblems(
      KYC_PROBLEMS,
      'application_not_editable',
      'not_a_legal_person',
      'party_limit_reached',
      'party_unknown',
    ),
    category: 'compliance',
    handler: async (ctx, { params: { id }, body }) => ({ status: 201, body: await addParty(ctx, id, body) }),
  }),
  endpoint({
    operationId: 'listKycParties',
    recordsReads: true,
    method: 'get',
    path: '/v1/kyc/applications/{id}/parties',
    tag: 'kyc',
    summary: 'Who stands behind the legal person',
    access: { customer: true, staff: READERS, scope: 'kyc:read' },
    params,
    responses: { 200: z.object({ data: z.array(PartyView) }).openapi('KycPartyList') },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: { data: await listParties(ctx, id) } }),
  }),
  endpoint({
    operationId: 'removeKycParty',
    method: 'delete',
    path: '/v1/kyc/applications/{id}/parties/{partyId}',
    tag: 'kyc',
    summary: 'Take back somebody who was named',
    access: { customer: true, scope: 'kyc:write' },
    params: z.object({ id: idInput, partyId: idInput }),
    responses: { 204: null },
    problems: pickProblems(KYC_PROBLEMS, 'application_not_editable', 'party_has_owners'),
    category: 'compliance',
    handler: async (ctx, { params: { id, partyId } }) => {
      await removeParty(ctx, id, partyId);
      return { status: 204 };
    },
  }),
  endpoint({
    operationId: 'listKycApplicationEvents',
    recordsReads: true,
    method: 'get',
    path: '/v1/kyc/applications/{id}/events',
    tag: 'kyc',
    summary: 'What happened to an application, oldest first',
    access: { customer: true, staff: READERS, scope: 'kyc:read' },
    params,
    responses: { 200: z.object({ data: z.array(ApplicationEvent) }).openapi('KycApplicationEventList') },
    handler: async (ctx, { params: { id } }) => ({
      status: 200,
      body: { data: await listApplicationEvents(ctx, id) },
    }),
  }),
  endpoint({
    operationId: 'listKycRequirements',
    method: 'get',
    path: '/v1/kyc/requirements',
    tag: 'kyc',
    summary: 'What the firm asks of applicants, by level, kind, nationality, risk and exposure',
    access: { staff: [...READERS, 'admin'] },
    responses: { 200: RequirementSet },
    handler: async (ctx) => ({ status: 200, body: await listRequirements(ctx) }),
  }),
  endpoint({
    operationId: 'getKycRequirementSet',
    method: 'get',
    path: '/v1/kyc/requirement-sets/{id}',
    tag: 'kyc',
    summary: 'A set of requirements as it was proposed',
    access: { staff: [...READERS, 'admin'] },
    params,
    responses: { 200: RequirementSet },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getRequirementSet(ctx, id) }),
  }),
  endpoint({
    operationId: 'proposeKycRequirements',
    method: 'post',
    path: '/v1/kyc/requirement-sets',
    tag: 'kyc',
    summary: 'Propose what applicants have to show from now on; another person puts it in force',
    access: { staff: ['compliance_officer', 'mlro', 'admin'], stepUp: true },
    body: NewRequirements,
    example: NEW_REQUIREMENTS_EXAMPLE,
    responses: { 202: z.object({ approval: ApprovalView }).openapi('KycRequirementsApproval') },
    problems: pickProblems(KYC_PROBLEMS, 'requirements_invalid'),
    category: 'compliance',
    handler: async (ctx, { body }) => ({
      status: 202,
      body: { approval: await proposeRequirements(ctx, body) },
    }),
  }),
];
