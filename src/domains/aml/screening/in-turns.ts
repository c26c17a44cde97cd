/** How long one turn may take. @units ms */
const TURN_MS = 10;

/**
 * Works through items one after another and lets the process do other things in between: screening many names
 * must not keep everybody else waiting.
 * @shape the results in the order of the items
 */
export async function inTurns<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Result,
): Promise<Result[]> {
  const results: Result[] = [];
  let begun = performance.now();
  for (const item of items) {
    results.push(work(item));
    if (performance.now() - begun > TURN_MS) {
      await new Promise((resume) => setImmediate(resume));
      begun = performance.now();
    }
  }
  return results;
}
