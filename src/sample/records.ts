import { ExportResource, type KnownResource } from '../exports/export.js';
import type { Random } from './random.js';

export type Cell = string | number | boolean | null;
export type SampleRecord = Readonly<Record<string, Cell>>;

/**
 * Words by language: `|` separates alternatives, `:` a name and its form in e-mail addresses.
 * Titles follow ExportResource. Phone numbers are reserved for fiction or too short to exist.
 */
export const locales = [
  {
    names: ['Jürgen:juergen|Amara|Siobhán:siobhan|Zoë:zoe', 'Smith|O’Connor:oconnor|Brontë:bronte'],
    companies: 'Walker Ltd|Müller & Sons|Okafor Logistics Inc.|Café Noël, Ltd',
    addresses: '# Mill Lane;London;EC2A 4NE;GB;51.52;-0.08|# High St;Leeds;LS1 4DY;GB;53.80;-1.55',
    phone: '+44 20 7946 09',
    notes: 'Leave with a neighbour|Ring twice|Prefers e-mail, not phone',
    titles: 'Contacts|Groups|Locations|Shipments|Trackers|Label scans',
  },
  {
    names: ['Ким:kim|Ахметов:akhmetov|Лебедь:lebed', 'Юлия:yulia|Тимур:timur|Айгерим:aigerim'],
    companies: 'ООО «Лебедь»|Торговый дом «Кузнец»|Мельник и партнёры',
    addresses: 'пр. Абая, #;Алматы;050000;KZ;43.24;76.89|ул. Мира, #;Астана;010000;KZ;51.17;71.45',
    phone: '+7 727 555 0',
    notes: 'Позвонить за час|Оставить на охране|Только после 18:00',
    titles: 'Контакты|Группы|Склады|Отправления|Отслеживание|Этикетки',
  },
  {
    names: ['佐藤:sato|髙橋:takahashi|𠮷田:yoshida', '美咲:misaki|さくら:sakura|ケン:ken'],
    companies: '株式会社佐藤商店|小林運輸株式会社|有限会社森製作所',
    addresses: '神南#番;東京都;150-0041;JP;35.66;139.70|本町3-#;大阪市;541-0053;JP;34.68;135.50',
    phone: '+81 3-5550-0',
    notes: '宅配ボックスへ|午前中指定|電話連絡のうえ配達',
    titles: '顧客リスト|グループ|拠点一覧|出荷データ|配送状況|送り状の読み取り',
  },
  {
    names: ['ليلى:layla|يوسف:yousef|عمر:omar', 'حداد:haddad|الخطيب:alkhatib|ناصر:nasser'],
    companies: 'شركة حداد للتجارة|مؤسسة ناصر للشحن|مخابز المصري',
    addresses: 'شارع السلام #;دبي;00000;AE;25.20;55.27|شارع النخيل #;أبوظبي;00000;AE;24.45;54.38',
    phone: '+971 4 555 0',
    notes: 'يرجى الاتصال قبل التوصيل|التسليم للحارس',
    titles: 'جهات الاتصال|المجموعات|المواقع|رسائل الشحن|تتبع الشحنات|ملصقات الشحن',
  },
] as const;
type Locale = (typeof locales)[number];

/** The locales of an export's records. The first one is the language of its name. */
export function generateTheme(random: Random): readonly [Locale, ...Locale[]] {
  return random.fraction() < 0.3 ? locales : [random.pick(locales)];
}

export function generatePerson(random: Random, locale: Locale): { name: string; email: string } {
  const parts = locale.names.map((names) => random.word(names).split(':'));
  const mailbox = parts.map((part) => part.at(-1)?.toLowerCase()).join('.');
  // RFC 2606 reserves these domains: mail to them reaches no mailbox.
  const domain = random.word('example.com|example.net|example.org');
  const name = parts.map(([written]) => written).join(' ');
  return { name, email: `${mailbox}${random.integer(1, 99)}@${domain}` };
}

const ADDRESS = 'street postal_code city country';
const PARCEL = 'carrier tracking_number status';
/** The columns of each resource, in the order of CSV and JSON. */
export const columnsOf: Readonly<Record<KnownResource, string>> = {
  [ExportResource.CONTACT]: `id name company email phone ${ADDRESS} balance notes created_at`,
  [ExportResource.GROUP]: 'id title members notes created_at',
  [ExportResource.LOCATION]: `id company ${ADDRESS} latitude longitude phone notes`,
  [ExportResource.SHIPMENT]: `id ${PARCEL} name ${ADDRESS} weight_kg shipped_at notes`,
  [ExportResource.TRACKER]: `id ${PARCEL} name city latitude longitude shipped_at notes`,
  [ExportResource.SHIPPING_LABEL_INFERENCE]: `id raw_text name ${ADDRESS} confidence unsure`,
};

/** Values for every column; those that take long to write are null unless they are in `columns`. */
export function generateRecord(
  random: Random,
  locale: Locale,
  { at, columns }: { at: Date; columns: readonly string[] },
): SampleRecord {
  const { name, email } = generatePerson(random, locale);
  const address = random.word(locale.addresses).split(';');
  const [line = '', city = '', postal_code = '', country = '', latitude, longitude] = address;
  const street = line.replace('#', String(random.integer(1, 48)));
  const company = random.word(locale.companies);
  const carrier = random.word('Northwind Parcel|Heron Express|Blauvogel|Kitsune Cargo');
  const tracking_number = `${carrier.charAt(0)}${random.integer(1e9, 1e10 - 1)}`;
  const status = random.word('label created|in transit|delivered|delivered|returned');
  const daysAgo = (column: string, days: number) =>
    columns.includes(column) ? new Date(at.getTime() - days * 86_400_000).toISOString() : null;
  const nearby = (degrees = '') =>
    Math.round(Number(degrees) * 1e5 + random.integer(-999, 999)) / 1e5;
  const label = [carrier, name, street, postal_code, city, tracking_number].join('\n');
  const confidence = random.integer(410, 999) / 1000;
  return {
    id: random.integer(100_000, 999_999),
    name,
    email,
    company,
    street,
    postal_code,
    city,
    country,
    latitude: nearby(latitude),
    longitude: nearby(longitude),
    phone: `${locale.phone}${random.integer(10, 99)}`,
    // What a customer owes or is owed: a negative number is data, not a formula.
    balance: random.integer(-40_000, 250_000) / 100,
    notes: random.fraction() < 0.5 ? random.word(locale.notes) : null,
    created_at: daysAgo('created_at', random.fraction() * 900),
    title: `${random.word('🌟|📦|🎄|❤️|🏳️‍🌈')} ${company} – ${city}`,
    members: random.integer(0, 480),
    carrier,
    tracking_number,
    status,
    weight_kg: random.integer(10, 3150) / 100,
    shipped_at: status === 'label created' ? null : daysAgo('shipped_at', random.fraction() * 30),
    // Several lines in one cell, misread where the camera is unsure.
    raw_text: confidence < 0.6 ? label.replaceAll('0', 'O').replaceAll('l', '1') : label,
    confidence,
    unsure: confidence < 0.6,
  };
}
