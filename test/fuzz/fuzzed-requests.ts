import fc from 'fast-check';
import type { GraphQLSchema } from 'graphql';

import { choicesOf } from './choices.js';
import { requestOf, type GraphqlRequest } from './documents.js';
import type { Vocabulary } from './input-values.js';
import { spoiled } from './mutate.js';

/** Requests against a schema, a quarter of them spoiled. Each is made when it is called, out of the choices of its seed. */
export function fuzzedRequests(
  schema: GraphQLSchema,
  vocabulary: Vocabulary,
): fc.Arbitrary<() => GraphqlRequest> {
  return fc.gen().map((generator) => {
    let made: GraphqlRequest | undefined;
    return () => {
      if (made !== undefined) return made;
      const choices = choicesOf(generator);
      const request = requestOf(schema, { choices, vocabulary });
      return (made = choices.chance(25) ? spoiled(request, choices) : request);
    };
  });
}
