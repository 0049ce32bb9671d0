import { readFileSync } from 'node:fs';

import Fastify, { type FastifyInstance } from 'fastify';
import mercurius from 'mercurius';

import type { PlainFilter, PlainSql } from './plain-sql.js';

interface ListArguments {
  readonly filter?: PlainFilter;
  readonly page: number;
  readonly limit: number;
}

/** Mercurius with its JIT compiler, on the gateway's schema and the statements of LIMIT. It makes no links. */
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
        async exports(_root: unknown, { filter, page, limit }: ListArguments) {
          const rows = await sql.page(filter, page, limit);
          const pagination = { page, limit, hasMore: rows.length > limit, filter };
          return { data: rows.slice(0, limit), pagination };
        },
      },
      ExportPagination: {
        totalCount: ({ filter }: { filter: PlainFilter | undefined }) => sql.count(filter),
      },
    },
  });
  return server;
}
