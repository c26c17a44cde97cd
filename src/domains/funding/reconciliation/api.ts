import { z } from '@hono/zod-openapi';
import { isDay } from '../../../kernel/business-date.ts';
import { ApprovalReason } from '../../../platform/approvals/api.ts';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { FORWARDS, isForwards, periodQuery } from '../../../platform/http/period.ts';
import { idInput, wireDecimal, wireId, wireInstant, wireOf } from '../../../platform/http/wire.ts';
import {
  breakKind,
  breakSeverity,
  breakStatus,
  CUSTODY_ROLES,
  custodyReportLines,
  custodyReports,
  reconciliationBreakNotes,
  reconciliationBreaks,
  reconciliationSignOffs,
} from './schema.ts';

const text = z.union([z.string(), z.null()]);
const day = z.string().openapi({ format: 'date', example: '2026-01-31' });
const dayOrNull = z.union([day, z.null()]);
const decimalOrNull = z.union([wireDecimal, z.null()]);
const instantOrNull = z.union([wireInstant, z.null()]);
const idOrNull = z.union([wireId, z.null()]).optional();
const count = z.number().int();

export const Reconciliation = z
  .object({
    id: wireId,
    status: z.enum(['clean', 'breaks']),
    breakCount: count,
    startedAt: wireInstant,
    completedAt: wireInstant,
    /** Null where the books alone were looked at. */
    legalEntity: text,
    businessDate: dayOrNull,
    signedAt: instantOrNull,
    checks: z.array(
      z.object({
        name: z.string(),
        invariant: z.string(),
        seen: count,
        breaks: z.array(z.object({ object: z.string(), detail: z.string() })),
      }),
    ),
  })
  .openapi('Reconciliation');

const Bank = z.object({
  reference: z.string(),
  currency: z.string(),
  accounts: z.array(z.string()),
  statementDate: dayOrNull,
  statementId: idOrNull.openapi({
    description: 'The statement it was compared with; runs of before have none',
  }),
  statementNumber: text.optional(),
  perStatement: decimalOrNull,
  perBooks: wireDecimal,
  difference: decimalOrNull,
  itemCount: count,
  items: z.array(
    z.object({ kind: z.string(), object: z.string(), amount: wireDecimal, date: day, ageDays: count }),
  ),
});

const Custody = z.object({
  custodian: z.string(),
  asset: z.string(),
  asOf: dayOrNull,
  reportId: idOrNull.openapi({ description: 'The report it was compared with; runs of before have none' }),
  perReport: decimalOrNull,
  perBooks: wireDecimal,
  difference: decimalOrNull,
});

const InTransit = z.object({
  reference: z.string(),
  asset: z.string(),
  inTransit: wireDecimal,
  overdue: wireDecimal,
  unexplained: wireDecimal,
  itemCount: count,
  items: z.array(z.object({ object: z.string(), amount: wireDecimal, since: day, ageDays: count })),
});

const Position = z
  .object({
    legalEntity: z.string(),
    asset: z.string(),
    owedToClients: wireDecimal,
    owedToOthers: wireDecimal,
    held: wireDecimal,
    inTransit: wireDecimal,
    inTransitOverdue: wireDecimal.optional().openapi({
      description: 'What others should have paid over by now; runs of before it was itemised have none.',
    }),
    feesNotSwept: wireDecimal,
    firmStake: wireDecimal,
    debts: wireDecimal,
    shortfall: wireDecimal,
    surplus: wireDecimal,
    unexplained: wireDecimal,
  })
  .openapi('ClientMoneyPosition');

const HouseWallets = z.object({
  count,
  views: z.array(
    z.object({
      asset: z.string(),
      role: z.string(),
      part: z.string(),
      reference: z.string(),
      balance: wireDecimal,
    }),
  ),
});

const Quiet = z.object({
  accountId: wireId,
  walletId: wireId,
  asset: z.string(),
  balance: wireDecimal,
  state: z.enum(['idle', 'dormant', 'unclaimed']),
  lastMovementOn: day,
  quietDays: count,
});

const FoundBreak = z.object({
  id: wireId,
  kind: z.enum(breakKind.enumValues),
  severity: z.enum(breakSeverity.enumValues),
  object: z.string(),
  amount: decimalOrNull,
  currency: text,
  detail: z.string(),
  status: z.enum(breakStatus.enumValues),
  ownerId: z.union([wireId, z.null()]),
  firstSeenAt: wireInstant,
  ageDays: count,
  note: text
    .optional()
    .openapi({ description: 'What was last noted of it by then; runs of before have none' }),
  approvalId: idOrNull.openapi({ description: 'The second person’s decision on it by then' }),
});

