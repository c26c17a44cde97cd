const TOO_LONG_MS = 20_000;

/**
 * Runs what ends a test's world, step by step, and names the one that does not come to its end: of a hook that takes
 * too long the runner tells neither the file nor the reason.
 * @errors Error with the file and the step, after twenty seconds of it
 */
export async function endInOrder(
  file: string,
  steps: readonly (readonly [name: string, step: () => Promise<unknown> | undefined])[],
): Promise<void> {
  for (const [name, step] of steps) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const message = `(fail) ${file}: ${name} did not end within ${TOO_LONG_MS / 1000} s`;
        console.error(message);
        reject(new Error(message));
      }, TOO_LONG_MS);
    });
    await Promise.race([step(), late]).finally(() => clearTimeout(timer));
  }
}
