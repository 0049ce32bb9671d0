/** Items in the order of their arrival. */
class Queue<Item extends object> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get isEmpty(): boolean {
    return this.#head === this.#items.length;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  delete(item: Item): void {
    const index = this.#items.indexOf(item, this.#head);
    if (index !== -1) this.#items.splice(index, 1);
  }

  take(): Item | undefined {
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (2 * this.#head >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/** Waiting items, of which each organization has a queue. The organizations take turns. */
export class FairQueue<Item extends object> {
  /** In the order of the organizations' turns. */
  #queues = new Map<string, Queue<Item>>();

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  add(organization: string, item: Item): void {
    let queue = this.#queues.get(organization);
    if (queue === undefined) this.#queues.set(organization, (queue = new Queue()));
    queue.add(item);
  }

  delete(organization: string, item: Item): void {
    const queue = this.#queues.get(organization);
    queue?.delete(item);
    if (queue?.isEmpty === true) this.#remove(organization);
  }

  /** Removes and returns the next item of an organization that may take its turn. */
  take(mayTake: (organization: string) => boolean = () => true): Item | undefined {
    for (const [organization, queue] of this.#queues) {
      if (!mayTake(organization)) continue;
      const oldest = queue.take();
      if (queue.isEmpty) {
        this.#remove(organization);
      } else if (this.#queues.size > 1) {
        // The end of the order.
        this.#queues.delete(organization);
        this.#queues.set(organization, queue);
      }
      return oldest;
    }
    return undefined;
  }

  #remove(organization: string): void {
    this.#queues.delete(organization);
    // Else its old tables would keep items in memory, as in-flight.ts says.
    if (this.#queues.size === 0) this.#queues = new Map();
  }
}
