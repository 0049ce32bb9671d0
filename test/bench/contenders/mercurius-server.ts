import { readFileSync } from 'node:fs';

import Fastify, { type FastifyInstance } from 'fastify';
import mercurius from 'mercurius';

import type { ListVariables, PlainSql } from './plain-sql.js';

/** Mercurius with its JIT compiler, the gateway's schema and LIMIT's SQL. It signs no links. */
export function createMercuriusServer(sql: PlainSql): FastifyInstance {
  const server = Fastify();
  void server.register(mercurius, {
    schema: readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8'),
    jit: 1,
    resolvers: {
      Query: {
        async export(_root: unknown, { id }: { id: string }) {
          const [found = null] = await sql.byIds([id]);
          return found;
        },
        async exports(_root: unknown, variables: ListVariables) {
          const { filter, page, limit } = variables;
          const rows = await sql.page(variables);
          const pagination = { page, limit, hasMore: rows.length > limit, filter };
          return { data: rows.slice(0, limit), pagination };
        },
      },
      ExportPagination: {
        totalCount: ({ filter }: ListVariables) => sql.count(filter),
      },
    },
  });
  return server;
}
