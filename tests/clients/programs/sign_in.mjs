// The TypeScript SDK 1.x or 2.x signs in at an authorization server, as a user with a browser would, and calls the tool.
const { sdk, url, customer_id } = JSON.parse(process.env.TASK);
const { Client, StreamableHTTPClientTransport, UnauthorizedError } =
  sdk === 1
    ? {
        ...(await import('@modelcontextprotocol/sdk/client/index.js')),
        ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
        ...(await import('@modelcontextprotocol/sdk/client/auth.js')),
      }
    : await import('@modelcontextprotocol/client');

const redirectUrl = 'http://127.0.0.1:9/callback';
const kept = {};
let asked;
const authProvider = {
  redirectUrl,
  clientMetadata: {
    client_name: `TypeScript SDK ${sdk}`,
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code'],
    token_endpoint_auth_method: 'none',
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  redirectToAuthorization: (address) => void (asked = address),
};

async function visit(address) {
  const cookies = new Map();
  while (!String(address).startsWith(redirectUrl)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(address, { redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    if (response.status >= 400) throw new Error(`${response.status} ${await response.text()}`);
    address = new URL(response.headers.get('location'), address);
  }
  return address.searchParams;
}

const connect = async () => {
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
  const client = new Client({ name: 'sign-in', version: '1' });
  try {
    await client.connect(transport);
    return client;
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    const answered = await visit(asked);
    await transport.finishAuth(sdk === 1 ? answered.get('code') : answered);
  }
};
const client = (await connect()) ?? (await connect());
const result = await client.callTool({ name: 'refresh_customer_wallets', arguments: { customer_id } });
console.log(JSON.stringify({ scope: asked.searchParams.get('scope'), resource: asked.searchParams.get('resource'), result }));
await client.close();
