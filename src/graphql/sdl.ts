import { getDocumentNodeFromSchema } from '@graphql-tools/utils';
import {
  Kind,
  lexicographicSortSchema,
  print,
  visit,
  type DirectiveNode,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';

/**
 * The texts of the schema. All three are printed from the schema that is served, sorted, so that they change only when it does
 * and cannot contradict it.
 */

const FEDERATION = `extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable", "@tag", "@inaccessible"])`;

/** What a GraphQL tool must know that knows nothing of federation and stitching; a router knows it by itself. */
const DEFINITIONS = `"""Tells which version of which specification the directives are of."""
directive @link(url: String!, as: String, import: [String]) repeatable on SCHEMA

"""The fields that other subgraphs refer to an entity by."""
directive @key(fields: String!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE

"""Other subgraphs may define and answer it as well."""
directive @shareable repeatable on OBJECT | FIELD_DEFINITION

"""A label by which a contract of a federated graph can leave it out."""
directive @tag(name: String!) repeatable on FIELD_DEFINITION | INTERFACE | OBJECT | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION | SCHEMA

"""It is not part of a federated graph."""
directive @inaccessible on FIELD_DEFINITION | INTERFACE | OBJECT | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION`;

const MERGE_DEFINITION = `"""A stitched graph asks here for objects by a field of their key."""
directive @merge(keyField: String, keyArg: String) on FIELD_DEFINITION`;

const STITCHING_DEFINITIONS = `"""The fields that a stitched graph knows an object by."""
directive @key(selectionSet: String!) on OBJECT

${MERGE_DEFINITION}`;

/** The text of schema.graphql: the whole of the schema, complete in itself, for people and their tools. */
export function schemaText(schema: GraphQLSchema): string {
  return textOf(FEDERATION, spaced(documentOf(schema)), DEFINITIONS, MERGE_DEFINITION);
}

/** The schema as a subgraph of Apollo Federation 2: without what every subgraph has, as the specification wants it. */
export function subgraphSdl(schema: GraphQLSchema): string {
  const document = withDirectives(stripFederationTypes(documentOf(schema)), (directive) =>
    directive.name.value === 'merge' ? null : directive,
  );
  return textOf(FEDERATION, spaced(document));
}

/** The schema with the directives of @graphql-tools/stitching-directives. */
export function stitchingSdl(schema: GraphQLSchema): string {
  const document = withDirectives(stripFederationTypes(documentOf(schema)), (directive) => {
    if (directive.name.value === 'merge' || directive.name.value === 'specifiedBy')
      return directive;
    return directive.name.value === 'key' ? stitchingKey(directive) : null;
  });
  return textOf(STITCHING_DEFINITIONS, spaced(document));
}

function textOf(...parts: string[]): string {
  return `${parts.join('\n\n')}\n`;
}

/** The document with a blank line between the members of a type, which graphql-js leaves out here and not in printSchema. */
function spaced(document: DocumentNode): string {
  return print(document).replace(
    /([{(]?)\n( +"""(?:[^\n]+"""|\n[^]*?\n +""")\n)/g,
    (all, opening: string, description: string) => (opening === '' ? `\n\n${description}` : all),
  );
}

function documentOf(schema: GraphQLSchema): DocumentNode {
  const document = getDocumentNodeFromSchema(lexicographicSortSchema(schema));
  // Its root has the usual name, which needs no saying.
  return visit(document, { SchemaDefinition: () => null });
}

const machinery = new Set(['_Any', '_Entity', '_Service', '_entities', '_service', '_sdl']);

/** Without the types and fields that are there for gateways in front alone. */
function stripFederationTypes(document: DocumentNode): DocumentNode {
  return visit(document, {
    enter(node) {
      const isNamed =
        node.kind === Kind.FIELD_DEFINITION ||
        node.kind === Kind.SCALAR_TYPE_DEFINITION ||
        node.kind === Kind.UNION_TYPE_DEFINITION ||
        node.kind === Kind.OBJECT_TYPE_DEFINITION;
      return isNamed && machinery.has(node.name.value) ? null : undefined;
    },
  });
}

function withDirectives(
  document: DocumentNode,
  change: (directive: DirectiveNode) => DirectiveNode | null,
): DocumentNode {
  return visit(document, { Directive: (directive) => change(directive) });
}

/** `@key(fields: "id")` in the words of stitching: `@key(selectionSet: "{ id }")`. */
function stitchingKey(directive: DirectiveNode): DirectiveNode {
  return visit(directive, {
    Argument: (argument) =>
      argument.name.value === 'fields'
        ? { ...argument, name: { ...argument.name, value: 'selectionSet' } }
        : null,
    StringValue: (value) => ({ ...value, value: `{ ${value.value} }` }),
  });
}
