import { z } from '@hono/zod-openapi';
import { DECIMAL_PATTERN } from '../../../kernel/amount.ts';
import { ApprovalView } from '../../../platform/approvals/api.ts';
import { dayInput, idInput, instantInput, wireDecimal, wireId, wireOf } from '../../../platform/http/wire.ts';
import { CaseSuspicion } from '../cases/api.ts';
import { REPORT_REASONS, REPORT_STATUSES } from './report-rules.ts';
import { businessHolidays, sanctionsNotices, suspiciousReportEvents, suspiciousReports } from './schema.ts';

const words = (max: number) => z.string().trim().min(3).max(max);
const reference = z.string().trim().min(1).max(100);

const Holiday = wireOf(businessHolidays)
  .pick({ name: true, observed: true, source: true, approvalId: true, changedAt: true })
  .extend({ day: z.string().openapi({ format: 'date', example: '2026-11-08' }) })
  .openapi('BusinessHoliday');

export const HolidayList = z
  .object({
    data: z.array(Holiday),
    /** Nobody has entered the days that move: deadlines in these years come too early. */
    yearsWithoutMovableDays: z.array(z.number().int()),
  })
  .openapi('BusinessHolidayList');

export const HolidayQuery = {
  year: z
    .string()
    .regex(/^(19|20|21)\d{2}$/)
    .optional(),
};

export const HolidayDecision = z
  .strictObject({ name: words(100), observed: z.boolean(), reason: words(2000) })
  .openapi('BusinessHolidayDecision');

export const dayParam = dayInput;

export const ReportApproval = z.object({ approval: ApprovalView }).openapi('AmlReportApproval');

export const Notice = wireOf(sanctionsNotices)
  .pick({
    id: true,
    kind: true,
    caseId: true,
    confirmedAt: true,
    dueAt: true,
    status: true,
    runId: true,
    createdAt: true,
    draftedAt: true,
    draftedBy: true,
    sentAt: true,
    sentBy: true,
    reference: true,
  })
  .extend({ figures: z.union([z.record(z.string(), z.unknown()), z.null()]), version: z.number().int() })
  .openapi('SanctionsNotice');

export const NoticeDetails = Notice.extend({
  userId: z.union([wireId, z.null()]),
  text: z.union([z.string(), z.null()]),
  /** What the person had when the notice was written. */
  holdings: z.array(z.object({ asset: z.string(), balance: wireDecimal })),
}).openapi('SanctionsNoticeDetails');

export const NoticeQuery = {
  status: z.enum(['due', 'drafted', 'sent']).optional(),
  kind: z.enum(['match', 'nil']).optional(),
};

export const NilReport = z.strictObject({ runId: idInput }).openapi('SanctionsNilReport');

export const NoticeDraft = z.strictObject({ text: words(20_000) }).openapi('SanctionsNoticeDraft');

export const NoticeSent = z.strictObject({ reference, sentAt: instantInput }).openapi('SanctionsNoticeSent');

export const Report = wireOf(suspiciousReports)
  .pick({
    id: true,
    caseId: true,
    userId: true,
    reportCode: true,
    amendsId: true,
    status: true,
    suspicionAt: true,
    dueAt: true,
    createdBy: true,
    createdAt: true,
    editedBy: true,
    editedAt: true,
    validatedAt: true,
    decidedBy: true,
    decidedAt: true,
    filedBy: true,
    filedAt: true,
    fiuReference: true,
  })
  .extend({
    /** What the firm calls it: `STR-2026-000012`. */
    reference: z.string(),
    reasons: z.array(z.string()),
    indicators: z.array(z.string()),
    selection: z.record(z.string(), z.unknown()),
    /** Of the document that was decided on. @units lowercase hex */
    xmlSha256: z.union([z.string(), z.null()]),
    xmlBytes: z.union([z.number().int(), z.null()]),
    transactionCount: z.union([z.number().int(), z.null()]),
    version: z.number().int(),
  })
  .openapi('AmlReport');

export const ReportDetails = Report.extend({
  /** Null where the person was erased. */
  content: z.union([
    z.object({
      narrative: z.string(),
      action: z.string(),
      localAmounts: z.record(z.string(), z.string()),
    }),
    z.null(),
  ]),
  decisionReason: z.union([z.string(), z.null()]),
  history: z.array(
    wireOf(suspiciousReportEvents)
      .pick({ id: true, type: true, actor: true, at: true })
      .extend({ data: z.record(z.string(), z.unknown()) }),
  ),
}).openapi('AmlReportDetails');

export const ReportQuery = { status: z.enum(REPORT_STATUSES).optional(), caseId: idInput.optional() };

/** What makes a case suspicious, and with it begins its report. */
export const NewReport = CaseSuspicion.extend({ caseId: idInput }).openapi('NewAmlReport');

export const ReportPatch = z
  .strictObject({
    reportCode: z.enum(['STR', 'SAR']).optional(),
    reasons: z.array(z.enum(REPORT_REASONS)).max(REPORT_REASONS.length).optional(),
    /** Codes of the FIU's own list. */
    indicators: z
      .array(z.string().regex(/^[A-Za-z0-9_-]{1,40}$/))
      .max(50)
      .optional(),
    /** Which movements of money are told of: by their ids, by their time, or both. */
    selection: z
      .strictObject({
        activityIds: z.array(idInput).max(1_000).optional(),
        from: instantInput.optional(),
        to: instantInput.optional(),
      })
      .optional(),
    narrative: words(4000).optional(),
    action: words(4000).optional(),
    /** What an activity was worth in rupees, by its id, where no rate tells. */
    localAmounts: z
      .record(idInput, z.string().regex(DECIMAL_PATTERN))
      .refine((amounts) => Object.keys(amounts).length <= 1_000, 'must hold at most 1,000 amounts')
      .refine(
        (amounts) => !Object.values(amounts).some((text) => text.startsWith('-')),
        'must not be negative',
      )
      .optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'must change something')
  .openapi('AmlReportPatch');

export const ReportCheck = z
  .object({
    report: Report,
    findings: z.array(
      z.object({
        /** A place in the document: `/report/transaction[2]/amount_local`. */
        path: z.string(),
        code: z.enum([
          'not_configured',
          'erased',
          'not_xml',
          'missing',
          'unexpected',
          'empty',
          'too_long',
          'malformed',
          'not_a_code',
        ]),
      }),
    ),
  })
  .openapi('AmlReportCheck');

export const ReportDecision = z
  .strictObject({ decision: z.enum(['file', 'decline']), reason: words(8000) })
  .openapi('AmlReportDecision');

export const ReportFiling = z
  .strictObject({ fiuReference: reference, filedAt: instantInput })
  .openapi('AmlReportFiling');
