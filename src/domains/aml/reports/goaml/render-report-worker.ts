/** Writes one report and is done. It touches nothing but what it is given. */
import type { ReportSources } from './build-report.ts';
import { type RenderMessage, renderNow } from './render-report.ts';

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<ReportSources>) => {
  try {
    const { bytes, findings } = renderNow(data);
    say({ kind: 'done', bytes, findings }, [bytes.buffer]);
  } catch (error) {
    // A name only: what failed may quote a person.
    say({ kind: 'failed', failure: error instanceof Error ? error.name : 'unknown' });
  }
};

function say(message: RenderMessage, transfer: ArrayBuffer[] = []): void {
  self.postMessage(message, transfer);
}
