import { transact } from '../../platform/db/transact.ts';
import type { Domain } from '../../platform/domain.ts';
import { ledgerChecks } from './checks.ts';
import { ledgerObstacles } from './closing-obstacles.ts';
import { expireHolds } from './holds.ts';
import { personalHoldings } from './personal-data.ts';
import { ledgerEndpoints } from './routes.ts';

export { createAsset } from './create-asset.ts';
export { LEDGER_PROBLEMS } from './errors.ts';
export { findWallets, lockWallets, walletKey } from './find-wallets.ts';
export { captureHold, createHold, releaseHold } from './holds.ts';
export { consumeLots, type Disposal, type NewLot, openLots } from './lots.ts';
export { type Book, type NewJournal, postJournals, type Wallet } from './post-journals.ts';
export { type ReconcileReport, reconcile } from './reconcile.ts';
export { changeReserved, customerWallet, houseWallet, requireAsset } from './wallets.ts';

/** The front door of the ledger. */
export const ledgerDomain: Domain = {
  name: 'ledger',
  endpoints: ledgerEndpoints,
  checks: ledgerChecks,
  consumers: [],
  approvalActions: [],
  jobs: [
    {
      name: 'ledger.expire-holds',
      cron: '* * * * *',
      run: async (ctx) => {
        await transact(ctx, 'engine', (tx) => expireHolds(tx, ctx));
      },
    },
  ],
  personalData: [personalHoldings],
  closingObstacles: ledgerObstacles,
};
