// An authorization server that nobody here wrote (npm oidc-provider), on loopback. Anyone who comes is signed in as jane.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const { resource, scope } = JSON.parse(process.env.TASK);
const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  scopes: ['openid', 'offline_access', scope],
  claims: { openid: ['sub'] },
  cookies: { keys: ['made up'] },
  pkce: { required: () => true },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (ctx, interaction) => `/sign-in/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, indicator) => ({
        audience: indicator, scope, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

async function signIn(request, response) {
  const { params, prompt } = await provider.interactionDetails(request, response);
  const result = { login: { accountId: 'jane' } };
  if (prompt.name === 'consent') {
    const grant = new provider.Grant({ accountId: 'jane', clientId: params.client_id });
    const { missingOIDCScope = [], missingResourceScopes = {} } = prompt.details;
    grant.addOIDCScope(missingOIDCScope.join(' '));
    for (const [indicator, scopes] of Object.entries(missingResourceScopes)) {
      grant.addResourceScope(indicator, scopes.join(' '));
    }
    result.consent = { grantId: await grant.save() };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

const answer = provider.callback();
server.on('request', (request, response) =>
  request.url.startsWith('/sign-in/') ? signIn(request, response) : answer(request, response),
);
console.log(issuer);
