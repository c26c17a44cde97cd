import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deps } from '../platform/context.ts';

export type ReadMail = { readonly subject: string; readonly text: string };

/** What was mailed to an address so far, oldest first, once everything that waits is sent. */
export async function mailsTo(deps: Deps, address: string): Promise<readonly ReadMail[]> {
  await deps.mail.drained();
  const folder = join(deps.dataDir, 'mail');
  // Names are ids, which sort by time.
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(
    names.toSorted(compare).map((name) => readFile(join(folder, name), 'utf8')),
  );
  return texts
    .filter((text) => text.startsWith(`To: ${address}\r\n`))
    .map((text) => {
      const [head = '', ...body] = text.split('\r\n\r\n');
      return { subject: /^Subject: (.*)$/m.exec(head)?.[1]?.trim() ?? '', text: body.join('\r\n\r\n') };
    });
}

function compare(left: string, right: string): number {
  return left < right ? -1 : 1;
}
