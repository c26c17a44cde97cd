import { Database } from 'bun:sqlite';
import { EmbeddedError } from './embedded-error.ts';

/**
 * Runs `work` while no other process starts or stops the server of this data folder.
 *
 * SQLite's file lock is used because the kernel frees it when its holder is killed, however that happens,
 * and Bun offers no flock.
 * @units timeoutMs milliseconds to wait for the other process
 */
export async function withStartLock<T>(path: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const lock = new Database(path, { create: true });
  try {
    await acquire(lock, path, timeoutMs);
    return await work();
  } finally {
    lock.close();
  }
}

async function acquire(lock: Database, path: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  lock.run('PRAGMA busy_timeout = 0');
  for (;;) {
    try {
      lock.run('BEGIN EXCLUSIVE');
      return;
    } catch (error) {
      if (!/locked|busy/i.test(String(error))) {
        throw error;
      }
    }
    if (performance.now() > deadline) {
      throw new EmbeddedError(`another process has been starting or stopping the server for long (${path})`);
    }
    await Bun.sleep(10);
  }
}
