import type { ApolloServerOptions } from '@apollo/server';
import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';

import type { Context } from './context.js';

type Caches = Required<Pick<ApolloServerOptions<Context>, 'cache' | 'documentStore'>>;

/**
 * What the documents that are kept may take in all, in bytes: room for hundreds. Apollo's own bound would be reached at some 200 MB, for it
 * counts them as JSON.
 */
const MAX_DOCUMENT_BYTES = 25_000_000;
/** What a word or sign takes at most, parsed. */
const TOKEN_BYTES = 500;
/** How many characters the texts of persisted queries may have in all. */
const MAX_CHARACTERS = 5_000_000;

/** What Apollo Server keeps between requests: documents that it has checked, and the texts that clients name by their hash. */
export function createCaches(): Caches {
  return {
    documentStore: keyValueCache<DocumentNode>({ maxSize: MAX_DOCUMENT_BYTES, sizeOf: bytesOf }),
    cache: keyValueCache<string>({ maxSize: MAX_CHARACTERS, sizeOf: (text) => text.length }),
  };
}

/** A bounded cache, as Apollo Server speaks to one. */
function keyValueCache<Value extends object | string>({
  maxSize,
  sizeOf,
}: {
  maxSize: number;
  sizeOf: (value: Value) => number;
}) {
  const cache = new LRUCache<string, Value>({ maxSize, sizeCalculation: sizeOf });
  return {
    async get(key: string) {
      return cache.get(key);
    },
    async set(key: string, value: Value) {
      cache.set(key, value);
    },
    async delete(key: string) {
      cache.delete(key);
    },
  };
}

/** What a parsed document takes in memory, about: its tree, and its text, of which it keeps all, spaces and comments, too. */
export function bytesOf({ loc }: DocumentNode): number {
  let tokens = 1;
  for (let token = loc?.startToken.next; token != null; token = token.next) tokens++;
  return tokens * TOKEN_BYTES + (loc?.source.body.length ?? 0);
}
