import { type Endpoint, endpoint, pickProblems } from '../../../platform/http/endpoint.ts';
import { AML_PROBLEMS } from '../errors.ts';
import { AML_OPERATION, READERS } from '../operation.ts';
import { annualReportCsv, getAnnualReport } from './annual-report.ts';
import { getDashboard } from './dashboard.ts';
import { AnnualReportBody, annualParams, annualQuery, Dashboard } from './figures-api.ts';

/** What whoever answers for AML sees at a glance, and tells once a year. */
export const figureEndpoints: readonly Endpoint[] = [
  endpoint({
    ...AML_OPERATION,
    operationId: 'getAmlDashboard',
    method: 'get',
    path: '/v1/aml/dashboard',
    summary: 'The state of AML at a glance',
    description: 'Counts of now, which name nobody. Closings are those of the last 90 days.',
    access: { staff: READERS, scope: 'aml:read' },
    responses: { 200: Dashboard },
    problems: {},
    handler: async (ctx) => ({ status: 200, body: await getDashboard(ctx) }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'getAmlAnnualReport',
    method: 'get',
    path: '/v1/aml/annual-report/{year}',
    summary: 'The figures of a year',
    description:
      'Counts that name nobody, over a calendar year in the firm’s time zone, of what was written down by `until`; without it, by a minute ago. The same year and `until` give the same figures and the same SHA-256 for good, and the audit log holds each that was made.',
    access: { staff: READERS, scope: 'aml:read' },
    params: annualParams,
    query: annualQuery,
    responses: { 200: AnnualReportBody },
    problems: pickProblems(AML_PROBLEMS, 'annual_report_ahead'),
    handler: async (ctx, { params: { year }, query: { until } }) => ({
      status: 200,
      body: await getAnnualReport(ctx, { year, until }),
    }),
  }),
  endpoint({
    ...AML_OPERATION,
    operationId: 'downloadAmlAnnualReport',
    method: 'get',
    path: '/v1/aml/annual-report/{year}/file',
    summary: 'The figures of a year as CSV',
    description: 'What `GET /v1/aml/annual-report/{year}` gives, with the same SHA-256 in it, as a table.',
    access: { staff: READERS, scope: 'aml:read' },
    params: annualParams,
    query: annualQuery,
    responses: { 200: { binary: 'text/csv' } },
    problems: pickProblems(AML_PROBLEMS, 'annual_report_ahead'),
    handler: async (ctx, { params: { year }, query: { until } }) => {
      const csv = annualReportCsv(await getAnnualReport(ctx, { year, until }));
      const headers = {
        'content-type': 'text/csv; charset=utf-8',
        'content-disposition': `attachment; filename="aml-annual-report-${year}.csv"`,
      };
      return { status: 200, body: new Response(Buffer.from(csv), { headers }) };
    },
  }),
];
