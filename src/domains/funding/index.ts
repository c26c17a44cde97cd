import type { Domain } from '../../platform/domain.ts';
import { peopleBehind } from '../../platform/privacy/people-behind.ts';
import { fundingActivity } from './activity-source.ts';
import { eventAllocation } from './allocate-event.ts';
import { receiptAllocation, receiptReturn } from './allocate-receipt.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { BANK_DAY_EVENTS } from './bank-days/audit.ts';
import { bankDayEndpoints } from './bank-days/routes.ts';
import { bankHolidayChange } from './bank-days/set-bank-holiday.ts';
import { bookStatements } from './book-statement.ts';
import { fundingChecks } from './checks.ts';
import { clearingPeriodChange } from './clearing-periods.ts';
import { fundingObstacles } from './closing-obstacles.ts';
import { statementConfirmation } from './confirm-statement.ts';
import { depositClearing } from './credit-deposit.ts';
import { debitEndpoints } from './debit-routes.ts';
import { collectDebts } from './debts.ts';
import { withdrawalApproval } from './decide-withdrawal.ts';
import { DEPOSIT_ACCOUNT_EVENTS } from './deposit-accounts/audit.ts';
import { depositAccountChange } from './deposit-accounts/propose-deposit-account.ts';
import { depositAccountEndpoints } from './deposit-accounts/routes.ts';
import { disputeEnding } from './disputes/request-dispute-end.ts';
import { evidenceChecks } from './evidence-checks.ts';
import { evidenceEndpoints } from './evidence-routes.ts';
import { expireDeposits } from './expire-deposits.ts';
import { debitExplaining } from './explain-debit.ts';
import { receiptExplaining } from './explain-receipt.ts';
import { withdrawalFailure } from './fail-withdrawal.ts';
import { feeEndpoints } from './fee-routes.ts';
import { holdWithdrawals } from './hold-withdrawals.ts';
import { fundingInventory } from './inventory.ts';
import { paymentEndpoints } from './payment-routes.ts';
import { payoutChecks } from './payout-checks.ts';
import { peopleOfPayouts, peopleOfRepayments } from './payout-people.ts';
import { payoutEndpoints } from './payout-routes.ts';
import { PAYOUT_FILE_EVENTS } from './payouts/audit.ts';
import { payoutWorkEndpoints } from './payouts/routes.ts';
import { payoutFileVoiding } from './payouts/void-payout-file.ts';
import { personalDebts, personalFunding } from './personal-data.ts';
import { feeChange } from './propose-fees.ts';
import { limitChange } from './propose-funding-limit.ts';
import { payoutAccountChange } from './propose-payout-account.ts';
import { RECONCILIATION_EVENTS } from './reconciliation/audit.ts';
import { reconciliationChecks } from './reconciliation/checks.ts';
import { custodyConfirmation } from './reconciliation/confirm-custody-report.ts';
import { reconciliationEndpoints } from './reconciliation/routes.ts';
import { runReconciliation } from './reconciliation/run-reconciliation.ts';
import { breakSettlements } from './reconciliation/settle-break.ts';
import { reconciliationSigning } from './reconciliation/sign-off.ts';
import { custodyVoiding } from './reconciliation/void-custody-report.ts';
import { recoveryEnding } from './recovery/end-recovery.ts';
import { recoveryEndpoints } from './recovery/routes.ts';
import { logOriginChange } from './recovery/set-log-origin.ts';
import { REPAYMENT_EVENTS } from './repayments/audit.ts';
import { repaymentChecks } from './repayments/checks.ts';
import { repaymentGivingUp } from './repayments/give-up-repayment.ts';
import { repaymentResolution } from './repayments/resolve-repayment.ts';
import { repaymentEndpoints } from './repayments/routes.ts';
import { fundingFacts } from './report-facts.ts';
import { rescreenPayees } from './rescreen-payees.ts';
import { withdrawalResolution } from './resolve-withdrawal.ts';
import { fundingEndpoints } from './routes.ts';
import { deposits, withdrawals } from './schema.ts';
import { fundingSealedColumns } from './sealed-columns.ts';
import { bankAccountAddition } from './set-bank-account.ts';
import { settleBeneficiaries } from './settle-beneficiaries.ts';
import { settleDeposits } from './settle-deposits.ts';
import { statementEndpoints } from './statement-routes.ts';
import { stopShortWithdrawals } from './stop-short-withdrawals.ts';
import { SUBMISSION_EVENTS } from './submissions/audit.ts';
import { submissionEndpoints } from './submissions/routes.ts';
import { submitPayoutsJob } from './submissions/submit-payouts.ts';
import { depositTakeBacks } from './take-back-deposit.ts';
import { statementVoiding } from './void-statement.ts';

