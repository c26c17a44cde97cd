import { type Deps, perDeps } from '../../../platform/context.ts';
import { carryOut } from '../transfers/carry-out.ts';
import type { Transferred, TransferTicket } from '../transfers/ticket.ts';
import { createQueue, type Queue } from './queue.ts';

/** One is prepared while PostgreSQL works on the other; a third would only wait for the same wallets. */
const LANES = 2;

/** Beyond it a batch costs its callers time and saves nothing any more. */
const BATCH_MAX = 1_024;

/** A few batches: what waits longer than that is told to come back. */
const QUEUE_MAX = 4_096;

/** One person can fill no more than a part of the queue. */
const SHARE_MAX = 1_024;

/** The ledger's writers of this process; whoever closes the database waits for them. */
export const ledgerIntake: (deps: Deps) => Queue<TransferTicket, Transferred> = perDeps((deps) => {
  const queue = createQueue<TransferTicket, Transferred>(
    {
      lanes: LANES,
      batchMax: BATCH_MAX,
      queueMax: QUEUE_MAX,
      shareMax: SHARE_MAX,
      shareOf: ({ userId }) => userId,
    },
    (batch) => carryOut(deps, batch),
  );
  deps.db.beforeClose(queue.close);
  return queue;
});
