const TRIES = 2_000;
const EVERY_MS = 10;

/** Waits for what another connection or process brings about; fails after twenty seconds. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (await holds()) {
      return;
    }
    await Bun.sleep(EVERY_MS);
  }
  throw new Error('what was waited for did not come');
}
