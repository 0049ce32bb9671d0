import { ExportFileKind } from '../exports/export-file.js';
import { ExportResource } from '../exports/export.js';
import type { Theme } from './address-book.js';
import type { Random } from './random.js';

/** A name as people give them, in the language of the theme. */
export function drawExportName(
  random: Random,
  { theme, resource, createdAt }: { theme: Theme; resource: ExportResource; createdAt: Date },
): string {
  const { language, titles, titleOfCity } = theme.region;
  const pattern =
    theme.place !== null
      ? random.pick([titleOfCity, titleOfCity, `${titleOfCity} {month}`])
      : random.weighted([
          [random.pick(plain), 6],
          [random.pick(odd), 2],
          [random.pick(language === 'en' ? oddEnglish : plain), 1],
        ]);
  const title = titles[resource];
  const date = createdAt.toISOString().slice(0, 10);
  return pattern
    .replace('{title}', title)
    .replace('{TITLE}', title.toLocaleUpperCase(language))
    .replace('{lower}', title.toLocaleLowerCase(language))
    .replace('{emoji}', emojis[resource])
    .replace('{city}', theme.place?.city ?? '')
    .replace('{month}', monthOf(createdAt, language))
    .replace('{date}', date)
    .replace('{year}', date.slice(0, 4))
    .replace('{week}', String(weekOf(createdAt)));
}

const plain = [
  '{title} {month}',
  '{title} {date}',
  '{emoji} {title} {year}-W{week}',
  '{title} {year}',
];

/** What searching and saving must cope with: names nearly equal, and signs that mean something somewhere else. */
const odd = [
  '{TITLE} {year}',
  '{lower} {year}',
  '{title}_{year}',
  '{title}%{year}',
  '{title}  {year}',
  '{title} – 100 %',
  '“{title}” (2)',
  '{title}/{year} <2>?',
  'C:\\exports\\{title}',
  '✅ {title} ❤️‍🔥👩‍👩‍👧 {date}',
];
const oddEnglish = [
  '{title} 100_percent',
  '"{title}" – O’Brien\'s copy',
  '{emoji} {title} week {week}',
  '{title} {date} as agreed on the telephone, with every field that the auditors of the parent company asked for, including the ones that nobody fills in, and sorted the way the previous system sorted them, for comparison',
];

const emojis: Readonly<Record<ExportResource, string>> = {
  [ExportResource.CONTACT]: '📇',
  [ExportResource.GROUP]: '👥',
  [ExportResource.LOCATION]: '📍',
  [ExportResource.SHIPMENT]: '🚚',
  [ExportResource.TRACKER]: '🛰️',
  [ExportResource.SHIPPING_LABEL_INFERENCE]: '🏷️',
};

/** The names that browsers save the files of an export under. */
export function fileNameOf(exportName: string, kind: ExportFileKind): string {
  // The signs that Windows, macOS or Linux refuse in names, and the spaces and dots that Windows drops at the end.
  const safe = exportName.replace(/[\p{Cc}/\\:*?"<>|]+/gu, '_').replace(/[. ]+$/, '');
  return `${shortened(safe).trim()}${endings[kind]}`;
}

/** File systems count bytes or UTF-16 units, 255 of them, and an ending follows. No letter is cut in two. */
function shortened(stem: string): string {
  // As a stream, the decoder leaves out a character of which only some bytes are there.
  const bytes = Buffer.from(stem).subarray(0, MAX_STEM_BYTES);
  const end = new TextDecoder().decode(bytes, { stream: true }).length;
  return stem.slice(0, segmenter.segment(stem).containing(end)?.index);
}
const MAX_STEM_BYTES = 200;
const segmenter = new Intl.Segmenter();

const endings: Readonly<Record<ExportFileKind, string>> = {
  [ExportFileKind.JSON]: '.json',
  [ExportFileKind.CSV]: '.csv',
  [ExportFileKind.CSV_ERROR]: ' - errors.csv',
  [ExportFileKind.CSV_SANITIZED]: ' - sanitized.csv',
};

/** Making a formatter, like a segmenter, takes far longer than using it. */
const monthFormats = new Map<string, Intl.DateTimeFormat>();

function monthOf(date: Date, language: string): string {
  const options = { month: 'long', year: 'numeric', timeZone: 'UTC' } as const;
  const format = monthFormats.get(language) ?? new Intl.DateTimeFormat(language, options);
  monthFormats.set(language, format);
  return format.format(date);
}

/** The week of ISO 8601: the one that holds the year's first Thursday is the first. */
function weekOf(date: Date): number {
  const thursday = new Date(date);
  thursday.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const newYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return Math.floor((thursday.getTime() - newYear) / (7 * 86_400_000)) + 1;
}
