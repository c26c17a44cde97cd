import type { ContentFault, Inspection } from './inspect-content.ts';

const MAX_PAGES = 200;

/** How far from the end a reader may look for the end. @units bytes */
const TAIL_BYTES = 1_024;

/**
 * Names that make a PDF do something, or carry something, besides being read. They are long enough not to stand in
 * compressed pixels by chance.
 */
const REFUSED: readonly (readonly [RegExp, ContentFault])[] = [
  [/\/Encrypt(?![A-Za-z])/, 'encrypted'],
  [/\/(?:JavaScript|Launch|RichMedia|SubmitForm|ImportData)(?![A-Za-z])/, 'active_content'],
  [/\/OpenAction\s*<</, 'active_content'],
  [/\/EmbeddedFiles?(?![A-Za-z])/, 'embedded_file'],
];

/**
 * Looks at a PDF without opening its streams: where it begins and ends, what its names say it does and how many
 * pages it counts. Names inside compressed object streams are out of its sight; whoever views one does so without
 * scripts.
 * @source ISO 32000-1
 */
export function inspectPdf(content: Buffer): Inspection {
  const end = content.subarray(-TAIL_BYTES).lastIndexOf('%%EOF');
  if (end === -1) {
    return { fault: 'truncated' };
  }
  const after = content.subarray(-TAIL_BYTES).subarray(end + 5);
  if (!/^[\s\0]*$/.test(after.toString('latin1'))) {
    return { fault: 'data_after_end' };
  }
  // A name may be written with any of its letters as #xx; readers undo that, and so does this.
  const names = content
    .toString('latin1')
    .replace(/#([0-9A-Fa-f]{2})/g, (_whole, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  const refused = REFUSED.find(([name]) => name.test(names));
  if (refused !== undefined) {
    return { fault: refused[1] };
  }
  const pages = names.match(/\/Type\s*\/Page(?![A-Za-z])/g)?.length ?? 0;
  // Not spread into an argument each: a file can hold more of them than a call takes.
  let pageCount = pages;
  for (const [, count] of names.matchAll(/\/Count\s+(\d{1,9})(?!\d)/g)) {
    pageCount = Math.max(pageCount, Number.parseInt(count ?? '0', 10));
  }
  if (pageCount >= MAX_PAGES) {
    return { fault: 'too_many_pages' };
  }
  return {
    contentType: 'application/pdf',
    width: null,
    height: null,
    pageCount: pageCount || null,
  };
}
