/**
 * Where the client is, as far as a proxy we trust says so. Nothing is looked up and nothing is believed
 * of a header that anybody could have sent.
 */
import type { Location } from '../platform/context.ts';
import { LOCATION_MEMBERS, type LocationHeaders } from '../platform/http/location-headers.ts';
import type { ClientLocation } from '../platform/http/router.ts';

/** What each member may look like; anything else a header says is passed over. */
const SHAPES: { readonly [Member in (typeof LOCATION_MEMBERS)[number]]: RegExp } = {
  country: /^[A-Z]{2}$/,
  city: /^[\p{L}\p{M}\p{N} .,'’()/-]{1,100}$/u,
  latitude: /^-?(?:90(?:\.0{1,8})?|[0-8]?\d(?:\.\d{1,8})?)$/,
  longitude: /^-?(?:180(?:\.0{1,8})?|(?:1[0-7]|\d)?\d(?:\.\d{1,8})?)$/,
  timeZone: /^[A-Za-z0-9_+/-]{1,60}$/,
};

/** Codes a proxy sends where it does not know: reserved for users by ISO 3166, or of no country. */
const UNKNOWN_COUNTRIES = ['XX', 'ZZ'];

/** Reads the location from the headers of peers that are trusted proxies; unknown without a country. */
export function clientLocationBehind(
  isTrusted: (peer: string) => boolean,
  names: LocationHeaders | null,
): ClientLocation {
  return (peer, headers) => {
    if (names === null || !isTrusted(peer)) {
      return undefined;
    }
    const found: { -readonly [Member in keyof Location]?: string } = {};
    for (const member of LOCATION_MEMBERS) {
      const name = names[member];
      const value = name === undefined ? null : headers.get(name);
      if (value !== null && SHAPES[member].test(value)) {
        found[member] = value;
      }
    }
    const { country, ...more } = found;
    return country === undefined || UNKNOWN_COUNTRIES.includes(country) ? undefined : { country, ...more };
  };
}
