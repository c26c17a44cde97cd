/**
 * Reads together what callers ask for one by one in the same moment: whoever asks before the first of them is served
 * shares the reading. What fails, fails for all of them.
 */
export function gather<Key, Value>(
  readAll: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
): (key: Key) => Promise<Value | undefined> {
  let asked: { readonly keys: Set<Key>; readonly answer: Promise<ReadonlyMap<Key, Value>> } | undefined;
  const begin = () => {
    const keys = new Set<Key>();
    const answer = Promise.resolve().then(() => {
      asked = undefined;
      return readAll([...keys]);
    });
    return { keys, answer };
  };
  return async (key) => {
    asked ??= begin();
    asked.keys.add(key);
    return (await asked.answer).get(key);
  };
}
