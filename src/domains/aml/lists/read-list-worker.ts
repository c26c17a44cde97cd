/** Reads one publication, hands its entries over in portions and is done. It touches nothing but what it is given. */
import { ListFormatError } from './list-format-error.ts';
import { type ListFiles, type ListFormat, parseListFiles } from './parse-list.ts';
import { type ReadMessage, readEntity } from './read-list.ts';

declare const self: Worker;

const PORTION = 250;

self.onmessage = ({ data }: MessageEvent<{ format: ListFormat; files: ListFiles }>) => {
  try {
    const entities = parseListFiles(data.format, data.files);
    for (let start = 0; start < entities.length; start += PORTION) {
      say({ kind: 'entities', entities: entities.slice(start, start + PORTION).map(readEntity) });
    }
    say({ kind: 'done' });
  } catch (error) {
    say(
      error instanceof ListFormatError
        ? { kind: 'refused', code: error.code, detail: error.detail, line: error.line }
        : { kind: 'failed', failure: error instanceof Error ? error.name : 'unknown' },
    );
  }
};

function say(message: ReadMessage): void {
  self.postMessage(message);
}