export { clearDeposit } from './clear-deposit.ts';
export { createDeposit } from './create-deposit.ts';
export { countFilesAsFetched } from './payouts/count-as-fetched.ts';
export { FEE_TIERS } from './rules.ts';
export { seedFundingFees } from './seed-funding-fees.ts';
export { type FundingLimit, seedFundingLimits } from './seed-funding-limits.ts';
export { seedPayoutAccounts } from './seed-payout-accounts.ts';
export { seedBankAccounts } from './set-bank-account.ts';

/** The front door of funding. */
export const fundingDomain: Domain = {
  name: 'funding',
  auditEvents: [
    ...Object.values(FUNDING_EVENTS),
    ...Object.values(BANK_DAY_EVENTS),
    ...Object.values(PAYOUT_FILE_EVENTS),
    ...Object.values(DEPOSIT_ACCOUNT_EVENTS),
    ...Object.values(REPAYMENT_EVENTS),
    ...Object.values(SUBMISSION_EVENTS),
    ...Object.values(RECONCILIATION_EVENTS),
  ],
  endpoints: [
    ...fundingEndpoints,
    ...statementEndpoints,
    ...debitEndpoints,
    ...paymentEndpoints,
    ...evidenceEndpoints,
    ...payoutEndpoints,
    ...payoutWorkEndpoints,
    ...repaymentEndpoints,
    ...submissionEndpoints,
    ...feeEndpoints,
    ...bankDayEndpoints,
    ...depositAccountEndpoints,
    ...reconciliationEndpoints,
    ...recoveryEndpoints,
  ],
  checks: [...fundingChecks, ...payoutChecks, ...repaymentChecks, ...evidenceChecks, ...reconciliationChecks],
  consumers: [holdWithdrawals, stopShortWithdrawals],
  approvalActions: [
    depositClearing,
    receiptAllocation,
    eventAllocation,
    disputeEnding,
    receiptReturn,
    receiptExplaining,
    debitExplaining,
    clearingPeriodChange,
    bankHolidayChange,
    bankAccountAddition,
    statementConfirmation,
    statementVoiding,
    custodyConfirmation,
    custodyVoiding,
    ...depositTakeBacks,
    withdrawalApproval,
    withdrawalFailure,
    withdrawalResolution,
    payoutFileVoiding,
    repaymentResolution,
    repaymentGivingUp,
    limitChange,
    reconciliationSigning,
    recoveryEnding,
    logOriginChange,
    ...breakSettlements,
    feeChange,
    payoutAccountChange,
    depositAccountChange,
  ],
  jobs: [
    { name: 'funding.book-statements', cron: '* * * * *', run: bookStatements },
    { name: 'funding.expire-deposits', cron: '40 2 * * *', run: expireDeposits },
    { name: 'funding.settle-deposits', cron: '7 * * * *', run: settleDeposits },
    { name: 'funding.collect-debts', cron: '*/5 * * * *', run: collectDebts },
    submitPayoutsJob,
    { name: 'funding.rescreen-payees', cron: '*/5 * * * *', run: rescreenPayees },
    {
      // Statements of the day before are there by then.
      name: 'funding.reconcile',
      cron: '30 7 * * *',
      inFirmZone: true,
      run: async (ctx) => {
        await runReconciliation(ctx);
      },
    },
    { name: 'funding.settle-beneficiaries', cron: '*/5 * * * *', run: settleBeneficiaries },
  ],
  peopleBehind: [
    peopleBehind(deposits, deposits.id, deposits.userId),
    peopleBehind(withdrawals, withdrawals.id, withdrawals.userId),
    peopleOfPayouts,
    peopleOfRepayments,
  ],
  inventory: fundingInventory,
  personalData: [personalFunding, personalDebts],
  sealedColumns: fundingSealedColumns,
  closingObstacles: fundingObstacles,
  activitySources: fundingActivity,
  reportFacts: fundingFacts,
};
