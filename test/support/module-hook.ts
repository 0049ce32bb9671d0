/** A Node option by which a program loads its modules through hooks, given as the text of an ES module. */
export function moduleHook(hook: string): string {
  const register = `import { register } from 'node:module';
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
  return `--import=data:text/javascript,${encodeURIComponent(register)}`;
}
