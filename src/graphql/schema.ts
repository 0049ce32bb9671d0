import { isUnionType, type GraphQLSchema } from 'graphql';
import { buildSchema, type ContainerType } from 'type-graphql';

import { ExportResolver } from '../exports/export-resolver.js';
import { Export } from '../exports/export.js';
import { FederationResolver } from './federation.js';
import { schemaText } from './sdl.js';

export async function createSchema(resolver: ExportResolver): Promise<GraphQLSchema> {
  const federation = new FederationResolver(resolver);
  return buildExportSchema({ get: (cls) => (cls === FederationResolver ? federation : resolver) });
}

/** The text of schema.graphql. */
export async function createSchemaText(): Promise<string> {
  return schemaText(await buildExportSchema());
}

async function buildExportSchema(container?: ContainerType): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: [ExportResolver, FederationResolver],
    ...(container && { container }),
    // exports/export-args.ts validates arguments, with messages of this API.
    validate: false,
  });
  const query = schema.getQueryType();
  // TypeGraphQL has no option for this description.
  if (query) query.description = 'Reads exports and links to their files.';
  // TypeGraphQL resolves the type asynchronously, which graphql-jit does not await.
  const entity = schema.getType('_Entity');
  if (isUnionType(entity)) entity.resolveType = () => Export.name;
  return schema;
}
