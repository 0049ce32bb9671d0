import { hash } from 'node:crypto';

/** Bitcoin's alphabet: without 0, O, I and l, which look alike. */
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** 22 base58 characters that depend on the key alone. */
export function base58Id(key: string): string {
  const bytes = [...hash('sha256', key, 'buffer').subarray(0, 22)];
  return bytes.map((byte) => BASE58.charAt(byte % BASE58.length)).join('');
}

/** An id whose second half is a checksum of the first: no other system writes such an id. */
export function sampleId(key: string): string {
  const start = base58Id(key).slice(0, 11);
  return `exp_${start}${checksumOf(start)}`;
}

export function isSampleId(id: string): boolean {
  return id.startsWith('exp_') && id.slice(15) === checksumOf(id.slice(4, 15));
}

const checksumOf = (start: string) => base58Id(`sample/${start}`).slice(0, 11);

/** Each row of the samples picks from the same few texts. */
const splitTexts = new Map<string, readonly string[]>();

function wordsOf(alternatives: string): readonly string[] {
  const known = splitTexts.get(alternatives);
  if (known !== undefined) return known;
  const words = alternatives.split('|');
  splitTexts.set(alternatives, words);
  return words;
}

export type Random = ReturnType<typeof createRandom>;

/** A seeded generator (mulberry32): the same key yields the same values on every machine. */
export function createRandom(key: string) {
  let state = hash('sha256', key, 'buffer').readInt32LE();
  /** From 0 up to, but not including, 1. */
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  /** From `min` to `max`, both included. */
  const integer = (min: number, max: number) => min + Math.floor(fraction() * (max - min + 1));
  const pick = <T>(items: readonly T[]): T => {
    const item = items[integer(0, items.length - 1)];
    if (item === undefined) throw new RangeError('An empty list has no item to pick.');
    return item;
  };
  /** One of the alternatives in `one|another`. */
  const word = (alternatives: string) => pick(wordsOf(alternatives));
  return { fraction, integer, pick, word };
}
