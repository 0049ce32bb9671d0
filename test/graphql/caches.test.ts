import { describe, expect, it } from '@jest/globals';
import { buildSchema, getOperationAST, parse } from 'graphql';

import { costOf } from '../../src/graphql/cost.js';
import { DocumentStore } from '../../src/graphql/document-store.js';
import { createCaches } from '../../src/graphql/server.js';

const keys = Array.from({ length: 400 }, (_, index) => `key ${index}`);

describe('the cache of documents', () => {
  it.each([
    { what: 'tokens', document: `{ ${'id '.repeat(12_000)} }`, kept: 9 },
    { what: 'the length of its text', document: `{ id }${' '.repeat(250_000)}`, kept: 255 },
    {
      what: 'fields that can be compiled, with fragments',
      document: `{ ...f ...f ...f } fragment f on T { ${'id '.repeat(100)} }`,
      kept: 98,
    },
  ])('has room for $kept documents of many $what', async ({ document, kept }) => {
    const { documentStore } = createCaches();
    const parsed = parse(document);
    for (const key of keys) await documentStore.set(key, parsed);
    const found = await Promise.all(keys.map(async (key) => documentStore.get(key)));
    expect(found.filter(Boolean)).toHaveLength(kept);
    expect(found.at(-1)).toBeDefined();
  });
});

it('finds a document by its text while it is in the cache, where its use counts', async () => {
  const documents = new DocumentStore();
  // Ten documents fill it.
  const texts = keys.slice(0, 40).map((key) => `{ id } # ${key.padEnd(6_400_000)}`);
  const [first = '', second = ''] = texts;
  const last = texts.at(-1) ?? '';
  for (const text of texts) {
    await documents.set(`hash of ${text}`, parse(text));
    expect(documents.find(first) === undefined).toBe(false);
  }
  expect(texts.filter((text) => documents.find(text) !== undefined).length).toBe(10);
  expect(documents.find(second) === undefined).toBe(true);
  expect(documents.find(last)?.loc?.source.body === last).toBe(true);
  await documents.delete(`hash of ${last}`);
  expect(documents.find(last) === undefined).toBe(true);
});

describe('the cache of persisted queries', () => {
  it('has room for 5,000,000 characters', async () => {
    const { cache } = createCaches();
    for (const key of keys) await cache.set(key, 'x'.repeat(100_000));
    const found = await Promise.all(keys.map(async (key) => cache.get(key)));
    expect(found.map(Boolean)).toEqual(keys.map((_, index) => index >= keys.length - 50));
  });
});

describe('the cache of costs', () => {
  const schema = buildSchema('scalar _Any type Query { entity(of: _Any): Int }');
  const query = parse('query ($of: _Any) { entity(of: $of) }');
  const operation = getOperationAST(query) ?? undefined;

  it.each([
    { what: 'a long value', of: { id: 'x'.repeat(2_000) }, isKept: true },
    { what: 'a long name of a property', of: { ['x'.repeat(2_000)]: 1 }, isKept: false },
  ])('of an operation with $what in a variable keeps it: $isKept', ({ of, isKept }) => {
    if (operation === undefined) throw new Error('The document has no operation');
    const measure = () =>
      costOf(operation, { schema, query, variables: { of }, operationName: null });
    const measured = measure();
    expect(measured.cost).toBe(1);
    expect(measure() === measured).toBe(isKept);
  });
});
