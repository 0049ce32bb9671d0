import { getDocumentNodeFromSchema } from '@graphql-tools/utils';
import {
  Kind,
  lexicographicSortSchema,
  print,
  visit,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';

// All texts are printed from the schema that is served, so that they never contradict it.

const FEDERATION = `extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.4", import: ["@key", "@shareable", "@tag", "@inaccessible"])`;

const MERGE_DIRECTIVE = `"""The field by which a stitched graph looks up objects by their key."""
directive @merge(keyField: String, keyArg: String) on FIELD_DEFINITION`;

const STITCHING_KEY_DIRECTIVE = `"""The fields by which a stitched graph identifies an object."""
directive @key(selectionSet: String!) on OBJECT`;

/** The schema for client tools, without anything of federation and stitching. */
export function clientSdl(schema: GraphQLSchema): string {
  return joinParts(printApi(schema, (directive) => directive === 'specifiedBy'));
}

/** The schema as a subgraph of Apollo Federation 2, without the types that every subgraph has. */
export function subgraphSdl(schema: GraphQLSchema): string {
  const api = printApi(schema, (directive) => directive !== 'merge');
  return joinParts(FEDERATION, api);
}

/** The schema with the directives of @graphql-tools/stitching-directives. */
export function stitchingSdl(schema: GraphQLSchema): string {
  const api = printApi(schema, (directive) => ['key', 'merge', 'specifiedBy'].includes(directive));
  const keys = api.replace(/@key\(fields: "([^"]*)"\)/g, '@key(selectionSet: "{ $1 }")');
  return joinParts(STITCHING_KEY_DIRECTIVE, MERGE_DIRECTIVE, keys);
}

function joinParts(...parts: string[]): string {
  return `${parts.join('\n\n')}\n`;
}

const federationNames = new Set(['_Any', '_Entity', '_Service', '_entities', '_service', '_sdl']);

/** Prints the schema without the types and fields that only routers and gateways use. */
function printApi(schema: GraphQLSchema, keepsDirective: (name: string) => boolean): string {
  const document = visit(toDocument(schema), {
    enter(node) {
      const name = 'name' in node ? node.name.value : '';
      if (node.kind === Kind.DIRECTIVE) return keepsDirective(name) ? undefined : null;
      return federationNames.has(name) ? null : undefined;
    },
  });
  return printSpaced(document);
}

/** Prints a blank line between members that have a description, as graphql-js does for a schema. */
function printSpaced(document: DocumentNode): string {
  return print(document).replace(
    /([{(]?)\n( +"""(?:[^\n]+"""|\n[^]*?\n +""")\n)/g,
    (match, opening: string, description: string) =>
      opening === '' ? `\n\n${description}` : match,
  );
}

function toDocument(schema: GraphQLSchema): DocumentNode {
  const document = getDocumentNodeFromSchema(lexicographicSortSchema(schema));
  // The root type has its default name.
  return visit(document, { SchemaDefinition: () => null });
}
