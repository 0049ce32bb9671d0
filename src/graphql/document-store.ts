import type { KeyValueCache } from '@apollo/utils.keyvaluecache';
import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';

import { MAX_COMPILED_FIELDS } from './compiled-operations.js';
import { fieldCount } from './selections.js';

/** Holds about a thousand documents. By default, Apollo measures them as JSON. */
const MAX_BYTES = 65_000_000;
const TOKEN_BYTES = 500;
const COMPILED_FIELD_BYTES = 2_000;

/** Validated documents, by the hash of their text for Apollo Server, and by the text itself. */
export class DocumentStore implements KeyValueCache<DocumentNode> {
  readonly #byText = new Map<string, { readonly hash: string; readonly document: DocumentNode }>();
  readonly #documents = new LRUCache<string, DocumentNode>({
    maxSize: MAX_BYTES,
    sizeCalculation: estimateBytes,
    dispose: (document) => {
      this.#byText.delete(textOf(document));
    },
  });

  find(text: string): DocumentNode | undefined {
    const found = this.#byText.get(text);
    // It counts as used.
    if (found !== undefined) this.#documents.get(found.hash);
    return found?.document;
  }

  async get(hash: string): Promise<DocumentNode | undefined> {
    return this.#documents.get(hash);
  }

  async set(hash: string, document: DocumentNode): Promise<void> {
    this.#documents.set(hash, document);
    if (this.#documents.has(hash)) this.#byText.set(textOf(document), { hash, document });
  }

  async delete(hash: string): Promise<boolean> {
    return this.#documents.delete(hash);
  }
}

function textOf({ loc }: DocumentNode): string {
  return loc?.source.body ?? '';
}

/** The memory of a document: its source, its tree, and its operations once they are compiled. */
function estimateBytes(document: DocumentNode): number {
  let tokens = 1;
  for (let token = document.loc?.startToken.next; token != null; token = token.next) tokens++;
  const compiledFields = Math.min(fieldCount(document), MAX_COMPILED_FIELDS);
  return textOf(document).length + tokens * TOKEN_BYTES + compiledFields * COMPILED_FIELD_BYTES;
}
