import { expect, it } from '@jest/globals';
import { buildSchema, getVariableValues, parse, type OperationDefinitionNode } from 'graphql';

import { arePlainVariables } from '../../src/graphql/plain-variables.js';

const schema = buildSchema('type Query { a: ID } enum Order { ASC } input Range { lt: Int }');

function check(type: string, variables: Record<string, unknown>) {
  const [operation] = parse(`query ($value: ${type}) { a }`).definitions;
  const { variableDefinitions = [] } = operation as OperationDefinitionNode;
  return {
    isPlain: arePlainVariables(operation as OperationDefinitionNode, variables),
    isValid: getVariableValues(schema, variableDefinitions, variables).errors === undefined,
  };
}

it.each([
  ['ID!', 'a'],
  ['String!', ''],
  ['Int!', 0],
  ['Int!', 2 ** 31 - 1],
  ['Boolean!', false],
  ['Int', null],
  ['[ID!]', undefined],
  ['Int! = 1', 2],
])('takes a variable of the type %s that is %j as it is', (type, value) => {
  expect(check(type, { value })).toEqual({ isPlain: true, isValid: true });
});

it.each([
  ['ID!', 1, true],
  ['Int! = 1', undefined, true],
  ['[ID!]!', ['a'], true],
  ['Order!', 'ASC', true],
  ['Range!', { lt: 1 }, true],
  ['ID!', null, false],
  ['ID!', undefined, false],
  ['ID!', true, false],
  ['Int!', 1.5, false],
  ['Int!', 2 ** 31, false],
  ['Int!', '1', false],
  ['Boolean!', 'true', false],
  ['String!', { toString: 1 }, false],
])('leaves a variable of the type %s that is %j to graphql-js', (type, value, isValid) => {
  expect(check(type, value === undefined ? {} : { value })).toEqual({ isPlain: false, isValid });
});

it('does not take what variables inherit for a value', () => {
  const [operation] = parse('query ($toString: String!) { a }').definitions;
  expect(arePlainVariables(operation as OperationDefinitionNode, {})).toBe(false);
});
