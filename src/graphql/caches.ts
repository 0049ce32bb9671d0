import { InMemoryLRUCache } from '@apollo/utils.keyvaluecache';
import type { DocumentNode } from 'graphql';

import { MAX_COMPILED_FIELDS } from './jit-execution.js';
import { fieldCount } from './selections.js';

/** Room for about a thousand documents. By default, Apollo measures them as JSON. */
const MAX_DOCUMENT_BYTES = 65_000_000;
const MAX_PERSISTED_QUERY_CHARACTERS = 5_000_000;
const TOKEN_BYTES = 500;
const COMPILED_FIELD_BYTES = 2_000;

/** Apollo Server's caches: validated documents, and the texts of persisted queries. */
export function createCaches() {
  return {
    documentStore: new InMemoryLRUCache<DocumentNode>({
      maxSize: MAX_DOCUMENT_BYTES,
      sizeCalculation: estimateDocumentBytes,
    }),
    cache: new InMemoryLRUCache({ maxSize: MAX_PERSISTED_QUERY_CHARACTERS }),
  };
}

/** The memory of a document: its source, its tree, and its operations once they are compiled. */
function estimateDocumentBytes(document: DocumentNode): number {
  const { loc } = document;
  let tokens = 1;
  for (let token = loc?.startToken.next; token != null; token = token.next) tokens++;
  const compiledFields = Math.min(fieldCount(document), MAX_COMPILED_FIELDS);
  const sourceBytes = loc?.source.body.length ?? 0;
  return sourceBytes + tokens * TOKEN_BYTES + compiledFields * COMPILED_FIELD_BYTES;
}
