import type { Choices } from './choices.js';
import type { GraphqlRequest } from './documents.js';

const token = /"""[^]*?"""|"(?:\\.|[^"\\])*"|[$@]?\w+|\.\.\.|[^\s\w]/g;
const strangers = [
  '{',
  '}',
  '(',
  ')',
  '[',
  ']',
  ':',
  '!',
  '$',
  '@',
  '...',
  '"',
  '"""',
  '#',
  '&',
  '|',
  '\0',
  '\u{1F600}',
  '\\',
  '0x1',
  '01',
  '1e999',
  '99999999999999999999',
  'null',
  'on',
  'fragment F0 on Export { ...F0 }',
  'mutation { a }',
  'subscription { a }',
  'type T { a: Int }',
  '@skip(if: true)',
  '@deprecated',
  '@defer',
  '$unknown',
  '__typename',
  'nameX',
  'exports',
];
const wrongVariables = [null, [], {}, 'x', '{}', 5, true, [{}], { v0: null, v1: [], more: 1 }];
const wrongNames = [null, 5, {}, [], '', 'Nothing'];
const wrongQueries = [
  undefined,
  null,
  '',
  ' ',
  '#',
  5,
  true,
  [],
  {},
  ['{ __typename }'],
  '﻿{ __typename }',
];

/** A request with one thing or a few in it changed, so that it is mostly no longer one that a gateway serves. */
export function spoiled(request: GraphqlRequest, choices: Choices): GraphqlRequest {
  const { chance, pick } = choices;
  if (chance(10)) return { ...request, variables: pick(wrongVariables) };
  if (chance(5)) return { ...request, operationName: pick(wrongNames) };
  if (chance(5)) return { ...request, query: pick(wrongQueries) };
  return { ...request, query: spoiledText(String(request.query), choices) };
}

const word = /^\w/;

function spoiledText(text: string, { below, chance, pick }: Choices): string {
  if (chance(5)) return text.slice(0, below(text.length + 1));
  const tokens = text.match(token) ?? [];
  const words = tokens.filter((each) => word.test(each));
  const times = 1 + below(3);
  // A word for a word leaves a document that can be read.
  const isReadable = words.length > 0 && chance(60);
  for (let time = 0; time < times; time += 1) {
    const at = below(tokens.length + 1);
    if (isReadable) {
      if (word.test(tokens[at] ?? '')) tokens[at] = chance(20) ? 'unknown' : pick(words);
      continue;
    }
    const other = tokens[below(tokens.length + 1)] ?? '';
    const replacement = pick([[], [pick(strangers)], [other], [other, other]]);
    tokens.splice(at, below(2), ...replacement);
  }
  return tokens.join(' ');
}
