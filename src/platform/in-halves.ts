/**
 * Works on many together, and on halves of them where that fails, in their order: one that cannot be worked on keeps
 * no other waiting.
 * @effects what `work` does, for each that does not fail by itself; `work` leaves nothing where it fails
 * @errors what `failed` throws: it hears of every failure, with the one it is of where that is known
 */
export async function inHalves<Item>(
  items: readonly Item[],
  work: (items: readonly Item[]) => Promise<void>,
  failed: (failure: unknown, alone: Item | undefined) => void,
): Promise<void> {
  if (items.length === 0) {
    return;
  }
  try {
    await work(items);
  } catch (failure) {
    failed(failure, items.length === 1 ? items[0] : undefined);
    if (items.length > 1) {
      const middle = Math.ceil(items.length / 2);
      await inHalves(items.slice(0, middle), work, failed);
      await inHalves(items.slice(middle), work, failed);
    }
  }
}
