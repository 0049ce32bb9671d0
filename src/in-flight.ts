interface Entry<Item> {
  readonly item: Item;
  index: number;
}

/**
 * Items that come and go with each request. V8 replaces the table of a Set or Map that they churn
 * again and again, and an old table keeps its items and the next table in memory until a full
 * garbage collection: a Set of the open responses took a fifth of the requests per second.
 */
export class InFlight<Item> implements Iterable<Item> {
  readonly #entries: Entry<Item>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** Returns the function that removes the item. */
  add(item: Item): () => void {
    const entry = { item, index: this.#entries.length };
    this.#entries.push(entry);
    return () => {
      this.#remove(entry);
    };
  }

  /** The items of now, in no order. */
  [Symbol.iterator](): Iterator<Item> {
    return this.#entries.map(({ item }) => item).values();
  }

  #remove(entry: Entry<Item>): void {
    const { index } = entry;
    if (this.#entries[index] !== entry) return;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    this.#entries[index] = last;
    last.index = index;
  }
}
