/**
 * Exports are written one at a time per process and beside the event pump, which must not wait for hours of
 * writing. The event only starts them; a job picks up what a crash left behind.
 */
import type { Id } from '../../kernel/id.ts';
import { sealerOf } from '../../platform/audit/sealer.ts';
import { type Ctx, perDeps } from '../../platform/context.ts';
import { waitingExports, writeExportFile } from './write-export-file.ts';

type Runner = { readonly start: (ctx: Ctx, exportId: Id) => Promise<void> };

const runnerOf = perDeps((deps): Runner => {
  const stopping = new AbortController();
  let last: Promise<void> = Promise.resolve();
  deps.db.beforeClose(async () => {
    stopping.abort();
    await last;
  });
  const write = async (ctx: Ctx, exportId: Id): Promise<void> => {
    try {
      if (!stopping.signal.aborted) {
        await writeExportFile(ctx, exportId, stopping.signal);
      }
    } catch (error) {
      const failure = error instanceof Error ? error.name : 'unknown';
      deps.log.error({ object: exportId, failure }, 'an export could not be begun or ended');
    }
  };
  return {
    start: (ctx, exportId) => {
      last = last.then(() => write(ctx, exportId));
      return last;
    },
  };
});

/** Starts writing an export, after those that were started before. @effects those of `writeExportFile` */
export function startExport(ctx: Ctx, exportId: Id): void {
  void runnerOf(ctx.deps).start(ctx, exportId);
}

/** Writes what waits, also what a crash left half done. @effects those of `writeExportFile` */
export async function runExports(ctx: Ctx): Promise<void> {
  if (sealerOf(ctx.deps) === undefined) {
    return;
  }
  for (const exportId of await waitingExports(ctx)) {
    await runnerOf(ctx.deps).start(ctx, exportId);
  }
}
