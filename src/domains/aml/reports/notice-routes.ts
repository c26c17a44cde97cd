import { z } from '@hono/zod-openapi';
import { pageOf, pageQuery } from '../../../platform/http/cursor.ts';
import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { PLATFORM_PROBLEMS } from '../../../platform/http/problems.ts';
import { idInput } from '../../../platform/http/wire.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, OFFICERS, READERS } from '../operation.ts';
import {
  dayParam,
  HolidayDecision,
  HolidayList,
  HolidayQuery,
  NilReport,
  Notice,
  NoticeDetails,
  NoticeDraft,
  NoticeQuery,
  NoticeSent,
  ReportApproval,
} from './api.ts';
import { createNilReport } from './create-nil-report.ts';
import { listHolidays } from './holidays.ts';
import { getNotice, listNotices } from './notice-store.ts';
import { setHoliday } from './set-holiday.ts';
import { draftNotice, sendNotice } from './write-notice.ts';

const params = z.object({ id: idInput });

export const noticeEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'listBusinessHolidays',
    method: 'get',
    path: '/v1/aml/holidays',
    summary: 'Days that do not count for the time to report, and the years nobody has planned',
    access: { staff: READERS },
    query: z.strictObject(HolidayQuery),
    responses: { 200: HolidayList },
    handler: async (ctx, { query: { year } }) => {
      const { data, yearsWithoutMovableDays } = await listHolidays(ctx, year);
      return { status: 200, body: { data, yearsWithoutMovableDays: [...yearsWithoutMovableDays] } };
    },
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'setBusinessHoliday',
    method: 'put',
    path: '/v1/aml/holidays/{day}',
    summary: 'Ask that a day counts, or does not count, for the time to report; another person decides',
    access: { staff: OFFICERS, stepUp: true },
    params: z.object({ day: dayParam }),
    body: HolidayDecision,
    example: { name: 'Divali', observed: true, reason: 'Government Gazette of this year' },
    responses: { 202: ReportApproval },
    problems: pickProblems(PLATFORM_PROBLEMS, 'approval_pending_exists'),
    handler: async (ctx, { params: { day }, body }) => ({
      status: 202,
      body: { approval: await setHoliday(ctx, { day, ...body }) },
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'listSanctionsNotices',
    method: 'get',
    path: '/v1/aml/sanctions-notices',
    summary: 'Notices about sanctions to the authorities, newest first',
    access: { staff: READERS },
    query: z.strictObject({ ...pageQuery, ...NoticeQuery }),
    responses: { 200: pageOf(Notice) },
    handler: async (ctx, { query }) => ({ status: 200, body: await listNotices(ctx, query) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'createSanctionsNilReport',
    method: 'post',
    path: '/v1/aml/sanctions-notices',
    summary: 'Write down that a run over everybody found nobody, to be sent with its figures',
    access: { staff: OFFICERS },
    body: NilReport,
    example: { runId: '0199c4b2-7d4e-7c11-9a6b-3f3c55d0a001' },
    responses: { 201: Notice },
    problems: {
      ...pickProblems(
        AML_PROBLEMS,
        'run_not_finished',
        'run_not_over_everybody',
        'run_found_matches',
        'nil_report_exists',
      ),
      ...pickProblems(PLATFORM_PROBLEMS, 'not_found'),
    },
    handler: async (ctx, { body }) => ({ status: 201, body: await createNilReport(ctx, body.runId) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'getSanctionsNotice',
    recordsReads: true,
    method: 'get',
    path: '/v1/aml/sanctions-notices/{id}',
    summary: 'A notice with what it says; every look is recorded',
    access: { staff: READERS },
    params,
    responses: { 200: NoticeDetails },
    handler: async (ctx, { params: { id } }) => ({ status: 200, body: await getNotice(ctx, id) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'draftSanctionsNotice',
    method: 'patch',
    path: '/v1/aml/sanctions-notices/{id}',
    summary: 'Write what a notice says; what the person has goes with it',
    access: { staff: OFFICERS },
    params,
    body: NoticeDraft,
    example: { text: 'The customer is entry QDi.001 of the list; all funds are frozen.' },
    responses: { 200: NoticeDetails },
    problems: pickProblems(AML_PROBLEMS, 'notice_sent'),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await draftNotice(ctx, id, body.text),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'sendSanctionsNotice',
    method: 'post',
    path: '/v1/aml/sanctions-notices/{id}/send',
    summary: 'Say that a notice was sent, when, and what the authorities call it',
    access: { staff: OFFICERS, stepUp: true },
    params,
    body: NoticeSent,
    example: { reference: 'NSS/2026/118', sentAt: '2026-01-31T09:30:00Z' },
    responses: { 200: Notice },
    problems: pickProblems(
      AML_PROBLEMS,
      'notice_sent',
      'notice_not_drafted',
      'sent_at_invalid',
      'reference_taken',
    ),
    handler: async (ctx, { params: { id }, body }) => ({
      status: 200,
      body: await sendNotice(ctx, id, body),
    }),
  }),
];