const SignOff = wireOf(reconciliationSignOffs)
  .pick({ approvalId: true, preparerId: true, reviewerId: true, signedAt: true })
  .extend({ resultHash: z.string(), breaks: z.array(FoundBreak) });

const Run = z.object({
  timeZone: z.string(),
  requestedBy: z.string(),
  resultHash: z.string(),
  logTreeSize: text,
  logRootHash: text,
  cutAt: wireInstant,
  banks: z.array(Bank),
  firmAccounts: z
    .array(Bank)
    .optional()
    .openapi({ description: 'The firm’s own accounts, apart from clients’ money; runs of before have none' }),
  custody: z.array(Custody),
  firmCustody: z
    .array(Custody)
    .optional()
    .openapi({ description: 'The firm’s own units; runs of before have none' }),
  custodyReports: z
    .array(wireId)
    .optional()
    .openapi({ description: 'The report of each custodian it counted' }),
  inTransit: z.array(InTransit).optional(),
  positions: z.array(Position),
  houseWallets: HouseWallets.optional().openapi({
    description:
      'The wallets of the house that the positions are made of, by the signs of the ledger; runs of before have none',
  }),
  quiet: z.object({
    counts: z.object({ idle: count, dormant: count, unclaimed: count }),
    views: z.array(Quiet),
  }),
  breaks: z.array(FoundBreak),
});

export const ReconciliationDetail = Reconciliation.extend({
  run: z.union([Run, z.null()]),
  signOff: z.union([SignOff, z.null()]),
}).openapi('ReconciliationDetail');

export const RunReconciliation = z
  .strictObject({
    businessDate: z
      .string()
      .refine(isDay, 'must be a day such as 2026-01-31')
      .optional()
      .openapi({ format: 'date', example: '2026-01-31' }),
  })
  .openapi('RunReconciliation');

export const reportQuery = z.strictObject({ format: z.enum(['csv', 'pdf']).default('csv') });

export const ReconciliationBreak = wireOf(reconciliationBreaks)
  .pick({
    id: true,
    legalEntity: true,
    kind: true,
    severity: true,
    object: true,
    amount: true,
    currency: true,
    detail: true,
    status: true,
    resolution: true,
    ownerId: true,
    approvalId: true,
    firstRunId: true,
    lastRunId: true,
    firstSeenAt: true,
    lastSeenAt: true,
    resolvedAt: true,
  })
  .extend({ ageDays: count, version: count })
  .openapi('ReconciliationBreak');

export const ReconciliationBreakDetail = ReconciliationBreak.extend({
  notes: z.array(
    wireOf(reconciliationBreakNotes).pick({ id: true, authorId: true, note: true, createdAt: true }),
  ),
}).openapi('ReconciliationBreakDetail');

export const runsQuery = z
  .strictObject({ ...pageQuery, ...periodQuery('Begun') })
  .refine(isForwards, FORWARDS);

export const custodyReportsQuery = z
  .strictObject({ ...pageQuery, ...periodQuery('Handed in') })
  .refine(isForwards, FORWARDS);

export const breakQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(breakStatus.enumValues).optional(),
  kind: z.enum(breakKind.enumValues).optional(),
  severity: z.enum(breakSeverity.enumValues).optional(),
  ownerId: idInput.optional(),
});

export const ChangeBreak = z
  .strictObject({
    ownerId: z.union([idInput, z.null()]).optional(),
    note: ApprovalReason.shape.reason.optional(),
  })
  .refine((body) => body.ownerId !== undefined || body.note !== undefined, 'names an owner or a note')
  .openapi('ChangeReconciliationBreak');

/** A file as the custodian sent it. */
export const CustodyReportFile = z.string().openapi('CustodyReportFile', { format: 'binary' });

export const CustodyReport = wireOf(custodyReports)
  .pick({
    id: true,
    status: true,
    standing: true,
    confirmationId: true,
    voidId: true,
    legalEntity: true,
    custodian: true,
    asOf: true,
    refusalCode: true,
    refusal: true,
    importedBy: true,
    importedAt: true,
  })
  .extend({ lineCount: count, houseRole: z.enum(CUSTODY_ROLES) })
  .openapi('CustodyReport');

export const CustodyReportDetail = CustodyReport.extend({
  fileHash: z.string(),
  holdings: z.array(wireOf(custodyReportLines).pick({ asset: true, quantity: true })),
}).openapi('CustodyReportDetail');
