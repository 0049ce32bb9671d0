import { readdir, readFile } from 'node:fs/promises';

/** A fenced code block of a page. */
export interface CodeBlock {
  readonly language: string;
  readonly code: string;
}

/** Every Markdown page of the documentation, by its path from the root. */
export async function readPages(): Promise<ReadonlyMap<string, string>> {
  const paths = [...(await readdir('.')), ...(await readdir('docs')).map((name) => `docs/${name}`)];
  const pages = paths
    .filter((path) => path.endsWith('.md'))
    .map(async (path) => [path, await readFile(path, 'utf8')] as const);
  return new Map(await Promise.all(pages));
}

const FENCE = /^( *)```(\w*)\n([^]*?)^\1```$/gm;

export function codeBlocksOf(page: string): CodeBlock[] {
  return [...page.matchAll(FENCE)].map(([, indent = '', language = '', code = '']) => ({
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

export function proseOf(page: string): string {
  return page.replaceAll(FENCE, '');
}

/** The cells of every table row of a page, without the separator rows. */
export function tableRowsOf(page: string): string[][] {
  return proseOf(page)
    .split('\n')
    .filter((line) => /^\|.*\|$/.test(line) && !/^[|\s:-]+$/.test(line))
    .map((line) => line.slice(1, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.trim()));
}

export function headingsOf(page: string): string[] {
  return [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
}

/** The anchors of the headings of a page on GitHub. */
export function anchorsOf(page: string): string[] {
  return headingsOf(page).map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The code blocks that begin with a comment `// name.ts` or `// name.tsx`: whole files, by name. */
export async function documentedFiles(): Promise<ReadonlyMap<string, string>> {
  const blocks = [...(await readPages()).values()].flatMap(codeBlocksOf);
  return new Map(
    blocks.flatMap(({ code }) => {
      const name = /^\/\/ ([\w-]+\.tsx?)\n/.exec(code)?.[1];
      return name === undefined ? [] : [[name, code] as const];
    }),
  );
}

/** The whole file of this name. Throws when no page has it. */
export async function documentedFile(name: string): Promise<string> {
  const code = (await documentedFiles()).get(name);
  if (code === undefined) throw new Error(`No page of the documentation has a file ${name}`);
  return code;
}
