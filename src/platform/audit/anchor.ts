/**
 * Checkpoints put where another host keeps them: a folder that is mounted from it, or an object store. An anchor
 * is written once and never changed; `latest` finds it again after the database was lost or rolled back. Whoever
 * may write there could remove it: an anchor shows what was signed, it does not prove that nothing was taken away.
 */
import { link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { S3Client } from 'bun';

const LATEST = 'latest.txt';
const TIMEOUT_MS = 10_000;
/** More than any checkpoint has. */
const MAX_NOTE_BYTES = 64 * 1024;

export type AnchorStore = {
  readonly name: string;
  /** Keeps the checkpoint of a size, and names it the latest. */
  readonly put: (size: number, note: string) => Promise<void>;
  /** The note kept last; null where there is none. */
  readonly latest: () => Promise<string | null>;
};

/**
 * A store from `file:///folder` or `s3://bucket/prefix`; one that does not answer is not waited for.
 * @errors TypeError for any other address
 */
export function anchorStore(address: string, timeoutMs = TIMEOUT_MS): AnchorStore {
  const url = new URL(address);
  switch (url.protocol) {
    case 'file:':
      return bounded(folderAnchor(fileURLToPath(url)), timeoutMs);
    case 's3:':
      return bounded(bucketAnchor(url.hostname, url.pathname.replace(/^\/|\/$/g, '')), timeoutMs);
    default:
      throw new TypeError('an anchor is file:///folder or s3://bucket/prefix');
  }
}

function bounded({ name, put, latest }: AnchorStore, timeoutMs: number): AnchorStore {
  return {
    name,
    put: (size, note) => inTime(put(size, note), timeoutMs),
    latest: () => inTime(latest(), timeoutMs),
  };
}

async function inTime<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new DOMException('the anchor does not answer', 'TimeoutError')),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function folderAnchor(folder: string): AnchorStore {
  return {
    name: `file://${folder}`,
    put: async (size, note) => {
      // A folder that is not there is another host's that is not mounted: one of our own would say nothing.
      await mkdir(join(folder, 'checkpoint')).catch(ignoreCode('EEXIST'));
      const kept = join(folder, 'checkpoint', `${size}.txt`);
      const draft = `${kept}.${crypto.getRandomValues(new Uint8Array(8)).toHex()}`;
      await writeDurably(draft, note);
      // A link never replaces: what is kept stays as it was first written.
      await link(draft, kept).catch(ignoreCode('EEXIST'));
      await rename(draft, join(folder, LATEST)).catch(async (failure: unknown) => {
        await unlink(draft);
        throw failure;
      });
    },
    latest: () => readBounded(join(folder, LATEST)).catch(ignoreCode('ENOENT')),
  };
}

/** Credentials, region and endpoint are the S3 client's own: `S3_ENDPOINT`, `S3_ACCESS_KEY_ID` and so on. */
function bucketAnchor(bucket: string, prefix: string): AnchorStore {
  const client = new S3Client({ bucket });
  const nameOf = (name: string) => (prefix === '' ? name : `${prefix}/${name}`);
  return {
    name: `s3://${bucket}/${prefix}`,
    put: async (size, note) => {
      const kept = client.file(nameOf(`checkpoint/${size}.txt`));
      if (!(await kept.exists())) {
        await kept.write(note);
      }
      await client.file(nameOf(LATEST)).write(note);
    },
    latest: async () => {
      const file = client.file(nameOf(LATEST));
      return (await file.exists()) ? file.slice(0, MAX_NOTE_BYTES).text() : null;
    },
  };
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_NOTE_BYTES), 0, MAX_NOTE_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function ignoreCode(code: string): (failure: unknown) => null {
  return (failure) => {
    if ((failure as { readonly code?: unknown }).code === code) {
      return null;
    }
    throw failure;
  };
}
