/** What the sealed content of a declaration is bound to. */
export function declarationContentPlace(declarationId: string) {
  return { table: 'kyc_declarations', column: 'content', rowId: declarationId };
}
