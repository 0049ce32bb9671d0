import type { Random } from './random.js';
import type { Name, Place, Region } from './regions.js';
import { english, regions } from './world.js';

/** Whom and what the rows of one file are about. */
export interface Theme {
  /** The language the export is named in, and that of its rows unless it is `mixed`. */
  readonly region: Region;
  /** Set when all of it lies in one city. */
  readonly place: Place | null;
  /** Whether its rows come from everywhere. */
  readonly mixed: boolean;
}

export function drawTheme(random: Random): Theme {
  if (random.chance(0.3)) return { region: english, place: null, mixed: true };
  const region = random.pick(regions);
  return { region, place: random.chance(0.4) ? random.pick(region.places) : null, mixed: false };
}

export interface Person {
  readonly name: string;
  readonly company: string;
  readonly email: string;
  readonly phone: string;
  readonly street: string;
  readonly place: Place;
  readonly note: string;
}

/** Somebody who does not exist, at an address whose city and postal code do. */
export function drawPerson(random: Random, theme: Theme): Person {
  const region = theme.mixed ? random.pick(regions) : theme.region;
  const first = random.pick(region.firstNames);
  const last = random.pick(region.lastNames);
  const place = theme.place ?? random.pick(region.places);
  return {
    name: region.fullName.replace('{first}', first.written).replace('{last}', last.written),
    company: random.pick(region.companies).replace('{last}', random.pick(region.lastNames).written),
    email: drawEmail(random, first, last),
    phone: random.digits(phones[place.country] ?? FALLBACK_PHONE),
    street: random.pick(region.streets).replace(/#/g, () => String(random.whole(1, 48))),
    place,
    note: random.pick(region.notes),
  };
}

/** Only domains that RFC 2606 reserves, so that no mail to a sample ever reaches anyone. */
export function drawEmail(random: Random, first: Name, last: Name): string {
  const domain = random.pick([
    'example.com',
    'example.net',
    'example.org',
    `${last.latin}.example`,
  ]);
  const number = random.chance(0.3) ? String(random.whole(1, 99)) : '';
  return `${first.latin}.${last.latin}${number}@${domain}`;
}

/**
 * Nobody's numbers: the blocks that Ofcom, Bundesnetzagentur, Arcep, ACMA and the North American plan keep for fiction,
 * and elsewhere numbers too short to be anybody's.
 */
const phones: Readonly<Record<string, string>> = {
  US: '+1 (202) 555-01##',
  CA: '+1 (514) 555-01##',
  GB: '+44 20 7946 0###',
  DE: '+49 30 23125 ###',
  FR: '+33 1 99 00 ## ##',
  AU: '+61 2 5550 ####',
  AT: '+43 1 555 01##',
  CH: '+41 44 555 01#',
  PL: '+48 22 555 01#',
  PT: '+351 21 555 01#',
  BR: '+55 11 5550-01#',
  ZA: '+27 21 555 01#',
  KZ: '+7 727 555 01#',
  KG: '+996 312 55 50#',
  GR: '+30 21 0555 01#',
  JP: '+81 3-5550-01#',
  CN: '+86 10 5550 01#',
  KR: '+82 2-555-01#',
  AE: '+971 4 555 01#',
  JO: '+962 6 555 01#',
  EG: '+20 2 5550 01#',
  IL: '+972 3 555 01#',
};
const FALLBACK_PHONE = '+1 (202) 555-01##';
