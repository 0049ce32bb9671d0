import { createHash } from 'node:crypto';

const style =
  ':root { color-scheme: light dark } ' +
  'body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 20vh auto; padding: 1rem }';

const styleHash = createHash('sha256').update(style).digest('base64');

/** The Content-Security-Policy of an error page, which loads and runs nothing. */
export const ERROR_PAGE_POLICY =
  `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; ` +
  "frame-ancestors 'none'; sandbox";

/** A page for a person whose browser opened a link to a file that cannot be downloaded. */
export function errorPage(message: string): string {
  const text = message.replace(/[&<]/g, (character) => (character === '&' ? '&amp;' : '&lt;'));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>No download</title>
<style>${style}</style>
</head>
<body>
<p>${text}</p>
</body>
</html>
`;
}
