import type { Choices, GraphqlRequest } from './requests.js';

const token = /"""[^]*?"""|"(?:\\.|[^"\\])*"|[$@]?\w+|\.\.\.|[^\s\w]/g;
const word = /^\w/;
const oddTokens = [
  ...'{ } ( ) [ ] : ! $ @ ... " """ # & | \\ 0x1 01 1e999 99999999999999999999 null on'.split(' '),
  ...'@deprecated @defer $unknown __typename nameX exports \0 \u{1F600}'.split(' '),
  ...['fragment F0 on Export { ...F0 }', 'mutation { a }', 'subscription { a }'],
  ...['type T { a: Int }', '@skip(if: true)'],
];
const oddQueries = ['', ' ', '#', 5, [], {}, ['{ __typename }'], '\ufeff{ __typename }', null];
const odd = {
  query: [...oddQueries, undefined],
  variables: [[], {}, 'x', '{}', 5, true, [{}], { v0: null, v1: [], more: 1 }, null],
  operationName: ['Nothing', '', 5, {}, [], null],
};

/** Changes a few things in a request, so that most are no longer valid. */
export function mutate(request: GraphqlRequest, choices: Choices): GraphqlRequest {
  for (const name of ['variables', 'operationName', 'query'] as const) {
    if (choices.chance(6)) return { ...request, [name]: choices.pick<unknown>(odd[name]) };
  }
  const query = String(request.query);
  if (choices.chance(5)) return { ...request, query: query.slice(0, choices.below(query.length)) };
  const tokens = query.match(token) ?? [];
  const words = tokens.filter((each) => word.test(each));
  // A document still parses when a word replaces a word.
  const parses = choices.chance(60);
  for (let times = 1 + choices.below(3); times > 0; times -= 1) {
    const at = choices.below(tokens.length);
    const other = tokens[choices.below(tokens.length)] ?? '';
    if (!parses) {
      const replacement = choices.pick([[], [choices.pick(oddTokens)], [other], [other, other]]);
      tokens.splice(at, choices.below(2), ...replacement);
    } else if (word.test(tokens[at] ?? '')) {
      tokens[at] = choices.chance(20) ? 'unknown' : choices.pick(words);
    }
  }
  return { ...request, query: tokens.join(' ') };
}
