import type { Id } from '../../kernel/id.ts';

/** Where a document's sealed content rests. */
export function documentFileName(fileId: Id): string {
  return `kyc/${fileId}`;
}

/** What its ciphertext is bound to. */
export function documentPlace(fileId: Id) {
  return { table: 'files', column: 'content', rowId: fileId };
}

/** What a document's sealed machine-readable zone is bound to. */
export function mrzPlace(documentId: Id) {
  return { table: 'kyc_documents', column: 'mrz', rowId: documentId };
}

/** What a document's sealed number is bound to. */
export function numberPlace(documentId: Id) {
  return { table: 'kyc_documents', column: 'number', rowId: documentId };
}
