/**
 * The form of a page whose gateway requires authentication: one place for the key of all tabs. GraphiQL
 * has only headers of each tab, which its history writes into localStorage.
 */
export const credentialsForm = `<form id="credentials" class="graphiql-container">
<label for="key">API key or token</label>
<input id="key" autocomplete="off" autocapitalize="off" spellcheck="false" size="48"
  pattern="\\s*([Bb]earer +)?[!-~]*\\s*" title="An API key or a bearer token has no spaces.">
<button class="graphiql-button">Use</button>
<output></output>
</form>`;

/** Not a field of the type password, which browsers offer to save. */
export const credentialsStyle = `
body { display: flex; flex-direction: column; height: 100vh }
#root { flex: 1; min-height: 0 }
#root .graphiql-container { height: 100% }
#credentials { box-sizing: border-box; flex-wrap: wrap; align-items: center; gap: 8px 12px; height: auto;
  padding: 12px 16px 0 }
#credentials input { -webkit-text-security: disc; flex: 0 1 auto; min-width: 0; padding: 8px 12px;
  border: 1px solid hsla(var(--color-neutral), var(--alpha-tertiary)); border-radius: 6px; background: none;
  font-family: var(--font-family-mono) }
.unauthenticated #credentials input { border-color: hsl(var(--color-error)) }
.unauthenticated #credentials output { color: hsl(var(--color-error)); font-weight: 500 }
.unauthenticated .graphiql-doc-explorer-error::after { content: ": 401. Enter an API key or a token above." }
`;

/**
 * Sends the key with every request and keeps it in sessionStorage, by path because gateways may share
 * an origin. Requests without a key are sent as well: a proxy may add the credentials.
 */
export const credentialsScript = `
const form = document.getElementById('credentials');
const field = form.elements.key;
const slot = 'credentials of ' + location.pathname;
let key = field.value = sessionStorage.getItem(slot) ?? '';
const isToken = () => /^[\\w-]+\\.[\\w-]+\\.[\\w-]+$/.test(key);
props.additionalHeaders = () => {
  if (isToken()) return { Authorization: 'Bearer ' + key };
  return key === '' ? {} : { 'X-API-Key': key };
};
const showOutcome = (isUnauthenticated) => {
  document.body.classList.toggle('unauthenticated', isUnauthenticated);
  const [kind, sentAs] = isToken() ? ['token', 'a bearer token'] : ['API key', 'X-API-Key'];
  form.querySelector('output').value =
    key === '' ? (isUnauthenticated ? '401: enter an API key or a token, then queries run and the Docs load.' : '')
    : isUnauthenticated ? '401: the gateway does not accept this ' + kind + '.'
    : 'All tabs send it as ' + sentAs + '. Closing the browser tab forgets it.';
};
const send = globalThis.fetch;
globalThis.fetch = async (...request) => {
  const sent = key;
  const response = await send(...request);
  if (sent === key && response.status < 500) showOutcome(response.status === 401);
  return response;
};
form.onsubmit = (event) => {
  event.preventDefault();
  key = field.value = field.value.trim().replace(/^bearer +/i, '');
  sessionStorage.setItem(slot, key);
  document.querySelector('.graphiql-sidebar [aria-label^="Re-fetch"]').click();
};
`;
