import { allInstruments, setPriceSettings, settingsOf } from '../domains/markets/index.ts';
import { newId } from '../kernel/id.ts';
import { type Deps, machineCtx } from '../platform/context.ts';
import { transact } from '../platform/db/transact.ts';

/** Wide enough for a walk that takes sixty millionths at most. @units bps, seconds */
const SETTINGS = { maxJumpBps: 100, staleAfterSeconds: 60, levelTicks: 5 } as const;

/**
 * Lets the simulator price the demo firm's instruments that nothing else was set for.
 * @effects rows of `price_settings`; audit `price_settings.changed`
 */
export async function priceBySimulator(deps: Deps): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'system', name: 'demo seed' }, newId());
  await transact(ctx, 'engine', async (tx) => {
    for (const instrument of await allInstruments(tx)) {
      const unset = (await settingsOf(tx, instrument.id)) === undefined;
      if (unset && instrument.status === 'active') {
        const wanted = { ...SETTINGS, feed: 'simulator', feedSymbol: instrument.symbol } as const;
        await setPriceSettings({ ...ctx, tx }, instrument, wanted);
      }
    }
  });
}
