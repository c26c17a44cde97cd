/**
 * Mail is a port. The built-in adapter writes each message to a folder, for evaluation; a firm sends
 * by SMTP (smtp.ts). Nothing but the queue (mail-queue.ts) talks to an adapter.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../../kernel/id.ts';

export type Mail = { readonly to: string; readonly subject: string; readonly text: string };

/** A message the other side will never take; trying again would not help. */
export class MailRefusedError extends Error {
  override readonly name = 'MailRefusedError';
}

/** A message the other side does not take now; it answers, and may take another. */
export class MailDeferredError extends Error {
  override readonly name = 'MailDeferredError';
}

export type MailTransport = {
  /** Resolves once the other side has taken the message. @errors MailRefusedError; MailDeferredError and others worth another try */
  readonly deliver: (mail: Mail) => Promise<void>;
  readonly close: () => void;
};

/** Writes messages as RFC 5322 files under `folder`, readable by the server's user only. */
export function folderTransport(folder: string): MailTransport {
  return {
    deliver: async (mail) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const text = `To: ${oneLine(mail.to)}\r\nSubject: ${oneLine(mail.subject)}\r\n\r\n${mail.text}\r\n`;
      await writeFile(join(folder, `${newId()}.eml`), text, { mode: 0o600 });
    },
    close: () => {},
  };
}

/** A header value cannot start another header. */
export function oneLine(text: string): string {
  return [...text].map((character) => (isControl(character) ? ' ' : character)).join('');
}

/** C0 and C1 controls, and the two separators some readers take for a line end. */
function isControl(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029;
}
