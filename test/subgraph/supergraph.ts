import { composeServices, type CompositionResult } from '@apollo/composition';
import { ApolloGateway, type GatewayConfig } from '@apollo/gateway';
import { parse, type GraphQLSchema } from 'graphql';

export interface Subgraph {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
}

/** What Apollo's composition makes of subgraphs, its errors and hints among it. */
export function composed(subgraphs: readonly Subgraph[]): CompositionResult {
  return composeServices(
    subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })),
  );
}

/** The supergraph. Throws when composition has an error or as much as a hint. */
export function supergraphOf(subgraphs: readonly Subgraph[]): string {
  const { errors, hints = [], supergraphSdl } = composed(subgraphs);
  const complaints = [...(errors ?? []), ...hints].map(String);
  if (supergraphSdl === undefined || complaints.length > 0) throw new Error(complaints.join('\n'));
  return supergraphSdl;
}

/** Apollo's gateway over a supergraph, with a source for each subgraph. */
export function apolloGateway(
  supergraphSdl: string,
  buildService?: NonNullable<GatewayConfig['buildService']>,
): ApolloGateway {
  // It would ask four clouds whether it runs in them, and report to its maker.
  process.env['APOLLO_TELEMETRY_DISABLED'] = 'true';
  return new ApolloGateway({ supergraphSdl, ...(buildService && { buildService }) });
}

/** What clients of a supergraph get to see. */
export async function apiOf(supergraphSdl: string): Promise<GraphQLSchema> {
  const gateway = apolloGateway(supergraphSdl);
  const { schema } = await gateway.load();
  await gateway.stop();
  return schema;
}

/** The data that a subgraph answers a query with. */
export async function read<Data>(
  url: string,
  query: string,
  headers: Record<string, string> = {},
): Promise<Data> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  const { data } = (await response.json()) as { data: Data };
  return data;
}

/** The text that Apollo's tools read a subgraph by. */
export async function serviceSdl(url: string, headers?: Record<string, string>): Promise<string> {
  const query = 'query SubgraphIntrospectQuery { _service { sdl } }';
  const { _service: service } = await read<{ _service: { sdl: string } }>(url, query, headers);
  return service.sdl;
}
