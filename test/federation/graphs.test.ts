import { buildClientSchema, buildSchema, getIntrospectionQuery } from 'graphql';
import type { IntrospectionQuery } from 'graphql';

import { useDocumentedCode } from '../docs/documented-code.js';
import { testGraphs } from './graph-tests.js';
import {
  ForwardingSource,
  fromFederationSdl,
  startApolloGateway,
  stitch,
  type Source,
  type StitchableSchema,
} from './graphs.js';
import { foreignApiKey, own } from './subgraphs.js';

const documented = useDocumentedCode();

// A stitched graph already has the id of the export, and reports that the name is missing.
const nullError = { message: 'Cannot return null for non-nullable field Export.name.' };

testGraphs([
  {
    name: '@apollo/gateway',
    start: (subgraphs) => startApolloGateway(subgraphs, ForwardingSource),
    httpError: (message, code) => ({
      message,
      extensions: {
        code: 'INTERNAL_SERVER_ERROR',
        response: { status: parseInt(message), body: { errors: [{ extensions: { code } }] } },
      },
    }),
    foreign: foreignApiKey,
  },
  {
    name: '@apollo/gateway with the documented data source',
    async start(subgraphs) {
      const module = await documented.load<{ ExportsSource: Source }>('exports-source.ts');
      return startApolloGateway(subgraphs, module.ExportsSource);
    },
  },
  {
    name: 'a graph stitched from _sdl',
    nullError,
    async start(subgraphs) {
      const { data } = await subgraphs.gateway.query<{ _sdl: string }>('{ _sdl }', {}, own);
      return stitch(subgraphs, { schema: buildSchema(data._sdl) });
    },
  },
  {
    name: 'a graph stitched from _service.sdl',
    nullError,
    start: (subgraphs) => stitch(subgraphs, fromFederationSdl(subgraphs.exports)),
  },
  {
    name: 'a graph stitched from introspection with the documented merge configuration',
    nullError,
    async start(subgraphs) {
      const query = getIntrospectionQuery();
      const { data } = await subgraphs.gateway.query<IntrospectionQuery>(query, {}, own);
      const { merge } =
        await documented.load<Required<Pick<StitchableSchema, 'merge'>>>('exports-merge.ts');
      return stitch(subgraphs, { schema: buildClientSchema(data), merge });
    },
  },
]);
