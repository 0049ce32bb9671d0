import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';

import { createCaches } from '../../src/graphql/caches.js';

describe('what is kept between requests has a bound', () => {
  it('of documents, by their size', async () => {
    const { documentStore } = createCaches();
    const large = `{ ${Array.from({ length: 4_000 }, (_, at) => `a${at}: id`).join(' ')} }`;
    const keys = Array.from({ length: 20 }, (_, at) => `document ${at}`);
    for (const key of keys) await documentStore?.set(key, parse(large));
    const kept = await Promise.all(keys.map(async (key) => documentStore?.get(key)));
    // Of some 12,000 tokens each.
    expect(kept.map((each) => each !== undefined)).toEqual(keys.map((_, at) => at >= 16));
  });

  it('of documents, by their text as well: spaces are kept, too', async () => {
    const { documentStore } = createCaches();
    const keys = Array.from({ length: 150 }, (_, at) => `document ${at}`);
    for (const key of keys) await documentStore?.set(key, parse(`{ id }${' '.repeat(250_000)}`));
    const kept = await Promise.all(keys.map(async (key) => documentStore?.get(key)));
    expect(kept.filter((each) => each !== undefined)).toHaveLength(99);
  });

  it('of the texts of persisted queries, by their length', async () => {
    const { cache } = createCaches();
    if (cache === 'bounded') throw new Error('Apollo would choose its bound itself');
    const keys = Array.from({ length: 60 }, (_, at) => `text ${at}`);
    for (const key of keys) await cache.set(key, 'x'.repeat(100_000));
    const kept = await Promise.all(keys.map(async (key) => cache.get(key)));
    expect(kept.filter((each) => each !== undefined)).toHaveLength(50);
  });
});
