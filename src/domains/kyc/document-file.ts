import type { Id } from '../../kernel/id.ts';

/** Where a document's sealed content rests. */
export function documentFileName(fileId: Id): string {
  return `kyc/${fileId}`;
}

/** What its ciphertext is bound to. */
export function documentPlace(fileId: Id) {
  return { table: 'files', column: 'content', rowId: fileId };
}
