import { createHash } from 'node:crypto';

import type { HTTPGraphQLRequest } from '@apollo/server';
import { Kind, parse, visit, type ASTNode, type DocumentNode } from 'graphql';

import { PersistedQueryNotInListError, StartupError, toError } from '../errors.js';
import { limits } from './limits.js';

export type RequestWithoutHeaders = Omit<HTTPGraphQLRequest, 'headers'>;

/** The documents of TRUSTED_DOCUMENTS. Only they run, and the queries for the gateway's SDL. */
export class TrustedDocuments {
  readonly #byId = new Map<string, string>();
  readonly #byText = new Map<string, string>();

  /** Takes texts by id. Throws StartupError for a text that is not GraphQL. */
  constructor(manifest: ReadonlyMap<string, string>) {
    for (const [id, text] of manifest) {
      this.#byId.set(id, text).set(sha256(text), text);
      this.#byText.set(text, text).set(canonicalHash(parseTrusted(id, text)), text);
    }
  }

  /** The request with the text of its document. Throws PersistedQueryNotInListError. */
  resolve(request: RequestWithoutHeaders): RequestWithoutHeaders {
    if (request.method === 'POST') {
      const { documentId, doc_id, extensions, query, ...rest } = recordOf(request.body);
      const text = this.#find({ documentId: documentId ?? doc_id, extensions, query });
      return { ...request, body: { ...rest, query: text } };
    }
    const parameters = new URLSearchParams(request.search);
    const text = this.#find({
      documentId: parameters.get('documentId') ?? parameters.get('doc_id'),
      extensions: parsedJson(parameters.get('extensions')),
      query: parameters.get('query'),
    });
    // Its hash may be one of another algorithm, which Apollo Server would reject.
    parameters.delete('extensions');
    parameters.set('query', text);
    return { ...request, search: `?${parameters.toString()}` };
  }

  #find({ query, documentId, extensions }: Record<'query' | 'documentId' | 'extensions', unknown>) {
    if (typeof query === 'string' && query !== '') {
      return this.#byText.get(query) ?? this.#findParsed(query);
    }
    const id = documentId ?? recordOf(recordOf(extensions)['persistedQuery'])['sha256Hash'];
    const text = this.#byId.get(String(id)) ?? this.#byId.get(String(id).replace(/^sha256:/, ''));
    if (text === undefined) throw new PersistedQueryNotInListError();
    return text;
  }

  #findParsed(text: string): string {
    try {
      const document = parse(text, { maxTokens: limits.tokens, noLocation: true });
      const found = readsOnlySdl(document) ? text : this.#byText.get(canonicalHash(document));
      if (found !== undefined) return found;
    } catch {
      // A text that is not GraphQL is not in the list either.
    }
    throw new PersistedQueryNotInListError();
  }
}

function parseTrusted(id: string, text: string): DocumentNode {
  try {
    return parse(text, { noLocation: true });
  } catch (cause) {
    const problem = `is not GraphQL (${toError(cause).message})`;
    const remedy = 'generate the manifest again';
    throw new StartupError([`TRUSTED_DOCUMENTS: the document ${id} ${problem}: ${remedy}.`]);
  }
}

/**
 * Equal for documents that differ in layout or order only: graphql-codegen sorts fields. Printing
 * a deeply nested document would take quadratic time.
 */
function canonicalHash(document: DocumentNode): string {
  const sorted: unknown = visit(document, {
    Document: { leave: (node) => ({ ...node, definitions: inOrder(node.definitions) }) },
    OperationDefinition: {
      leave: (node) => ({ ...node, variableDefinitions: inOrder(node.variableDefinitions) }),
    },
    SelectionSet: { leave: (node) => ({ ...node, selections: inOrder(node.selections) }) },
    Field: { leave: (node) => ({ ...node, arguments: inOrder(node.arguments) }) },
  });
  return sha256(JSON.stringify(sorted));
}

/** Sorted by kind and name; nodes with equal ones keep their order. */
function inOrder<Node extends ASTNode>(nodes: readonly Node[] = []): readonly Node[] {
  const keyed = nodes.map((node) => ({ node, key: `${node.kind} ${nameOf(node)}` }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : +(a.key > b.key))).map(({ node }) => node);
}

function nameOf(node: ASTNode): string {
  if (node.kind === Kind.VARIABLE_DEFINITION) return node.variable.name.value;
  if (node.kind === Kind.INLINE_FRAGMENT) return node.typeCondition?.name.value ?? '';
  if (node.kind === Kind.OPERATION_DEFINITION) return node.name?.value ?? '';
  if (node.kind === Kind.FIELD) return (node.alias ?? node.name).value;
  return 'name' in node ? node.name.value : '';
}

const SDL_FIELDS = new Set(['_service', '_sdl']);

/** Whether a document only reads the schema that routers and stitching gateways need. */
function readsOnlySdl({ definitions }: DocumentNode): boolean {
  return definitions.every(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.selectionSet.selections.every(
        (selection) => selection.kind === Kind.FIELD && SDL_FIELDS.has(selection.name.value),
      ),
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function parsedJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}
