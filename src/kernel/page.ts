/** One page of a keyset listing. */
export type Page<Row> = { readonly data: readonly Row[]; readonly nextCursor: string | null };

export const DEFAULT_PAGE_LIMIT = 50;
export const MAX_PAGE_LIMIT = 200;
