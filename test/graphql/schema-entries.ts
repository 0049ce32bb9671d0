import { parse, print, printSchema, visit, type ASTNode, type GraphQLSchema } from 'graphql';

export interface Entry {
  /** A type, field, argument or value, with its type and default. */
  readonly says: string;
  readonly description: string | undefined;
}

/** Everything that a schema defines except directives, one entry each. */
export function entriesOf(schema: GraphQLSchema): Entry[] {
  const entries: Entry[] = [];
  const path: string[] = [];
  visit(parse(printSchema(schema)), {
    DirectiveDefinition: () => false,
    enter(node) {
      if (!isDefinition(node)) return;
      const { description, ...definition } = node;
      const alone = { ...definition, directives: [], fields: [], arguments: [], values: [] };
      entries.push({ says: [...path, print(alone)].join('.'), description: description?.value });
      path.push(node.name.value);
    },
    leave(node) {
      if (isDefinition(node)) path.pop();
    },
  });
  return entries;
}

type Definition = ASTNode & {
  readonly name: { readonly value: string };
  readonly description?: { readonly value: string };
};

function isDefinition(node: ASTNode): node is Definition {
  return 'name' in node && 'description' in node;
}
