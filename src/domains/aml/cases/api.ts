import { z } from '@hono/zod-openapi';
import { idInput, instantInput, wireId, wireOf } from '../../../platform/http/wire.ts';
import { SEVERITIES } from '../alerts/rules.ts';
import { CASE_DISPOSITIONS, CASE_KINDS, caseReference } from './rules.ts';
import { amlCaseEvents, amlCaseFiles, amlCases } from './schema.ts';

const STATUSES = ['open', 'investigating', 'awaiting_information', 'escalated', 'closing', 'closed'] as const;

export const Case = wireOf(amlCases)
  .pick({
    id: true,
    userId: true,
    kind: true,
    status: true,
    severity: true,
    assigneeId: true,
    openedBy: true,
    openedAt: true,
    dueAt: true,
    suspicionAt: true,
    disposition: true,
    closeApprovalId: true,
    closedAt: true,
    closedBy: true,
  })
  .extend({
    /** What it is called: `C-2026-000123`. */
    reference: z.string(),
    version: z.number().int(),
  })
  .openapi('AmlCase');

const CaseStep = wireOf(amlCaseEvents)
  .pick({ id: true, type: true, actor: true, at: true })
  .extend({
    data: z.record(z.string(), z.unknown()),
    /** Null where nothing was written, or the person was erased. */
    body: z.union([z.string(), z.null()]),
  })
  .openapi('AmlCaseStep');

export const CaseFile = wireOf(amlCaseFiles)
  .pick({ id: true, contentType: true, uploadedBy: true, uploadedAt: true })
  .extend({ sizeBytes: z.number().int() })
  .openapi('AmlCaseFile');

export const CaseDetails = Case.extend({
  subjects: z.array(z.object({ userId: wireId })),
  alertIds: z.array(wireId),
  history: z.array(CaseStep),
  files: z.array(CaseFile.extend({ name: z.union([z.string(), z.null()]) })),
}).openapi('AmlCaseDetails');

export const CaseQuery = {
  status: z.enum(STATUSES).optional(),
  kind: z.enum(CASE_KINDS).optional(),
  assignee: z.union([z.enum(['me', 'none']), idInput]).optional(),
  overdue: z.enum(['true']).optional(),
};

export const NewCase = z
  .strictObject({
    kind: z.enum(CASE_KINDS),
    severity: z.enum(SEVERITIES),
    userId: idInput.optional(),
    alertId: idInput.optional(),
  })
  .openapi('NewAmlCase');

export const CaseSuspicion = z
  .strictObject({
    reason: z.string().trim().min(3).max(8000),
    /** When it was formed, where that was before now; the time to report runs from there. */
    suspicionAt: instantInput.optional(),
  })
  .openapi('AmlCaseSuspicion');

export const CaseClosing = z
  .strictObject({
    disposition: z.enum(CASE_DISPOSITIONS),
    reason: z.string().trim().min(3).max(2000),
  })
  .openapi('AmlCaseClosing');

export const CaseEvent = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('comment'), text: z.string().trim().min(1).max(8000) }),
    z.strictObject({
      type: z.literal('status'),
      status: z.enum(['investigating', 'awaiting_information']),
    }),
  ])
  .openapi('AmlCaseEvent');

export const CaseAlert = z.strictObject({ alertId: idInput }).openapi('AmlCaseAlert');

export const CaseSubject = z.strictObject({ userId: idInput }).openapi('AmlCaseSubject');

export const CaseUpload = z
  .strictObject({ file: z.instanceof(File).openapi({ type: 'string', format: 'binary' }) })
  .openapi('AmlCaseUpload');

/** A case as it is answered. */
export function caseView<Found extends { readonly number: number | null; readonly openedAt: string }>(
  found: Found,
) {
  return { ...found, reference: caseReference(found) };
}
