import type { Domain } from '../../platform/domain.ts';
import { joinParts } from '../../platform/domain-part.ts';
import { peopleBehind } from '../../platform/privacy/people-behind.ts';
import { ledgerActivity } from './activity-source.ts';
import { LEDGER_EVENTS } from './audit.ts';
import { bookChecks } from './book-checks.ts';
import { journalPosting } from './by-hand/request-journal.ts';
import { journalReversal } from './by-hand/request-reversal.ts';
import { byHandEndpoints } from './by-hand/routes.ts';
import { feeSweeping } from './by-hand/sweep-fees.ts';
import { ledgerChecks } from './checks.ts';
import { ledgerObstacles } from './closing-obstacles.ts';
import { conversionChecks } from './conversions/checks.ts';
import { rateSetting } from './conversions/propose-fx-rate.ts';
import { purgeQuotesJob } from './conversions/purge-quotes.ts';
import { conversionEndpoints } from './conversions/routes.ts';
import { expireHolds } from './expire-holds.ts';
import { holdChecks } from './holds/checks.ts';
import { holdCapture } from './holds/request-capture.ts';
import { holdRelease } from './holds/request-release.ts';
import { holdEndpoints } from './holds/routes.ts';
import { ledgerInventory } from './inventory.ts';
import { personalHoldings } from './personal-data.ts';
import { playMoneyEndpoints } from './play-money/routes.ts';
import { ledgerFacts } from './report-facts.ts';
import { ledgerEndpoints } from './routes.ts';
import { wallets } from './schema.ts';
import { settlementPart } from './settlements/part.ts';
import { transferChecks } from './transfers/checks.ts';
import { transferEndpoints } from './transfers/routes.ts';

export {
  type Decision,
  type HandMove,
  ON_THEIR_WORD,
  refuseTooFewVotes,
  votesByHand,
} from './by-hand/hand-votes.ts';
export { CLIENT_MONEY_ROLES, HOUSE_CHART, type HousePart, type HouseRole } from './chart.ts';
export { correctionDay } from './closed-days.ts';
export { seedFxRates } from './conversions/seed-fx-rates.ts';
export { createAsset } from './create-asset.ts';
export { owes, refuseWhileOwing, repayDebt } from './debts.ts';
export { LEDGER_PROBLEMS } from './errors.ts';
export { fiatAmong } from './fiat-assets.ts';
export { findEntry } from './find-entry.ts';
export { type FoundWallet, findWallets, type WalletName, walletKey } from './find-wallets.ts';
export { type HeldAsset, heldAssets, realisedGains } from './held-assets.ts';
export { captureHold, createHold, findHold, type Hold, releaseHold } from './holds.ts';
export { type LockedWallet, lockFreeWallets, lockWallets } from './lock-wallets.ts';
export { type LotPick, picksOf } from './lot-methods.ts';
export { changeLots, consumeLots, type LotChange, lotsNamed, type NamedLot, openLots } from './lots.ts';
export { isMlroAmong } from './mlro-vote.ts';
export { type Book, type NewJournal, postJournals, type Wallet } from './post-journals.ts';
export { type RebuildReport, rebuild } from './rebuild.ts';
export {
  type PayingWallet,
  payingWallets,
  type Receivable,
  readReceivables,
  receivableWallets,
} from './receivables.ts';
export {
  type CheckReport,
  keepReport,
  keptChecks,
  type ReconcileReport,
  reconcile,
  runChecks,
} from './reconcile.ts';
export { lockSpendable, type SpendableWallet } from './release-expired.ts';
export { Settling } from './settlements/api.ts';
export { keepObligations, type LockedFunds } from './settlements/keep-obligations.ts';
export type { TradedSide } from './settlements/plan-obligations.ts';
export { getReconciliation, listReconciliations } from './store.ts';
export { REVIEW_ABOVE, votesForAll } from './votes.ts';
export {
  changeReserved,
  customerWallet,
  findClearingWallet,
  findHouseWallet,
  houseWallet,
  requireAsset,
} from './wallets.ts';

const parts = joinParts([settlementPart]);

/** The front door of the ledger. */
export const ledgerDomain: Domain = {
  name: 'ledger',
  auditEvents: Object.values(LEDGER_EVENTS),
  endpoints: [
    ...ledgerEndpoints,
    ...holdEndpoints,
    ...conversionEndpoints,
    ...transferEndpoints,
    ...playMoneyEndpoints,
    ...byHandEndpoints,
    ...parts.endpoints,
  ],
  checks: [
    ...ledgerChecks,
    ...holdChecks,
    ...bookChecks,
    ...conversionChecks,
    ...transferChecks,
    ...parts.checks,
  ],
  consumers: [],
  approvalActions: [holdCapture, holdRelease, rateSetting, journalPosting, journalReversal, feeSweeping],
  jobs: [
    {
      name: 'ledger.expire-holds',
      cron: '* * * * *',
      run: async (ctx) => {
        await expireHolds(ctx);
      },
    },
    purgeQuotesJob,
    ...parts.jobs,
  ],
  peopleBehind: [peopleBehind(wallets, wallets.id, wallets.userId)],
  inventory: [...ledgerInventory, ...parts.inventory],
  personalData: [personalHoldings],
  closingObstacles: ledgerObstacles,
  activitySources: ledgerActivity,
  reportFacts: ledgerFacts,
};
