import { createHash } from 'node:crypto';

/** Bitcoin's: without 0, O, I and l, which look alike. */
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/**
 * Numbers that look random and are the same for the same key on every machine. Whatever has a key of its own does not
 * change when something else is drawn before it. The generator is sfc32 (Chris Doty-Humphrey, PractRand).
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  constructor(key: string) {
    const state = createHash('sha256').update(key).digest();
    this.a = state.readInt32LE(0);
    this.b = state.readInt32LE(4);
    this.c = state.readInt32LE(8);
    this.counter = state.readInt32LE(12);
  }

  /** From 0 up to but not 1. */
  fraction(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  /** A number from `min` to `max` with so many decimals. */
  decimal(min: number, max: number, decimals: number): number {
    return Number((min + this.fraction() * (max - min)).toFixed(decimals));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return at(items, Math.floor(this.fraction() * items.length));
  }

  /** One of the items, each as often as its weight says. */
  weighted<T>(items: readonly (readonly [item: T, weight: number])[]): T {
    let left = this.fraction() * items.reduce((sum, [, weight]) => sum + weight, 0);
    const found = items.find(([, weight]) => (left -= weight) < 0);
    return (found ?? at(items, items.length - 1))[0];
  }

  base58(length: number): string {
    return Array.from({ length }, () => BASE58.charAt(this.whole(0, 57))).join('');
  }

  /** The pattern with every `#` replaced by a digit. */
  digits(pattern: string): string {
    return pattern.replace(/#/g, () => String(this.whole(0, 9)));
  }
}

/** The item at an index that is known to be there. Throws RangeError when it is not. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`There is no item ${index} of ${items.length}.`);
  return item;
}
