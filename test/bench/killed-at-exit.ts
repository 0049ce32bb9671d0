import type { ChildProcess } from 'node:child_process';

/** Lets a child not outlive this process, also when it exits early. Gives what takes this back when the child has ended. */
export function killedAtExit(child: ChildProcess): () => void {
  const kill = () => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  return () => process.off('exit', kill);
}
