import { ExportResource } from '../exports/export.js';
import { drawPerson, type Theme } from './address-book.js';
import type { Random } from './random.js';

export type Cell = string | number | boolean | null;
/** A record as JSON has it; its keys, in order, are the columns of the CSV. */
export type SampleRecord = Readonly<Record<string, Cell>>;

/** What a record is drawn from. */
export interface RecordSource {
  readonly random: Random;
  readonly theme: Theme;
  /** When the export ran: nothing in it is younger. */
  readonly at: Date;
  /** Counts from 1. */
  readonly number: number;
}

/** A believable record of each resource. */
export const drawRecord: Readonly<Record<ExportResource, (source: RecordSource) => SampleRecord>> =
  {
    [ExportResource.CONTACT]: (source) => {
      const { random } = source;
      const { name, company, email, phone, street, place, note } = drawPerson(random, source.theme);
      return {
        id: idOf('con', source),
        name,
        company: random.chance(0.7) ? company : null,
        email,
        phone,
        street,
        postal_code: place.postalCode,
        city: place.city,
        country: place.country,
        // What a customer owes or is owed; a negative number is data, not an attack.
        balance: random.chance(0.5) ? 0 : random.decimal(-400, 2500, 2),
        newsletter: random.chance(0.4),
        notes: random.chance(0.4) ? note : null,
        created_at: before(source, 900),
      };
    },
    [ExportResource.GROUP]: (source) => {
      const { random } = source;
      const { company, email, place, note } = drawPerson(random, source.theme);
      const emoji = random.pick(['🌟', '📦', '🎄', '🚚', '❤️', '🏳️‍🌈']);
      return {
        id: idOf('grp', source),
        name: random.chance(0.2) ? `${emoji} ${place.city}` : `${company} – ${place.city}`,
        description: note,
        owner: email,
        members: random.whole(0, 480),
        change_this_month: random.whole(-30, 60),
        parent_id: random.chance(0.3) ? `grp_${random.whole(100_000, 999_999)}` : null,
        created_at: before(source, 900),
      };
    },
    [ExportResource.LOCATION]: (source) => {
      const { random } = source;
      const { company, phone, street, place, note } = drawPerson(random, source.theme);
      return {
        id: idOf('loc', source),
        name: company,
        type: random.pick(['warehouse', 'store', 'office', 'pickup point', 'cold store']),
        street,
        postal_code: place.postalCode,
        city: place.city,
        country: place.country,
        // Within a few kilometres of the city's centre.
        latitude: Number((place.latitude + random.decimal(-0.04, 0.04, 5)).toFixed(5)),
        longitude: Number((place.longitude + random.decimal(-0.04, 0.04, 5)).toFixed(5)),
        phone,
        min_temperature_c: random.pick([null, null, '+5', '-18', '-22.5']),
        opens: random.pick(['07:00', '08:00', '08:30', '09:00']),
        closes: random.pick(['17:30', '18:00', '20:00']),
        notes: note,
      };
    },
    [ExportResource.SHIPMENT]: (source) => {
      const { random } = source;
      const { name, company, street, place, note } = drawPerson(random, source.theme);
      const status = random.pick([
        'label created',
        'in transit',
        'delivered',
        'delivered',
        'returned',
      ]);
      const shippedDaysAgo = random.decimal(4, 30, 4);
      return {
        id: idOf('shp', source),
        ...drawParcel(random),
        status,
        recipient: name,
        company: random.chance(0.5) ? company : null,
        street,
        postal_code: place.postalCode,
        city: place.city,
        country: place.country,
        weight_kg: random.decimal(0.1, 31.5, 2),
        parcels: random.chance(0.8) ? 1 : random.whole(2, 6),
        shipped_at: status === 'label created' ? null : daysBefore(source.at, shippedDaysAgo),
        delivered_at:
          status === 'delivered'
            ? daysBefore(source.at, shippedDaysAgo - random.decimal(0.5, 4, 4))
            : null,
        instructions: random.chance(0.4) ? note : null,
      };
    },
    [ExportResource.TRACKER]: (source) => {
      const { random } = source;
      const { name, place, note } = drawPerson(random, source.theme);
      const event = random.pick([
        'picked up',
        'arrived at hub',
        'customs',
        'out for delivery',
        'delivered',
      ]);
      return {
        id: idOf('trk', source),
        ...drawParcel(random),
        last_event: event,
        last_event_at: before(source, 6),
        last_event_city: place.city,
        country: place.country,
        latitude: place.latitude,
        longitude: place.longitude,
        events: random.whole(1, 14),
        delay_hours: random.whole(-12, 40),
        signed_by: event === 'delivered' ? name : null,
        message: random.chance(0.3) ? note : null,
      };
    },
    [ExportResource.SHIPPING_LABEL_INFERENCE]: (source) => {
      const { random } = source;
      const { name, street, place } = drawPerson(random, source.theme);
      const { tracking_number, carrier } = drawParcel(random);
      const confidence = random.decimal(0.41, 0.999, 3);
      const text = [carrier.toUpperCase(), name, street, `${place.postalCode} ${place.city}`];
      return {
        id: idOf('lbl', source),
        image: `label-${String(source.number).padStart(5, '0')}.jpg`,
        // Several lines in one cell, and what a camera makes of letters when it is not sure.
        raw_text: misread([...text, tracking_number].join('\n'), confidence),
        recipient: name,
        street,
        postal_code: place.postalCode,
        city: place.city,
        country: place.country,
        carrier,
        tracking_number,
        confidence,
        needs_review: confidence < 0.75,
        read_at: before(source, 3),
      };
    },
  };

/** Carriers that do not exist. */
function drawParcel(random: Random) {
  const [carrier, pattern] = random.pick([
    ['Northwind Parcel', 'NWP#########'],
    ['Heron Express', 'HX ### ### ### ##'],
    ['Blauvogel', '00340########'],
    ['Kitsune Cargo', 'KC-####-####-####'],
  ] as const);
  return { tracking_number: random.digits(pattern), carrier };
}

function misread(text: string, confidence: number): string {
  return confidence < 0.6 ? text.replace(/0/g, 'O').replace(/rn/g, 'm').replace(/l/g, '1') : text;
}

function idOf(prefix: string, { random, number }: RecordSource): string {
  return `${prefix}_${100_000 + number * 7 + random.whole(0, 6)}`;
}

/** A moment of the last so many days. */
function before({ random, at }: RecordSource, days: number): string {
  return daysBefore(at, random.fraction() * days);
}

function daysBefore(moment: Date, days: number): string {
  return new Date(moment.getTime() - days * 86_400_000).toISOString().replace(/\.\d+/, '');
}
