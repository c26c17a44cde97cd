import type { Location } from '../context.ts';

/** What a proxy may say of where a client is. */
export const LOCATION_MEMBERS = [
  'country',
  'city',
  'latitude',
  'longitude',
  'timeZone',
] as const satisfies readonly (keyof Location)[];

export type LocationHeaders = { readonly [Member in keyof Location]?: string };

/**
 * Reads what headers carry the location: `country=CF-IPCountry,city=CF-IPCity`.
 * @errors Error naming what cannot be read
 */
export function parseLocationHeaders(text: string): LocationHeaders {
  const headers: { -readonly [Member in keyof Location]?: string } = {};
  for (const entry of text.split(',').map((part) => part.trim())) {
    const [, member, header] = /^([A-Za-z]+)=([A-Za-z0-9-]{1,64})$/.exec(entry) ?? [];
    const known = LOCATION_MEMBERS.find((name) => name === member);
    if (known === undefined || header === undefined || headers[known] !== undefined) {
      throw new Error(`must list ${LOCATION_MEMBERS.join(', ')} once each, as in country=CF-IPCountry`);
    }
    headers[known] = header.toLowerCase();
  }
  if (headers.country === undefined) {
    throw new Error('must name the header of the country');
  }
  return headers;
}
