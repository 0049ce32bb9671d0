import { Kind, type OperationDefinitionNode } from 'graphql';

const isString = (value: unknown) => typeof value === 'string';
const MAX_INT = 2 ** 31 - 1;

/** The values of scalars that need no coercion. */
const checks = new Map<string, (value: unknown) => boolean>([
  ['Boolean', (value) => typeof value === 'boolean'],
  ['ID', isString],
  ['Int', (value) => Number.isInteger(value) && Math.abs(Number(value)) <= MAX_INT],
  ['String', isString],
]);

/**
 * Whether all variables are valid by their types alone; others may be valid, too. For twenty ids,
 * graphql-js takes 5 % of the CPU time of their lookup.
 */
export function arePlainVariables(
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): boolean {
  return variableDefinitions.every(({ variable, type }) => {
    const value = variables[variable.name.value] ?? null;
    const required = type.kind === Kind.NON_NULL_TYPE ? type.type : null;
    if (value === null && required === null) return true;
    const named = required ?? type;
    return named.kind === Kind.NAMED_TYPE && checks.get(named.name.value)?.(value) === true;
  });
}
