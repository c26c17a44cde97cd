/**
 * Writes a report and holds what was written against the structure without holding up whatever else the process
 * serves: a report of many transactions takes seconds, so a worker does it. It guarantees an end.
 */
import { buildReport, type ReportSources } from './build-report.ts';
import { checkGoaml, type Finding } from './check-goaml.ts';
import { knownIndicators } from './codes.ts';
import { writeGoaml } from './write-goaml.ts';

/** A document as it was written, and everything that is wrong with it. */
export type Rendered = {
  /** @units UTF-8 */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly findings: readonly Finding[];
};

/** What a writing worker says. */
export type RenderMessage =
  | ({ readonly kind: 'done' } & Rendered)
  | { readonly kind: 'failed'; readonly failure: string };

/** Up to here it takes less than starting a worker. @units transactions */
const FEW = 100;
const TIMEOUT_MS = 2 * 60_000;

/** Puts the document of a report together and reads it back as it was written. */
export async function renderReport(sources: ReportSources): Promise<Rendered> {
  return sources.activities.length <= FEW ? renderNow(sources) : renderInWorker(sources);
}

/** The same at once, for the worker and for what is small. */
export function renderNow(sources: ReportSources): Rendered {
  const bytes = writeGoaml(buildReport(sources));
  return { bytes, findings: checkGoaml(bytes, knownIndicators(sources.settings)) };
}

function renderInWorker(sources: ReportSources): Promise<Rendered> {
  const worker = new Worker(new URL('./render-report-worker.ts', import.meta.url).href);
  const rendering = new Promise<Rendered>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('writing a report takes too long')), TIMEOUT_MS);
    worker.addEventListener('close', () => {
      clearTimeout(timer);
      reject(new Error('the writer of a report ended early'));
    });
    worker.addEventListener('error', (event) =>
      reject(new Error(`the writer of a report failed: ${event.message}`)),
    );
    worker.addEventListener('message', ({ data }: MessageEvent<RenderMessage>) => {
      if (data.kind === 'done') {
        resolve({ bytes: data.bytes, findings: data.findings });
      } else {
        reject(new Error(`the writer of a report failed: ${data.failure}`));
      }
    });
    worker.postMessage(sources);
  });
  return rendering.finally(() => worker.terminate());
}
