/**
 * The processes a benchmark starts. They end with it, however it ends: by itself, by a signal, or because whoever
 * started it is gone.
 */
import type { Subprocess } from 'bun';

export type Child = Subprocess<'ignore', 'pipe', 'inherit' | number>;

export type Children = {
  readonly start: (
    command: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    stderr?: number,
  ) => Child;
  /** Ends what still runs and waits for it. */
  readonly end: () => Promise<void>;
};

const PATIENCE_MS = 20_000;

/** Keeps account of what it starts. */
export function keepChildren(): Children {
  const running = new Set<Child>();
  return {
    start: (command, env, stderr) => {
      const child = Bun.spawn([...command], {
        env: { ...env },
        stdio: ['ignore', 'pipe', stderr ?? 'inherit'],
      });
      running.add(child);
      void child.exited.then(() => running.delete(child));
      return child;
    },
    end: async () => {
      const left = [...running];
      for (const child of left) {
        child.kill('SIGTERM');
      }
      const killing = setTimeout(() => {
        for (const child of left) {
          child.kill('SIGKILL');
        }
      }, PATIENCE_MS);
      await Promise.all(left.map((child) => child.exited));
      clearTimeout(killing);
    },
  };
}

/** Calls `end` once when this process is told to end, or whoever started it has. */
export function onEnding(end: (exitCode: number) => void): void {
  const parent = process.ppid;
  let told = false;
  const tell = (exitCode: number): void => {
    if (!told) {
      told = true;
      end(exitCode);
    }
  };
  process.on('SIGINT', () => tell(130));
  process.on('SIGTERM', () => tell(143));
  process.on('SIGHUP', () => tell(129));
  setInterval(() => {
    if (process.ppid !== parent) {
      tell(143);
    }
  }, 1_000).unref();
}
