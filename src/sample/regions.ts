import { ExportResource } from '../exports/export.js';
import { at } from './random.js';

/** A place that exists, with a postal code of it and its coordinates in degrees. */
export interface Place {
  readonly city: string;
  readonly postalCode: string;
  /** ISO 3166-1. */
  readonly country: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** A name as its bearer writes it, and in the letters of an e-mail address. */
export interface Name {
  readonly written: string;
  readonly latin: string;
}

/** The words for people, places and exports of one language. */
export interface Region {
  /** BCP 47. */
  readonly language: string;
  readonly firstNames: readonly Name[];
  readonly lastNames: readonly Name[];
  /** How a full name is put together. */
  readonly fullName: string;
  readonly companies: readonly string[];
  readonly places: readonly Place[];
  /** Each `#` stands for a number. */
  readonly streets: readonly string[];
  readonly notes: readonly string[];
  /** What exports are called, for each resource. */
  readonly titles: Readonly<Record<ExportResource, string>>;
  /** How an export that is about one city is called. */
  readonly titleOfCity: string;
}

/** A region as it is written down: lists with `|` between the items, in the order of `Region`. */
interface RegionText {
  readonly firstNames: string;
  readonly lastNames: string;
  readonly fullName: string;
  readonly companies: string;
  /** City, postal code, country, latitude, longitude. */
  readonly places: string;
  readonly streets: string;
  readonly notes: string;
  /** In the order of ExportResource. */
  readonly titles: string;
  readonly titleOfCity: string;
}

/** Reads what is written down. Throws RangeError when a part is missing. */
export function region(language: string, text: RegionText): Region {
  const titles = list(text.titles);
  return {
    language,
    firstNames: list(text.firstNames).map(name),
    lastNames: list(text.lastNames).map(name),
    fullName: text.fullName,
    companies: list(text.companies),
    places: list(text.places).map(place),
    streets: list(text.streets),
    notes: list(text.notes),
    titles: {
      [ExportResource.CONTACT]: at(titles, 0),
      [ExportResource.GROUP]: at(titles, 1),
      [ExportResource.LOCATION]: at(titles, 2),
      [ExportResource.SHIPMENT]: at(titles, 3),
      [ExportResource.TRACKER]: at(titles, 4),
      [ExportResource.SHIPPING_LABEL_INFERENCE]: at(titles, 5),
    },
    titleOfCity: text.titleOfCity,
  };
}

function list(text: string): string[] {
  return text.split('|').map((item) => item.trim());
}

/** `田中:tanaka`, or `Müller` where taking the marks off the letters is enough. */
function name(text: string): Name {
  const [written = text, latin = written] = text.split(':');
  return {
    written,
    latin: latin
      .normalize('NFD')
      .replace(/[^A-Za-z]/g, '')
      .toLowerCase(),
  };
}

function place(text: string): Place {
  const parts = text.split(', ');
  return {
    city: at(parts, 0),
    postalCode: at(parts, 1),
    country: at(parts, 2),
    latitude: Number(at(parts, 3)),
    longitude: Number(at(parts, 4)),
  };
}
