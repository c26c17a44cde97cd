/**
 * Mail is a port. The built-in adapter writes each message to a folder, for evaluation; a firm's
 * SMTP adapter takes its place. Mail is sent after commit: a lost mail is asked for again, a mail
 * about something that was rolled back cannot be taken back.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../../kernel/id.ts';

export type Mail = { readonly to: string; readonly subject: string; readonly text: string };

export type Mailer = { readonly send: (mail: Mail) => Promise<void> };

/** Writes messages as RFC 5322 files under `folder`, readable by the server's user only. */
export function folderMailer(folder: string): Mailer {
  return {
    send: async (mail) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const text = `To: ${oneLine(mail.to)}\r\nSubject: ${oneLine(mail.subject)}\r\n\r\n${mail.text}\r\n`;
      await writeFile(join(folder, `${newId()}.eml`), text, { mode: 0o600 });
    },
  };
}

/** A header value cannot start another header. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}
